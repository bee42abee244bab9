"""The ip agent, with the real loopback interface where no privilege is needed."""

from __future__ import annotations

import _socket
import struct

import pytest

from ocf_agents.ip import Ip
from ocf_agents.network import netlink
from ocf_agents.runtime.agent import Code
from tests.unit.ocf_agents.conftest import Act

LOOPBACK = bytes([127, 0, 0, 1])
RECURRING = {"OCF_RESKEY_CRM_meta_interval": "10000"}


def test_the_kernel_tells_the_loopback_address() -> None:
    """A real netlink dump has 127.0.0.1/8 on lo."""
    [address] = netlink.find(LOOPBACK)
    assert (address.prefix, _socket.if_indextoname(address.index)) == (8, "lo")


def test_the_kernel_tells_the_loopback_link() -> None:
    """A real link message has lo's name, and that ARP makes no sense there."""
    link = netlink.link(_socket.if_nametoindex("lo"))
    assert (link.name, link.ethernet) == ("lo", False)


def test_the_kernel_tells_all_addresses_and_links() -> None:
    """Real netlink dumps have lo among the rest."""
    index = _socket.if_nametoindex("lo")
    assert LOOPBACK in [a.ip for a in netlink.addresses(netlink.AF_INET) if a.index == index]
    assert [link.name for link in netlink.links() if link.index == index] == ["lo"]


def test_a_link_that_does_not_exist_is_an_error() -> None:
    """The kernel's error number arrives as OSError."""
    with pytest.raises(OSError, match="No such device"):
        netlink.link(2_000_000_000)


def test_an_address_that_is_there_is_running(act: Act) -> None:
    """The monitor finds the address on any interface, or on the one given."""
    assert act(Ip, "monitor", ip="127.0.0.1").code == Code.SUCCESS
    assert act(Ip, "monitor", ip="127.0.0.1", nic="lo", cidr_netmask="255.0.0.0").code == 0


def test_an_absent_address_is_not_running(act: Act) -> None:
    """A probe and a later monitor both say 7."""
    assert act(Ip, "monitor", ip="198.51.100.7").code == Code.NOT_RUNNING
    assert act(Ip, "monitor", ip="198.51.100.7", environ=RECURRING).code == Code.NOT_RUNNING


def test_another_prefix_is_a_failure_not_absence(act: Act) -> None:
    """An address that answers here with another prefix must be stopped before it starts."""
    outcome = act(Ip, "monitor", ip="127.0.0.1", cidr_netmask="24")
    assert outcome.code == Code.ERR_GENERIC
    assert "127.0.0.1 is up with /8 instead of /24" in outcome.reason


def test_a_vanished_interface_fails_over_but_a_probe_says_not_running(act: Act) -> None:
    """Lost hardware is exit 1 on a monitor, 7 on a probe, and 5 for a start."""
    parameters = {"ip": "198.51.100.7", "nic": "gone0", "cidr_netmask": "24"}
    assert act(Ip, "monitor", **parameters).code == Code.NOT_RUNNING
    assert act(Ip, "monitor", **parameters, environ=RECURRING).code == Code.ERR_GENERIC
    outcome = act(Ip, "start", **parameters)
    assert outcome.code == Code.ERR_INSTALLED
    assert "there is no interface gone0 on this node" in outcome.reason


@pytest.mark.parametrize(
    "parameters",
    [
        {"ip": "198.51.100.7"},
        {"ip": "198.51.100.7", "nic": "gone0"},
        {"ip": "nonsense"},
        {},
        {"ip": "198.51.100.7", "cidr_netmask": "99"},
    ],
)
def test_stopping_what_is_not_there_is_fine(act: Act, parameters: dict[str, str]) -> None:
    """A stop succeeds without address, interface or sensible parameters."""
    assert act(Ip, "stop", **parameters).code == Code.SUCCESS


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "the parameter ip is missing"),
        ({"ip": "198.51.100.300"}, "ip=198.51.100.300 is not an IPv4 or IPv6 address"),
        ({"ip": "198.51.100.7", "cidr_netmask": "33"}, "a prefix length from 1 to 32"),
        ({"ip": "198.51.100.7", "cidr_netmask": "255.0.255.0"}, "nor an IPv4 netmask"),
        ({"ip": "2001:db8::7", "cidr_netmask": "255.255.0.0"}, "from 1 to 128"),
        ({"ip": "fe80::7"}, "it needs the parameter nic"),
        ({"addresses": "198.51.100.7/24 fe80::7/64"}, "fe80::7 is link-local"),
        ({"addresses": "198.51.100.7/33"}, "198.51.100.7/33 is not like 198.51.100.8/24"),
        ({"addresses": "198.51.100.7/"}, "198.51.100.7/ is not like 198.51.100.8/24"),
        ({"ip": "198.51.100.7", "broadcast": "2001:db8::"}, 'not an IPv4 address, "+" or "-"'),
        ({"ip": "2001:db8::7", "preferred_lft": "-1"}, "preferred_lft=-1 is neither a number"),
        ({"ip": "198.51.100.7", "arp_interval": "0"}, "a whole number from 1 to 60000"),
    ],
)
def test_wrong_parameters_are_explained(act: Act, parameters: dict[str, str], reason: str) -> None:
    """What is wrong on every node is exit 6, and says what would be right."""
    outcome = act(Ip, "validate-all", **parameters)
    assert outcome.code == Code.ERR_CONFIGURED
    assert reason in outcome.reason


