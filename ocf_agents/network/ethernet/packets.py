"""The packets by which an Ethernet neighbourhood knows who has an address: ARP and its IPv6 kin.

ARP: RFC 826, RFC 5227. Neighbour Discovery: RFC 4861, RFC 4862.
"""

from __future__ import annotations

import _socket
import struct

from ocf_agents.network import netlink

ETH_P_ARP, ETH_P_IPV4, ETH_P_IPV6 = 0x0806, 0x0800, 0x86DD
EVERYONE = b"\xff" * 6
ARP_REQUEST, ARP_REPLY = 1, 2
ARP_PACKET = struct.Struct("!HHBBH6s4s6s4s")

SOLICITATION, ADVERTISEMENT = 135, 136
TARGET_LINK_LAYER_ADDRESS = 2
ROUTER_FLAG, OVERRIDE_FLAG = 0x80000000, 0x20000000
ALL_NODES = b"\xff\x02" + bytes(13) + b"\x01"
FULL_HOP_LIMIT = 255  # neighbours drop what may have passed a router


def arp(operation: int, sender: tuple[bytes, bytes], target: tuple[bytes, bytes]) -> bytes:
    """Return an ARP packet to everyone on the link, with its Ethernet header.

    Args:
        operation: ARP_REQUEST or ARP_REPLY.
        sender: Hardware address and packed IPv4 address of the sender.
        target: Hardware address and packed IPv4 address of the target.
    """
    header = EVERYONE + sender[0] + struct.pack("!H", ETH_P_ARP)
    kind = (netlink.ARPHRD_ETHER, ETH_P_IPV4, 6, 4, operation)
    return header + ARP_PACKET.pack(*kind, *sender, *target)


def arp_probe(ip: bytes, mac: bytes) -> bytes:
    """Return an ARP probe: who has an address, asked by a host that has none (RFC 5227, 1.1)."""
    return arp(ARP_REQUEST, (mac, bytes(4)), (bytes(6), ip))


def solicitation(ip: bytes, mac: bytes) -> bytes:
    """Return the probe for an IPv6 address (RFC 4862, 5.4.2), with its Ethernet header."""
    group = b"\xff\x02" + bytes(9) + b"\x01\xff" + ip[-3:]  # RFC 4291, 2.7.1: solicited-node
    body = struct.pack("!BBHI", SOLICITATION, 0, 0, 0) + ip
    return _ethernet(bytes(16), group, mac, body)


def advertisement(ip: bytes, mac: bytes, *, router: bool) -> bytes:
    """Return the announcement that an IPv6 address is here now (RFC 4861, 7.2.6)."""
    flags = OVERRIDE_FLAG | (ROUTER_FLAG if router else 0)
    body = struct.pack("!BBHI", ADVERTISEMENT, 0, 0, flags) + ip
    body += struct.pack("!BB", TARGET_LINK_LAYER_ADDRESS, 1) + mac
    return _ethernet(ip, ALL_NODES, mac, body)


class PacketSocket:
    """A packet socket (packet(7)): it sends on any Ethernet link, and receives all ARP packets.

    An action has one for all that it does, and never closes it: the kernel lets whoever closes such
    a socket last wait for 10 ms until no processor uses it any more (synchronize_net).
    """

    def __init__(self) -> None:
        mode = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
        self._socket = _socket.socket(_socket.AF_PACKET, mode, _socket.htons(ETH_P_ARP))

    def fileno(self) -> int:
        """Return the descriptor, to wait for packets."""
        return self._socket.fileno()

    def send(self, link: netlink.Link, packet: bytes) -> None:
        """Send a packet that has its Ethernet header.

        Raises:
            OSError: It cannot be sent.
        """
        self._socket.sendto(packet, (link.name, int.from_bytes(packet[12:14], "big")))

    def receive(self) -> tuple[bytes, str]:
        """Return the next ARP packet and the name of the link that it came from."""
        packet, (name, *_) = self._socket.recvfrom(2048)
        return packet, name


def _ethernet(source: bytes, group: bytes, mac: bytes, body: bytes) -> bytes:
    """Return an ICMPv6 packet to a multicast group, with IPv6 and Ethernet headers."""
    length = struct.pack("!I", len(body))
    # RFC 8200, 8.1: the checksum includes a header made of these.
    pseudo = source + group + length + struct.pack("!I", _socket.IPPROTO_ICMPV6)
    body = body[:2] + struct.pack("!H", _checksum(pseudo + body)) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), _socket.IPPROTO_ICMPV6, FULL_HOP_LIMIT)
    everyone = b"\x33\x33" + group[-4:]  # RFC 2464, 7
    ethernet = everyone + mac + struct.pack("!H", ETH_P_IPV6)
    return ethernet + header + source + group + body


def _checksum(data: bytes) -> int:
    """Return the Internet checksum of an even number of bytes (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:  # noqa: PLR2004 - 16 bits
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
