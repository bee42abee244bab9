"""Announce to the neighbours that an address is here now, so that they forget the node before.

IPv4: gratuitous ARP, as request and as reply, since some devices accept only one of them (RFC 5227,
section 3). IPv6: unsolicited Neighbour Advertisements with the override flag (RFC 4861, 7.2.6).

The first announcement goes out at once. A packet may be lost, so a small process repeats it: a fork
of the agent, which has all that it needs in memory. The agent's state file has its number.
"""

from __future__ import annotations

import _socket
import os
import time

from ocf_agents.network import netlink
from ocf_agents.network.ethernet.packets import (
    ARP_REPLY,
    ARP_REQUEST,
    PacketSocket,
    advertisement,
    arp,
)
from ocf_agents.runtime.process import identify, recall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from ocf_agents.runtime.state import State

Announced = tuple[bytes, netlink.Link]

FIRST_FREE = 3  # the descriptor after standard input, output and error
SIGKILL = 9  # the module `signal` takes as much time as starting Python
REMEMBERED, BEGIN = b"r", b"b"


class Announcer:
    """Announces addresses from `begin` on, the first time at once and then in the background.

    The background process is made in advance, while the agent has to wait for something else. It
    ends if the agent ends before `begin`.

    Args:
        packets: The socket to send by.
        addresses: Packed addresses, each with the Ethernet link that has it.
        count: How many times to announce them.
        interval: Seconds from one time to the next.
        state: Where to remember the background process.
    """

    def __init__(
        self,
        packets: PacketSocket,
        addresses: list[Announced],
        *,
        count: int,
        interval: float,
        state: State,
    ) -> None:
        self._packets = packets
        self._addresses = addresses
        self._count = count
        self._interval = interval
        self._state = state
        self._background: _socket.socket | None = None
        end_announcements(state)
        if count > 1:
            self._background, other = _socket.socketpair()
            if os.fork() == 0:
                self._background.close()
                self._become_background(other)
            other.close()

    def begin(self) -> None:
        """Announce the addresses.

        Raises:
            OSError: The packets cannot be sent.
        """
        for each in self._addresses:
            _announce_once(self._packets, each)
        if self._background is not None and self._background.recv(1) == REMEMBERED:
            self._background.send(BEGIN)

    def _become_background(self, agent: _socket.socket) -> NoReturn:
        """Repeat the announcements in this process, a fork of the agent; then end."""
        try:
            # It remembers itself before it leaves the process group in which Pacemaker would kill
            # it with the agent: there is no moment at which it lives on and nobody knows of it.
            this = identify(os.getpid())
            if this is not None:
                self._state.write({"pid": str(this.pid), "started": this.started})
            os.setsid()
            _close_all_but(agent.fileno(), self._packets.fileno())
            agent.send(REMEMBERED)
            if agent.recv(1) == BEGIN:
                self._repeat()
        except OSError:
            pass  # the agent has ended
        finally:
            os._exit(0)

    def _repeat(self) -> None:
        for _ in range(self._count - 1):
            time.sleep(self._interval)
            for ip, link in self._addresses:
                if any(address.index == link.index for address in netlink.find(ip)):
                    _announce_once(self._packets, (ip, link))


def end_announcements(state: State) -> None:
    """End the process that still announces, if there is one.

    There is nothing to wait for: from now on it executes none of its program.
    """
    process = recall(state.read())
    if process is not None:
        try:  # noqa: SIM105 - contextlib takes milliseconds to load
            os.kill(process.pid, SIGKILL)
        except ProcessLookupError:
            pass
    state.forget()


def _announce_once(packets: PacketSocket, announced: Announced) -> None:
    ip, link = announced
    mac = link.hardware
    if netlink.family(ip) == netlink.AF_INET:
        packets.send(link, arp(ARP_REQUEST, (mac, ip), (bytes(6), ip)))
        packets.send(link, arp(ARP_REPLY, (mac, ip), (mac, ip)))
    else:
        packets.send(link, advertisement(ip, mac, router=_forwards(link.name)))


def _close_all_but(*needed: int) -> None:
    """Close all descriptors but some; Pacemaker waits until the agent's output is closed."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(FIRST_FREE):
        os.dup2(null, standard)
    first = FIRST_FREE
    for descriptor in sorted(needed):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _forwards(interface: str) -> bool:
    """Tell whether this node is a router there: its neighbours keep routes through it only so."""
    try:
        path = f"/proc/sys/net/ipv6/conf/{interface}/forwarding"
        with open(path, encoding="utf-8") as file:
            return file.read().strip() != "0"
    except OSError:
        return False
