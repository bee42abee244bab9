"""Addresses that a real server behind LVS (direct routing) has on its loopback interface.

There it accepts what the director sends it, without answering for the address on the network. While
the node has the address for itself it is not there; afterwards it comes back as it was.
"""

from __future__ import annotations

import _socket

from ocf_agents.network import netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.runtime.state import State

KEY = "loopback"  # in the state: the kernel's message about each address


def index() -> int:
    """Return the number of the loopback interface."""
    return _socket.if_nametoindex("lo")


def take_away(ips: list[bytes], state: State) -> None:
    """Remove packed addresses from the loopback interface, and remember them.

    Raises:
        OSError: The kernel refuses it.
    """
    from ocf_agents.network.address import remove

    found = [a for ip in ips for a in netlink.find(ip) if a.index == index()]
    if not found:
        return
    values = state.read()
    remembered = [*values.get(KEY, "").split(), *(each.message.hex() for each in found)]
    state.write({**values, KEY: " ".join(remembered)})
    for address in found:
        remove(address)


def put_back(state: State) -> None:
    """Add the addresses again that were taken away.

    Raises:
        OSError: The kernel refuses it.
    """
    values = state.read()
    for message in values.pop(KEY, "").split():
        from ocf_agents.network.address import restore

        restore(bytes.fromhex(message))
    if values:
        state.write(values)
    else:
        state.forget()
