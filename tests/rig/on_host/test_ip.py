"""The floating address, on real interfaces: two nodes and a cable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ocf_agents
from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node

ADDRESS4, ADDRESS6 = "198.51.100.7", "2001:db8::7"
CHECKOUT = str(Path(ocf_agents.__file__).parents[1])
OTHER_STOP = """
import sys
sys.path.insert(0, sys.argv[1])
from ocf_agents.network.address import _PromoteSecondaries
with _PromoteSecondaries("eth1"):
    print("promoting", flush=True)
    sys.stdin.read()
"""


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize(
    ("ip", "written"),
    [
        (ADDRESS4, f"inet {ADDRESS4}/24 brd 198.51.100.255"),
        (ADDRESS6, f"inet6 {ADDRESS6}/64"),
    ],
)
def test_the_life_of_an_address(node: Node, ip: str, written: str) -> None:
    """Interface and prefix come from the routes; every action can be repeated."""
    assert node.act("ip", "monitor", ip=ip)[0] == Code.NOT_RUNNING
    for _ in range(2):
        assert node.act("ip", "start", ip=ip) == (0, "")
    assert written in node.run("ip", "address", "show", "eth1").stdout
    assert node.act("ip", "monitor", RECURRING, ip=ip) == (0, "")
    for _ in range(2):
        assert node.act("ip", "stop", ip=ip) == (0, "")
    assert ip not in node.run("ip", "address", "show", "eth1").stdout
    assert node.act("ip", "monitor", ip=ip)[0] == Code.NOT_RUNNING


@pytest.mark.usefixtures("neighbour")
def test_an_address_with_a_peer_can_be_removed(node: Node) -> None:
    """Whoever added it as one end of a point-to-point link, a stop removes it."""
    node.run(*f"ip address add {ADDRESS4} peer 198.51.100.9/32 dev eth1".split())
    assert node.act("ip", "stop", ip=ADDRESS4) == (0, "")
    assert ADDRESS4 not in node.run("ip", "address", "show", "eth1").stdout


@pytest.mark.usefixtures("neighbour")
def test_an_interface_without_ipv6_is_told(node: Node) -> None:
    """The kernel then refuses IPv6 addresses as if permissions were missing; the reason is told."""
    node.run(*"sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1".split())
    code, said = node.act("ip", "start", ip=ADDRESS6, nic="eth1", cidr_netmask="64")
    assert code == Code.ERR_GENERIC
    assert f"cannot add {ADDRESS6}/64 to eth1: IPv6 is disabled there" in said


@pytest.mark.usefixtures("neighbour")
def test_the_address_is_removed_even_without_its_route(node: Node) -> None:
    """A stop decides from addresses: the interface is not given and the route has gone."""
    assert node.act("ip", "start", ip=ADDRESS4) == (0, "")
    node.run("ip", "route", "flush", "dev", "eth1")
    assert node.act("ip", "stop", ip=ADDRESS4) == (0, "")
    assert ADDRESS4 not in node.run("ip", "address", "show", "eth1").stdout


@pytest.mark.usefixtures("neighbour")
def test_other_addresses_survive_the_stop(node: Node) -> None:
    """Addresses of the same network stay when the first one of it is removed."""
    node.run(*"ip address del 198.51.100.1/24 dev eth1".split())
    given = {"ip": ADDRESS4, "nic": "eth1", "cidr_netmask": "24"}
    node.run(*"sysctl -qw net.ipv4.conf.eth1.promote_secondaries=0".split())
    assert node.act("ip", "start", **given) == (0, "")
    node.run(*"ip address add 198.51.100.8/24 dev eth1".split())
    assert node.act("ip", "stop", **given) == (0, "")
    shown = node.run("ip", "address", "show", "eth1").stdout
    assert "198.51.100.8/24" in shown
    assert ADDRESS4 not in shown
    sysctl = node.run(*"sysctl -n net.ipv4.conf.eth1.promote_secondaries".split()).stdout
    assert sysctl == "0\n"


def test_an_alternative_interface_name_is_understood(node: Node, neighbour: Node) -> None:
    """The interface may be given by an altname."""
    assert neighbour.process.pid
    node.run(*"ip link property add dev eth1 altname storage-network".split())
    given = {"ip": ADDRESS4, "nic": "storage-network"}
    assert node.act("ip", "start", **given) == (0, "")
    assert node.act("ip", "monitor", **given) == (0, "")
    assert node.act("ip", "stop", **given) == (0, "")


@pytest.mark.usefixtures("neighbour")
def test_a_label_is_put_on_the_address(node: Node) -> None:
    """It is given by itself, or in the parameter nic as old resources have it."""
    for given in ({"iflabel": "shop"}, {"nic": "eth1:shop"}):
        assert node.act("ip", "start", ip=ADDRESS4, **given) == (0, "")
        assert f"{ADDRESS4}/24" in node.run(*"ip address show label eth1:shop".split()).stdout
        assert node.act("ip", "monitor", RECURRING, ip=ADDRESS4, **given) == (0, "")
        assert node.act("ip", "stop", ip=ADDRESS4, **given) == (0, "")


@pytest.mark.usefixtures("neighbour")
def test_a_label_that_is_too_long_adds_nothing(node: Node) -> None:
    """The kernel has 15 characters for it; this node's interface names count, so it is exit 2."""
    code, said = node.act("ip", "start", ip=ADDRESS4, iflabel="longer-than-15")
    assert code == Code.ERR_ARGS
    assert "the label eth1:longer-than-15 is longer than 15 characters" in said
    assert ADDRESS4 not in node.run("ip", "address", "show", "eth1").stdout


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize(
    ("broadcast", "written"),
    [
        ("", "brd 198.51.100.255"),
        ("+", "brd 198.51.100.255"),
        ("-", "brd 198.51.100.0"),
        ("198.51.100.99", "brd 198.51.100.99"),
    ],
)
def test_the_broadcast_address(node: Node, broadcast: str, written: str) -> None:
    """It is what is asked for, or the last address of the network."""
    assert node.act("ip", "start", ip=ADDRESS4, broadcast=broadcast) == (0, "")
    assert f"{ADDRESS4}/24 {written}" in node.run("ip", "address", "show", "eth1").stdout