@pytest.mark.parametrize(
    "parameters",
    [
        {"ip": "198.51.100.7", "cidr_netmask": "255.255.255.128"},
        {"ip": "2001:DB8:0::7", "cidr_netmask": "64"},
        {"ip": "fe80::7", "nic": "eth0"},
        {"addresses": "198.51.100.7, 2001:db8::7/64"},
        {"ip": "198.51.100.7", "nic": "eth0:shop", "broadcast": "+", "preferred_lft": "3600"},
    ],
)
def test_right_parameters_pass(act: Act, parameters: dict[str, str]) -> None:
    """Netmasks, any way to write IPv6, and link-local with an interface are fine."""
    assert act(Ip, "validate-all", **parameters).code == Code.SUCCESS


def test_ipv6_is_compared_as_a_number(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """However an address is written, it is the same address."""
    packed = _socket.inet_pton(_socket.AF_INET6, "2001:db8::7")
    here = netlink.Address(packed, 64, _socket.if_nametoindex("lo"), 0)
    monkeypatch.setattr(netlink, "addresses", lambda _: [here])
    assert act(Ip, "monitor", ip="2001:DB8:0:0::7").code == Code.SUCCESS


def test_a_link_that_is_down_fails_the_monitor(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address on a dead link is exit 1, so that the service moves."""
    dead = netlink.Link(1, "eth0", b"\2" * 6, ethernet=True, down="down in the layer below")
    monkeypatch.setattr(netlink, "link", lambda _: dead)
    outcome = act(Ip, "monitor", ip="127.0.0.1")
    assert outcome.code == Code.ERR_GENERIC
    assert "the link eth0 of 127.0.0.1 is down: down in the layer below" in outcome.reason


def test_an_operational_state_that_lags_behind_is_not_believed() -> None:
    """A lost carrier counts at once; the kernel may change the operational state a second later."""
    up_without_carrier = struct.pack("=BxHiII", 0, netlink.ARPHRD_ETHER, 1, netlink.IFF_UP, 0)
    name = netlink.attribute(netlink.IFLA_IFNAME, b"eth0\0")
    state = netlink.attribute(netlink.IFLA_OPERSTATE, b"\6")  # up
    assert netlink._link(up_without_carrier + name + state).down == "no carrier"


def test_what_is_watched() -> None:
    """The watcher learns of every address with its interface, and of each link once."""
    environ = {"OCF_RESKEY_ip": "127.0.0.1", "OCF_RESKEY_addresses": "127.0.0.1 198.51.100.7"}
    lo = _socket.if_nametoindex("lo")
    assert Ip(environ).watches() == [f"address 127.0.0.1 {lo}", f"link {lo}"]
    environ["OCF_RESKEY_check_link_status"] = "false"
    assert Ip(environ).watches() == [f"address 127.0.0.1 {lo}"]


def test_without_a_matching_network_the_start_says_what_to_give(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address in none of the node's networks needs its interface and prefix."""
    monkeypatch.setattr(netlink, "routes", lambda _: [])
    monkeypatch.setattr(netlink, "links", list)
    outcome = act(Ip, "start", ip="198.51.100.7")
    assert outcome.code == Code.ERR_GENERIC
    wanted = "no network of this node contains 198.51.100.7: give nic and cidr_netmask"
    assert outcome.kept == wanted


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("198.51.100.7", "the link eth1 of 198.51.100.7 is down: not set up"),
        (
            "203.0.113.7",
            "no network of this node contains 203.0.113.7: give nic and cidr_netmask; "
            "or is it that of a link that is down: eth1?",
        ),
    ],
)
def test_a_link_that_is_down_is_named_as_the_reason_for_a_missing_route(
    act: Act, monkeypatch: pytest.MonkeyPatch, given: str, reason: str
) -> None:
    """Its routes have gone with it: surely if it has an address there, else perhaps."""
    up = netlink.Link(1, "eth0", b"\2" * 6, ethernet=True, down="")
    dead = netlink.Link(2, "eth1", b"\3" * 6, ethernet=True, down="not set up")
    tunnel = netlink.Link(3, "tunl0", b"", ethernet=False, down="not set up")
    address = netlink.Address(bytes([198, 51, 100, 1]), 24, 2, 0)
    monkeypatch.setattr(netlink, "routes", lambda _: [])
    monkeypatch.setattr(netlink, "links", lambda: [up, dead, tunnel])
    monkeypatch.setattr(netlink, "addresses", lambda _: [address])
    outcome = act(Ip, "start", ip=given)
    assert (outcome.code, outcome.kept) == (Code.ERR_GENERIC, reason)
