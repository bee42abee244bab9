"""Where an address belongs: its interface and prefix length, from the routes if not given."""

from __future__ import annotations

import _socket

from ocf_agents.network import netlink
from ocf_agents.network.wanted import LOOPBACK_PREFIX, WantedAddress, is_loopback
from ocf_agents.runtime.agent import AgentError


class Place:
    """Where an address belongs.

    Args:
        wanted: The address that is asked for.
        link: The interface.
        prefix: The length of the prefix.
        address: The address on the interface, None as long as it is not there.
    """

    def __init__(
        self,
        wanted: WantedAddress,
        link: netlink.Link,
        prefix: int,
        address: netlink.Address | None = None,
    ) -> None:
        self.wanted = wanted
        self.link = link
        self.prefix = prefix
        self.address = address


def place(wanted: WantedAddress, nic: str, index: int | None) -> Place:
    """Return where an address belongs.

    Args:
        wanted: The address.
        nic: The name of the interface that is asked for, "" for any.
        index: The index of that interface, None for any.

    Raises:
        AgentError: None of this node's networks contains the address.
    """
    if index is not None and wanted.prefix is not None:
        return Place(wanted, netlink.link(index), wanted.prefix)
    for found, prefix in _networks(wanted.ip):
        if index in (None, found):
            return Place(wanted, netlink.link(found), wanted.prefix or prefix)
    raise _nowhere(wanted, nic, index)


def is_down(wanted: WantedAddress, link: netlink.Link) -> AgentError:
    """Return the error that the link of an address is down."""
    return AgentError(f"the link {link.name} of {wanted} is down: {link.down}")


def _networks(ip: bytes) -> list[tuple[int, int]]:
    """Return the interface and the prefix length of the networks that contain `ip`, best first."""
    if is_loopback(ip):
        return [(_socket.if_nametoindex("lo"), LOOPBACK_PREFIX)]
    return [(route.index, route.prefix) for route in netlink.routes(ip)]


def link_that_is_down(wanted: WantedAddress, index: int | None) -> netlink.Link | None:
    """Return the link that is down and would have the address: the one asked for, or its network's.

    Args:
        wanted: The address.
        index: The index of the interface that is asked for, None for any.
    """
    if index is not None:
        link = netlink.link(index)
        return link if link.down else None
    if _networks(wanted.ip):
        return None
    return _network_down(wanted, _down(None))


def _down(index: int | None) -> dict[int, netlink.Link]:
    """Return the links that are down, by number: all, or the one with an index."""
    possible = (link for link in netlink.links() if index in (None, link.index))
    return {link.index: link for link in possible if link.down}


def _network_down(wanted: WantedAddress, down: dict[int, netlink.Link]) -> netlink.Link | None:
    """Return which of some links that are down has an address of the same network."""
    for address in netlink.addresses(netlink.family(wanted.ip)):
        if address.index in down and netlink.same_network(wanted.ip, address.ip, address.prefix):
            return down[address.index]
    return None


def _nowhere(wanted: WantedAddress, nic: str, index: int | None) -> AgentError:
    """Return the error that no route shows where the address belongs: perhaps a link is down."""
    down = _down(index)
    if (link := _network_down(wanted, down)) is not None:
        return is_down(wanted, link)
    where = f" on {nic}" if nic else ""
    missing = "cidr_netmask" if nic else "nic and cidr_netmask"
    names = ", ".join(link.name for link in down.values() if link.ethernet)
    perhaps = f"; or is it that of a link that is down: {names}?" if names else ""
    return AgentError(f"no network of this node{where} contains {wanted}: give {missing}{perhaps}")