@pytest.mark.usefixtures("neighbour")
def test_the_route_to_the_network(node: Node) -> None:
    """It has the metric that is asked for, another one after a reload, or does not exist."""
    given = {"ip": "203.0.113.7", "nic": "eth1", "cidr_netmask": "24"}
    assert node.act("ip", "start", **given, metric="77") == (0, "")
    route = "203.0.113.0/24 proto kernel scope link src 203.0.113.7 metric"
    assert f"{route} 77" in node.run(*"ip route show dev eth1".split()).stdout
    assert node.act("ip", "reload-agent", **given, metric="88") == (0, "")
    assert f"{route} 88" in node.run(*"ip route show dev eth1".split()).stdout
    assert node.act("ip", "stop", **given) == (0, "")
    assert node.act("ip", "start", **given, noprefixroute="true") == (0, "")
    assert "203.0.113.0" not in node.run(*"ip route show dev eth1".split()).stdout


@pytest.mark.usefixtures("neighbour")
def test_the_preferred_lifetime(node: Node) -> None:
    """With 0 the address is never a source of new connections; a reload changes it."""
    given = {"ip": ADDRESS6}
    assert node.act("ip", "start", **given, preferred_lft="0") == (0, "")
    deprecated = "ip address show dev eth1 deprecated"
    assert ADDRESS6 in node.run(*deprecated.split()).stdout
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")
    assert node.act("ip", "reload-agent", **given) == (0, "")
    assert ADDRESS6 not in node.run(*deprecated.split()).stdout
    assert (
        "valid_lft forever preferred_lft forever"
        in (node.run(*"ip address show dev eth1".split()).stdout.split(ADDRESS6)[1])
    )


@pytest.mark.usefixtures("neighbour")
def test_a_link_local_address(node: Node) -> None:
    """It is added to the interface that is given, and found on no other."""
    node.run(*"ip link add eth2 type veth peer name cable2".split())
    node.run("ip", "link", "set", "eth2", "up")
    given = {"ip": "fe80::7", "nic": "eth1"}
    assert node.act("ip", "start", **given) == (0, "")
    assert "fe80::7/64" in node.run("ip", "address", "show", "eth1").stdout
    other = {"OCF_RESOURCE_INSTANCE": "other"}
    assert node.act("ip", "monitor", other, ip="fe80::7", nic="eth2")[0] == Code.NOT_RUNNING
    assert node.act("ip", "stop", other, ip="fe80::7", nic="eth2") == (0, "")
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")
    assert node.act("ip", "stop", **given) == (0, "")
    assert "fe80::7/64" not in node.run("ip", "address", "show", "eth1").stdout


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("name", ["dev", "via", "scope", "link"])
def test_an_interface_whose_name_is_a_keyword(node: Node, name: str) -> None:
    """Names that mean something to ip(8) are names like any other."""
    node.run("ip", "link", "add", "name", name, "type", "veth", "peer", "name", "cable2")
    for each in (name, "cable2"):
        node.run("ip", "link", "set", "dev", each, "up")
    given = {"ip": "203.0.113.7", "nic": name, "cidr_netmask": "255.255.255.0"}
    assert node.act("ip", "start", **given) == (0, "")
    assert "203.0.113.7/24" in node.run("ip", "address", "show", "dev", name).stdout
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")
    assert node.act("ip", "stop", **given) == (0, "")
    assert "203.0.113.7" not in node.run("ip", "address", "show", "dev", name).stdout


