"""Faults of ocf:heartbeat:IPaddr2, each shown with it and then with ocf:takeover:ip.

With the version of Debian 12. A case that no longer shows the fault fails here: IPaddr2 has been
repaired, and what docs/switching.md says of it has to be changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node

pytestmark = pytest.mark.usefixtures("neighbour")
IPADDR2 = "/usr/lib/ocf/resource.d/heartbeat/IPaddr2"
ADDRESS = "198.51.100.7"
GIVEN = {"ip": ADDRESS, "nic": "eth1", "cidr_netmask": "24"}
Action = Callable[..., int]


@pytest.fixture(params=["stock", "ours"])
def stock(request: pytest.FixtureRequest) -> bool:
    """Whether it is the stock agent's turn."""
    return bool(request.param == "stock")


@pytest.fixture
def act(node: Node, stock: bool) -> Action:
    """Return a function that performs an action of the agent whose turn it is."""

    def perform(action: str, environ: dict[str, str] | None = None, /, **parameters: str) -> int:
        if not stock:
            return node.act("ip", action, environ, **parameters)[0]
        node.state.mkdir(exist_ok=True)
        return node.run(
            IPADDR2,
            action,
            check=False,
            OCF_ROOT="/usr/lib/ocf",
            OCF_RESOURCE_TYPE="IPaddr2",
            OCF_RESOURCE_INSTANCE="address",
            HA_RSCTMP=str(node.state),
            **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
            **(environ or {}),
        ).returncode

    return perform


def shown(node: Node, interface: str = "eth1") -> str:
    return node.run("ip", "address", "show", "dev", interface).stdout


def test_a_stop_leaves_the_address_when_its_route_has_gone(
    node: Node, act: Action, stock: bool
) -> None:
    """IPaddr2 says 0 and leaves it up, so that two nodes answer; ours removes it."""
    assert act("start", ip=ADDRESS) == 0
    node.run("ip", "route", "flush", "dev", "eth1")
    assert act("stop", ip=ADDRESS) == 0
    assert (ADDRESS in shown(node)) == stock


def test_a_probe_does_not_see_the_address_when_its_route_has_gone(
    node: Node, act: Action, stock: bool
) -> None:
    """IPaddr2 says that it does not run here, and the cluster starts it elsewhere, too."""
    assert act("start", ip=ADDRESS) == 0
    node.run("ip", "route", "flush", "dev", "eth1")
    assert act("monitor", ip=ADDRESS) == (Code.NOT_RUNNING if stock else Code.SUCCESS)


def test_a_cable_that_was_pulled_is_not_noticed(
    node: Node, neighbour: Node, act: Action, stock: bool
) -> None:
    """IPaddr2 looks for the address alone (resource-agents#2047)."""
    assert act("start", **GIVEN) == 0
    neighbour.run("ip", "link", "set", "eth1", "down")
    code = act("monitor", RECURRING, **GIVEN)
    assert code == (Code.SUCCESS if stock else Code.ERR_GENERIC)
    assert ADDRESS in shown(node)


def test_an_address_that_another_host_has_is_taken(
    node: Node, neighbour: Node, act: Action, stock: bool
) -> None:
    """IPaddr2 does not ask before it claims the address (with run_arping it takes two seconds)."""
    neighbour.run(*f"ip address add {ADDRESS}/24 dev eth1".split())
    assert act("start", **GIVEN) == (0 if stock else Code.ERR_GENERIC)
    assert (ADDRESS in shown(node)) == stock


def test_an_interface_that_was_set_down_is_set_up(node: Node, act: Action, stock: bool) -> None:
    """IPaddr2 overrules the administrator; ours only with link_up=true."""
    node.run("ip", "link", "set", "eth1", "down")
    assert act("start", **GIVEN) == (0 if stock else Code.ERR_GENERIC)
    assert ("state UP" in node.run(*"ip -o link show eth1".split()).stdout) == stock


def test_the_alternative_name_of_an_interface_is_not_recognized(
    node: Node, act: Action, stock: bool
) -> None:
    """IPaddr2 adds the address, does not find it any more, and its stop leaves it up."""
    node.run(*"ip link property add dev eth1 altname storage-network".split())
    given = {**GIVEN, "nic": "storage-network"}
    assert act("start", **given) == 0
    assert act("monitor", RECURRING, **given) == (Code.NOT_RUNNING if stock else Code.SUCCESS)
    assert act("stop", **given) == 0
    assert (ADDRESS in shown(node)) == stock


def test_an_interface_that_vanished_removes_the_resource_from_the_cluster(
    node: Node, act: Action, stock: bool
) -> None:
    """A start on a node without the interface is exit 6 with IPaddr2: no node is tried any more."""
    node.run("ip", "link", "del", "eth1")
    assert act("start", **GIVEN) == (Code.ERR_CONFIGURED if stock else Code.ERR_INSTALLED)


def test_other_addresses_vanish_with_theirs(node: Node, act: Action, stock: bool) -> None:
    """The kernel drops those that depend on the first one, unless told otherwise."""
    node.run(*"ip address flush dev eth1".split())
    node.run(*"sysctl -qw net.ipv4.conf.eth1.promote_secondaries=0".split())
    assert act("start", **GIVEN) == 0
    node.run(*"ip address add 198.51.100.8/24 dev eth1".split())
    assert act("stop", **GIVEN) == 0
    assert ("198.51.100.8" in shown(node)) != stock


def test_more_than_one_address_as_text(node: Node, act: Action, stock: bool) -> None:
    """IPaddr2 compares the text of the prefix: that of 198.51.100.7/2 is found in /24."""
    node.run(*f"ip address add {ADDRESS}/24 dev eth1".split())
    given = {**GIVEN, "cidr_netmask": "2"}
    assert act("monitor", RECURRING, **given) == (Code.SUCCESS if stock else Code.ERR_GENERIC)


def test_a_stop_with_a_missing_tool(node: Node, act: Action, stock: bool) -> None:
    """Without a program IPaddr2 cannot stop, and the node is fenced; ours needs none."""
    assert act("start", **GIVEN) == 0
    node.run("mount", "--bind", "/dev/null", "/usr/libexec/heartbeat/send_arp")
    given = {**GIVEN, "arp_sender": "send_arp"}
    assert act("stop", **given) == (Code.ERR_INSTALLED if stock else 0)
    assert (ADDRESS in shown(node)) == stock


def test_an_ipv6_start_takes_seconds(node: Node, act: Action, stock: bool) -> None:
    """IPaddr2 looks once a second whether the kernel's check has ended, which takes that long.

    The shortest of three counts: on a busy machine, one of ours may take a second, too.
    """
    took = []
    for _ in range(3):
        began = time.monotonic()
        assert act("start", ip="2001:db8::7") == 0
        took.append(time.monotonic() - began)
        assert "2001:db8::7/64" in shown(node)
        assert act("stop", ip="2001:db8::7") == 0
    assert (min(took) > 1) == stock
