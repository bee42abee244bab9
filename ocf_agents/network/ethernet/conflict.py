"""Ask the neighbours whether one of them has an address already, before it is added.

IPv4: ARP probes (RFC 5227, 2.1). IPv6: duplicate address detection (RFC 4862, 5.4), by ourselves
since the kernel takes one to two seconds for it. Both documents have hosts wait that long for
networks of the 1980s and for crowds that are switched on at the same moment; a neighbour on the
same Ethernet segment answers within a millisecond, and a failover waits for us.
"""

from __future__ import annotations

import _socket
import select
import struct
import time

from ocf_agents.network import netlink
from ocf_agents.network.ethernet.packets import (
    ADVERTISEMENT,
    ARP_PACKET,
    FULL_HOP_LIMIT,
    TARGET_LINK_LAYER_ADDRESS,
    PacketSocket,
    arp_probe,
    solicitation,
)

PROBES = 2  # a packet may be lost; the second one goes out after half the time
ETHERNET_HEADER = 14  # bytes
IPV6_BYTES = 16
ICMPV6_FILTER = 1  # linux/icmpv6.h
TARGET, OPTIONS = 8, 24  # where they begin in an advertisement (RFC 4861, 4.4)
HOP_LIMIT = struct.Struct("=i")
NOBODY = (b"", "", b"")


class Conflict:
    """Another host has an address: the packed address, where, and the host's hardware address."""

    def __init__(self, ip: bytes, link: netlink.Link, mac: bytes) -> None:
        self.ip = ip
        self.link = link
        self.mac = mac.hex(":")


class AddressProbe:
    """The question for some addresses at once; it goes out when this is made.

    Parameters: how to reach the neighbours, packed addresses with the Ethernet link that each shall
    be added to. Raises OSError.
    """

    def __init__(self, wire: PacketSocket, addresses: list[tuple[bytes, netlink.Link]]) -> None:
        self._began = time.monotonic()
        self._wire = wire
        self._links = {(ip, link.name): link for ip, link in addresses}
        self._ears: list[_ArpEar | _AdvertisementEar] = [_ArpEar(wire)]
        for link in {link.index: link for ip, link in addresses if len(ip) == IPV6_BYTES}.values():
            self._ears.append(_AdvertisementEar(link.name))
        self._ask()

    def answer(self, seconds: float) -> Conflict | None:
        """Return the first objection, None if there is none until `seconds` after the beginning."""
        found = self._listen(self._began + seconds / PROBES)
        for probe in range(2, PROBES + 1):
            if found is None:
                self._ask()
                found = self._listen(self._began + seconds * probe / PROBES)
        return found

    def _ask(self) -> None:
        for (ip, _), link in self._links.items():
            question = solicitation if len(ip) == IPV6_BYTES else arp_probe
            self._wire.send(link, question(ip, link.hardware))

    def _listen(self, until: float) -> Conflict | None:
        """Return an objection that comes before a moment of the monotonic clock."""
        poll = select.poll()
        ears = {ear.fileno(): ear for ear in self._ears}
        for descriptor in ears:
            poll.register(descriptor, select.POLLIN)
        while ready := poll.poll(max(0, until - time.monotonic()) * 1000):
            for descriptor, _ in ready:
                ip, name, mac = ears[descriptor].hear()
                link = self._links.get((ip, name))
                # A packet of our own comes back where two ports of a switch are bonded.
                if link is not None and mac != link.hardware:
                    return Conflict(ip, link, mac)
        return None


class _ArpEar:
    """Any ARP packet of a sender that has the address (RFC 5227, 2.1.1).

    Not, as the RFC says there too, a probe of one that only asks for it as we do: it may be a tool
    that looks for free addresses, and nobody else has the address while it does.
    """

    def __init__(self, wire: PacketSocket) -> None:
        self.fileno = wire.fileno
        self._wire = wire

    def hear(self) -> tuple[bytes, str, bytes]:
        """Return the sender of the next packet: packed address, link, hardware address."""
        packet, name = self._wire.receive()
        if len(packet) < ETHERNET_HEADER + ARP_PACKET.size:
            return NOBODY
        *_, mac, ip, _, _ = ARP_PACKET.unpack_from(packet, ETHERNET_HEADER)
        return ip, name, mac


class _AdvertisementEar:
    """Neighbour advertisements, which whoever has the address sends to all (RFC 4862, 5.4.4)."""

    def __init__(self, name: str) -> None:
        mode = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
        connection = _socket.socket(_socket.AF_INET6, mode, _socket.IPPROTO_ICMPV6)
        unwanted = [0xFFFFFFFF] * 8  # a bit for each type; cleared ones are received
        unwanted[ADVERTISEMENT // 32] ^= 1 << ADVERTISEMENT % 32
        mask = struct.pack("=8I", *unwanted)
        connection.setsockopt(_socket.IPPROTO_ICMPV6, ICMPV6_FILTER, mask)
        connection.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_RECVHOPLIMIT, 1)
        device = name.encode() + b"\0"
        connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_BINDTODEVICE, device)
        self.fileno = connection.fileno
        self._connection = connection
        self._name = name

    def hear(self) -> tuple[bytes, str, bytes]:
        """Return whom the next packet speaks of: packed address, link, hardware address."""
        packet, control, *_ = self._connection.recvmsg(2048, _socket.CMSG_SPACE(HOP_LIMIT.size))
        hops = [HOP_LIMIT.unpack(data)[0] for _, _, data in control]
        if len(packet) < OPTIONS or hops != [FULL_HOP_LIMIT]:
            return NOBODY
        return packet[TARGET:OPTIONS], self._name, _hardware(packet)


def _hardware(packet: bytes) -> bytes:
    """Return the hardware address that an advertisement tells, b"" if none."""
    offset = OPTIONS
    while offset + 8 <= len(packet) and packet[offset + 1]:
        kind, length = packet[offset], packet[offset + 1] * 8
        if kind == TARGET_LINK_LAYER_ADDRESS:
            return packet[offset + 2 : offset + 8]
        offset += length
    return b""
