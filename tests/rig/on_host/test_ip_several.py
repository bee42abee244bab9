"""Several addresses in one resource come and go together."""

from __future__ import annotations

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node

pytestmark = pytest.mark.usefixtures("neighbour")
MORE = "198.51.100.8/24 2001:db8::8/64"
ALL = ("198.51.100.7/24", "198.51.100.8/24", "2001:db8::8/64")


@pytest.mark.parametrize("ip", [{"ip": "198.51.100.7"}, {}])
def test_all_come_and_go(node: Node, ip: dict[str, str]) -> None:
    """In addition to `ip`, or instead of it."""
    before = node.run("ip", "address", "show", "eth1").stdout
    wanted = ALL if ip else ALL[1:]
    for _ in range(2):
        assert node.act("ip", "start", **ip, addresses=MORE) == (0, "")
    shown = node.run("ip", "address", "show", "eth1").stdout
    assert all(each in shown for each in wanted)
    assert node.act("ip", "monitor", RECURRING, **ip, addresses=MORE) == (0, "")
    for _ in range(2):
        assert node.act("ip", "stop", **ip, addresses=MORE) == (0, "")
    assert node.run("ip", "address", "show", "eth1").stdout == before
    assert node.act("ip", "monitor", **ip, addresses=MORE)[0] == Code.NOT_RUNNING


def test_one_that_is_missing_is_named(node: Node) -> None:
    """The resource has failed, and the reason begins with the address; a start adds it again."""
    given = {"ip": "198.51.100.7", "addresses": MORE}
    assert node.act("ip", "start", **given) == (0, "")
    node.run(*"ip address del 198.51.100.8/24 dev eth1".split())
    code, said = node.act("ip", "monitor", RECURRING, **given)
    assert (code, said) == (1, "ocf-exit-reason:198.51.100.8 missing; others are here\n")
    assert node.act("ip", "start", **given) == (0, "")
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")


def test_none_stays_if_one_cannot_be_added(node: Node) -> None:
    """What the start has added before it failed is removed; what was there before stays."""
    node.run(*"ip address add 198.51.100.7/24 dev eth1".split())
    before = node.run("ip", "-4", "address", "show", "eth1").stdout
    node.run(*"sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1".split())
    given = {"ip": "198.51.100.7", "addresses": MORE, "nic": "eth1"}
    code, said = node.act("ip", "start", **given)
    assert code == Code.ERR_GENERIC
    assert "cannot add 2001:db8::8/64 to eth1: IPv6 is disabled there" in said
    assert node.run("ip", "-4", "address", "show", "eth1").stdout == before


def test_networks_are_found_for_each(node: Node) -> None:
    """Addresses without a prefix get that of their own route, on whatever interface it is."""
    node.run(*"ip link add eth2 type veth peer name cable2".split())
    for name in ("eth2", "cable2"):
        node.run("ip", "link", "set", name, "up")
    node.run(*"ip address add 203.0.113.1/28 dev eth2".split())
    assert node.act("ip", "start", addresses="198.51.100.8, 203.0.113.5") == (0, "")
    assert "198.51.100.8/24" in node.run("ip", "address", "show", "eth1").stdout
    assert "203.0.113.5/28" in node.run("ip", "address", "show", "eth2").stdout