@pytest.mark.usefixtures("neighbour")
def test_more_than_one_route_is_no_problem(node: Node) -> None:
    """The narrowest network counts, then the lowest metric (resource-agents#1963)."""
    node.run(*"ip link add eth2 type veth peer name cable2".split())
    for name in ("eth2", "cable2"):
        node.run("ip", "link", "set", name, "up")
    for route in (
        "198.51.100.0/24 dev eth2 metric 50",
        "198.51.0.0/16 dev eth2",
        "default dev eth2",
        "blackhole 198.51.100.0/25",
        "unreachable 198.51.100.0/26",
    ):
        node.run("ip", "route", "add", *route.split())
    assert node.act("ip", "start", ip=ADDRESS4) == (0, "")
    assert f"{ADDRESS4}/24" in node.run("ip", "address", "show", "eth1").stdout
    assert node.act("ip", "monitor", RECURRING, ip=ADDRESS4) == (0, "")
    node.run(*"ip -6 route add 2001:db8::/64 dev eth2 metric 1".split())
    assert node.act("ip", "start", ip=ADDRESS6) == (0, "")
    assert f"{ADDRESS6}/64" in node.run("ip", "address", "show", "eth2").stdout
    assert node.act("ip", "monitor", RECURRING, ip=ADDRESS6) == (0, "")


@pytest.mark.usefixtures("neighbour")
def test_the_same_digits_are_not_the_same_address(node: Node) -> None:
    """198.51.100.7 is not found in 198.51.100.70, nor in 203.0.113.7 with a peer."""
    node.run(*"ip address add 198.51.100.70/24 dev eth1".split())
    node.run(*f"ip address add 203.0.113.7 peer {ADDRESS4}/32 dev eth1".split())
    assert node.act("ip", "monitor", ip=ADDRESS4)[0] == Code.NOT_RUNNING
    assert node.act("ip", "stop", ip=ADDRESS4) == (0, "")
    assert "198.51.100.70/24" in node.run("ip", "address", "show", "eth1").stdout


@pytest.mark.usefixtures("neighbour")
def test_a_loopback_address_needs_no_more(node: Node) -> None:
    """127.0.0.3 goes to the loopback interface with its network's prefix."""
    assert node.act("ip", "start", ip="127.0.0.3") == (0, "")
    assert "127.0.0.3/8 brd 127.255.255.255 scope host" in node.run(*"ip a s lo".split()).stdout
    assert node.act("ip", "monitor", RECURRING, ip="127.0.0.3") == (0, "")
    assert node.act("ip", "stop", ip="127.0.0.3") == (0, "")
    assert "127.0.0.3" not in node.run(*"ip address show lo".split()).stdout


@pytest.mark.usefixtures("neighbour")
def test_what_an_old_resource_has_besides_is_no_matter(node: Node) -> None:
    """Parameters of IPaddr2 that mean nothing here change nothing."""
    given = {
        "ip": ADDRESS4,
        "arp_bg": "yes",
        "arp_sender": "iputils_arping",
        "send_arp_opts": "-A",
        "flush_routes": "true",
        "run_arping": "true",
        "clusterip_hash": "sourceip",
        "mac": "",
        "lvs_ipv6_addrlabel": "false",
        "lvs_ipv6_addrlabel_value": "99",
        "unique_clone_address": "false",
        "network_namespace": "",
    }
    assert node.act("ip", "start", **given) == (0, "")
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")
    assert node.act("ip", "stop", **given) == (0, "")


@pytest.mark.usefixtures("neighbour")
def test_two_stops_at_once_keep_the_other_addresses(node: Node) -> None:
    """Each waits until the other has put promote_secondaries back, which it needs, too."""
    node.run(*"ip address flush dev eth1".split())
    node.run(*"sysctl -qw net.ipv4.conf.eth1.promote_secondaries=0".split())
    for host in (7, 8):
        node.run(*f"ip address add 198.51.100.{host}/24 dev eth1".split())
    other = subprocess.Popen(
        [*node.enter, sys.executable, "-IS", "-c", OTHER_STOP, CHECKOUT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline()
    stop = subprocess.Popen(
        [*node.enter, str(node.agent("ip")), "stop"],
        env={"HA_RSCTMP": str(node.state), "OCF_RESKEY_ip": ADDRESS4},
    )
    with pytest.raises(subprocess.TimeoutExpired):
        stop.wait(1)
    assert ADDRESS4 in node.run("ip", "address", "show", "eth1").stdout
    other.communicate("go on")
    assert stop.wait(20) == 0
    shown = node.run("ip", "address", "show", "eth1").stdout
    assert ADDRESS4 not in shown
    assert "198.51.100.8/24" in shown
    sysctl = node.run(*"sysctl -n net.ipv4.conf.eth1.promote_secondaries".split()).stdout
    assert sysctl == "0\n"
