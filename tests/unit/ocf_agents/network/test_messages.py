"""What the ip agent sends to the kernel and to the neighbours, read by another implementation."""

from __future__ import annotations

import _socket
import struct

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg

from ocf_agents.ip import Ip
from ocf_agents.network import address, connections, netlink
from ocf_agents.network.ethernet import conflict, packets
from ocf_agents.network.wanted import WantedAddress, pack
from tests.unit.ocf_agents.conftest import Act

MAC = bytes.fromhex("020000000001")


def read(body: bytes) -> tuple[dict[str, object], dict[str, object]]:
    """Return the fixed part and the attributes of an address message, as pyroute2 reads them."""
    header = struct.pack("=IHHII", 16 + len(body), address.RTM_NEWADDR, 0, 1, 0)
    message = ifaddrmsg(header + body)
    message.decode()
    return message, dict(message["attrs"])


def written(ip: str, prefix: int, broadcast: str = "", **options: object) -> dict[str, object]:
    wanted = WantedAddress(pack(ip) or b"", prefix, broadcast)
    body = address._addition(wanted, prefix, 3, address.Options(**options))  # type: ignore[arg-type]
    return read(body)[1]


def test_an_ipv4_address_is_written_as_the_kernel_reads_it() -> None:
    """Family, prefix, interface, and all attributes that were asked for."""
    wanted = WantedAddress(pack("198.51.100.7") or b"", 24)
    options = address.Options(label="eth0:shop", metric=77, noprefixroute=True)
    fixed, attributes = read(address._addition(wanted, 24, 3, options))
    assert (fixed["family"], fixed["prefixlen"], fixed["index"]) == (_socket.AF_INET, 24, 3)
    assert attributes == {
        "IFA_LOCAL": "198.51.100.7",
        "IFA_ADDRESS": "198.51.100.7",
        "IFA_BROADCAST": "198.51.100.255",
        "IFA_LABEL": "eth0:shop",
        "IFA_RT_PRIORITY": 77,
        "IFA_FLAGS": 0x200,
    }


def test_an_ipv6_address_is_written_as_the_kernel_reads_it() -> None:
    """It has a lifetime and flags, and neither label nor broadcast address."""
    attributes = written("2001:db8::7", 64, "+", label="eth0:shop", preferred=0, nodad=True)
    lifetime = attributes.pop("IFA_CACHEINFO")
    assert (lifetime["ifa_preferred"], lifetime["ifa_valid"]) == (0, address.FOREVER)  # type: ignore[index]
    addresses = {"IFA_LOCAL": "2001:db8::7", "IFA_ADDRESS": "2001:db8::7"}
    assert attributes == {**addresses, "IFA_FLAGS": 0x02}


@pytest.mark.parametrize(
    ("prefix", "broadcast", "expected"),
    [
        (24, "", "198.51.100.255"),
        (30, "", "198.51.100.7"),
        (31, "", None),
        (32, "", None),
        (24, "-", "198.51.100.0"),
        (31, "+", "198.51.100.7"),
        (24, "198.51.100.99", "198.51.100.99"),
    ],
)
def test_the_broadcast_address(prefix: int, broadcast: str, expected: str | None) -> None:
    """A network of two addresses has none of itself (RFC 3021)."""
    assert written("198.51.100.7", prefix, broadcast).get("IFA_BROADCAST") == expected


@pytest.mark.parametrize("ip", ["2001:db8::7", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"])
def test_the_checksums_of_ipv6_packets_are_right(ip: str) -> None:
    """The sum over pseudo header and packet, checksum included, has all bits set (RFC 1071)."""
    packed = _socket.inet_pton(_socket.AF_INET6, ip)
    for packet in (
        packets.solicitation(packed, MAC),
        packets.advertisement(packed, MAC, router=True),
    ):
        body = packet[54:]
        pseudo = packet[22:54] + struct.pack("!II", len(body), _socket.IPPROTO_ICMPV6)
        assert packets._checksum(pseudo + body) == 0
        assert int.from_bytes(packet[18:20], "big") == len(body)


class FakePacketSocket:
    """A packet socket that receives what the test puts there."""

    def __init__(self, packets: list[tuple[bytes, str]]) -> None:
        self.packets = packets
        self.sent: list[bytes] = []
        self._reader, self._writer = _socket.socketpair()
        self._writer.send(bytes(len(packets)))

    def fileno(self) -> int:
        """Return a descriptor that is readable as long as there are packets."""
        return self._reader.fileno()

    def send(self, _link: netlink.Link, packet: bytes) -> None:
        """Take note of a packet."""
        self.sent.append(packet)

    def receive(self) -> tuple[bytes, str]:
        """Return the next packet."""
        self._reader.recv(1)
        return self.packets.pop(0)


OTHER = bytes.fromhex("020000000002")
IP, OTHER_IP = bytes([198, 51, 100, 7]), bytes([198, 51, 100, 2])


@pytest.mark.parametrize(
    ("packet", "link", "conflicts"),
    [
        (packets.arp(packets.ARP_REPLY, (OTHER, IP), (MAC, bytes(4))), "eth0", True),
        (packets.arp(packets.ARP_REQUEST, (OTHER, IP), (bytes(6), OTHER_IP)), "eth0", True),
        (packets.arp(packets.ARP_REPLY, (OTHER, IP), (MAC, bytes(4))), "eth1", False),
        (packets.arp(packets.ARP_REPLY, (MAC, IP), (MAC, bytes(4))), "eth0", False),
        (packets.arp(packets.ARP_REQUEST, (OTHER, OTHER_IP), (bytes(6), IP)), "eth0", False),
        (packets.arp_probe(IP, OTHER), "eth0", False),
        (b"short", "eth0", False),
    ],
)
def test_what_counts_as_a_conflict(packet: bytes, link: str, conflicts: bool) -> None:
    """Whoever sends from the address on this link has it; who asks for it, or we, have not."""
    fake = FakePacketSocket([(packet, link)])
    eth0 = netlink.Link(1, "eth0", MAC, ethernet=True, down="")
    probe = conflict.AddressProbe(fake, [(IP, eth0)])  # type: ignore[arg-type]
    found = probe.conflict(0.02)
    assert (found is not None) == conflicts
    assert not fake.packets
    if found is not None:
        assert (found.ip, found.mac) == (IP, "02:00:00:00:00:02")
    else:
        assert fake.sent == [packets.arp_probe(IP, MAC)] * conflict.PROBES


def test_a_kernel_that_cannot_close_connections_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lists them, and refuses to destroy one (without CONFIG_INET_DIAG_DESTROY)."""

    def exchange(kind: int, *_: object) -> list[bytes]:
        if kind == connections.SOCK_DESTROY:
            raise OSError(95, "Operation not supported")
        return [bytes(72)]

    monkeypatch.setattr(netlink, "exchange", exchange)
    with pytest.raises(connections.Unsupported):
        connections.close_connections(IP)


def test_a_stop_does_not_fail_for_connections(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that cannot close them is only mentioned."""

    def refuse(_: bytes) -> int:
        raise connections.Unsupported

    monkeypatch.setattr(connections, "close_connections", refuse)
    outcome = act(Ip, "stop", ip="198.51.100.7", kill_connections_on_stop="true")
    assert outcome.code == 0
    assert "connections of 198.51.100.7 are left as they are: this kernel has no" in outcome.reason
