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
    """Another host that has an address.

    Args:
        ip: The packed address.
        link: The link that the host is on.
        mac: The hardware address of the host.
    """

    def __init__(self, ip: bytes, link: netlink.Link, mac: bytes) -> None:
        self.ip = ip
        self.link = link
        self.mac = mac.hex(":")


class AddressProbe:
    """A probe for some addresses at once, whose first packets are sent when it is made.

    Args:
        packets: The socket to send and receive by.
        addresses: Packed addresses, each with the Ethernet link that it shall be added to.

    Raises:
        OSError: The packets cannot be sent.
    """

    def __init__(self, packets: PacketSocket, addresses: list[tuple[bytes, netlink.Link]]) -> None:
        self._began = time.monotonic()
        self._packets = packets
        self._links = {(ip, link.name): link for ip, link in addresses}
        self._receivers: list[_ArpReceiver | _AdvertisementReceiver] = [_ArpReceiver(packets)]
        for link in {link.index: link for ip, link in addresses if len(ip) == IPV6_BYTES}.values():
            self._receivers.append(_AdvertisementReceiver(link.name))
        self._send()

    def conflict(self, seconds: float) -> Conflict | None:
        """Wait for an answer, at most so many seconds after the first packets were sent.

        Returns:
            The first host that has one of the addresses, None if none answers.
        """
        found = self._receive(self._began + seconds / PROBES)
        for probe in range(2, PROBES + 1):
            if found is None:
                self._send()
                found = self._receive(self._began + seconds * probe / PROBES)
        return found

    def _send(self) -> None:
        for (ip, _), link in self._links.items():
            probe = solicitation if len(ip) == IPV6_BYTES else arp_probe
            self._packets.send(link, probe(ip, link.hardware))

    def _receive(self, until: float) -> Conflict | None:
        """Return a conflict that shows before a moment of the monotonic clock."""
        poll = select.poll()
        receivers = {receiver.fileno(): receiver for receiver in self._receivers}
        for descriptor in receivers:
            poll.register(descriptor, select.POLLIN)
        left = until - time.monotonic()
        while ready := poll.poll(max(0, left) * 1000):
            for descriptor, _ in ready:
                ip, name, mac = receivers[descriptor].receive()
                link = self._links.get((ip, name))
                # A packet of our own comes back where two ports of a switch are bonded.
                if link is not None and mac != link.hardware and not _is_proxy(ip, mac):
                    return Conflict(ip, link, mac)
            left = until - time.monotonic()
            if left <= 0:  # though more packets may be there, as in a storm of them
                break
        return None


def _is_proxy(ip: bytes, mac: bytes) -> bool:
    """Tell whether it is this node itself that answers for an address which it does not have."""
    own = any(link.hardware == mac for link in netlink.links())
    return own and not netlink.find(ip)


class _ArpReceiver:
    """Receives ARP packets, whose senders have the address (RFC 5227, 2.1.1).

    A probe of another host is no conflict, unlike in the RFC: it may come from a tool that looks
    for free addresses, and its sender does not have the address.

    Args:
        packets: The socket that receives them.
    """

    def __init__(self, packets: PacketSocket) -> None:
        self.fileno = packets.fileno
        self._packets = packets

    def receive(self) -> tuple[bytes, str, bytes]:
        """Return the sender of the next packet: packed address, link, hardware address."""
        packet, name = self._packets.receive()
        if len(packet) < ETHERNET_HEADER + ARP_PACKET.size:
            return NOBODY
        *_, mac, ip, _, _ = ARP_PACKET.unpack_from(packet, ETHERNET_HEADER)
        return ip, name, mac


class _AdvertisementReceiver:
    """Receives neighbour advertisements, which a host sends that has the address (RFC 4862, 5.4.4).

    Args:
        name: The name of the link to receive them from.
    """

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

    def receive(self) -> tuple[bytes, str, bytes]:
        """Return what the next packet advertises: packed address, link, hardware address."""
        packet, control, *_ = self._connection.recvmsg(2048, _socket.CMSG_SPACE(HOP_LIMIT.size))
        hops = [HOP_LIMIT.unpack(data)[0] for _, _, data in control]
        if len(packet) < OPTIONS or hops != [FULL_HOP_LIMIT]:
            return NOBODY
        return packet[TARGET:OPTIONS], self._name, _hardware(packet)


def _hardware(packet: bytes) -> bytes:
    """Return the hardware address in an advertisement, b"" if it has none."""
    offset = OPTIONS
    while offset + 8 <= len(packet) and packet[offset + 1]:
        kind, length = packet[offset], packet[offset + 1] * 8
        if kind == TARGET_LINK_LAYER_ADDRESS:
            return packet[offset + 2 : offset + 8]
        offset += length
    return b""
