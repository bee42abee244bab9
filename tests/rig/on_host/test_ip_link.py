"""The link that an address is on: down, without a carrier, gone (resource-agents#2047, #2113)."""

from __future__ import annotations

import time

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node

ADDRESS = "198.51.100.7"
GIVEN = {"ip": ADDRESS, "nic": "eth1", "cidr_netmask": "24"}


def test_a_link_that_loses_its_carrier_is_noticed(node: Node, neighbour: Node) -> None:
    """The monitor fails with 1, not 5, so that migration-threshold counts; a stop works."""
    assert node.act("ip", "start", **GIVEN) == (0, "")
    neighbour.run("ip", "link", "set", "eth1", "down")
    code, said = node.act("ip", "monitor", RECURRING, ip=ADDRESS)
    assert code == Code.ERR_GENERIC
    assert f"the link eth1 of {ADDRESS} is down: no carrier" in said
    assert node.act("ip", "stop", ip=ADDRESS) == (0, "")
    code, said = node.act("ip", "start", **GIVEN)
    assert code == Code.ERR_GENERIC
    assert f"the link eth1 of {ADDRESS} is down: no carrier" in said


@pytest.mark.usefixtures("neighbour")
def test_a_link_that_is_set_down_is_noticed(node: Node) -> None:
    """The address stays on an interface that is set down, and answers nobody."""
    assert node.act("ip", "start", **GIVEN) == (0, "")
    node.run("ip", "link", "set", "eth1", "down")
    assert ADDRESS in node.run("ip", "address", "show", "eth1").stdout
    code, said = node.act("ip", "monitor", RECURRING, **GIVEN)
    assert code == Code.ERR_GENERIC
    assert f"the link eth1 of {ADDRESS} is down: not set up" in said


def test_a_link_whose_lower_layer_is_down_is_noticed(node: Node, neighbour: Node) -> None:
    """An interface on top of another one (macvlan, VLAN) fails with it."""
    node.run(*"ip link add link eth1 name top0 type macvlan".split())
    node.run("ip", "link", "set", "top0", "up")
    given = {"ip": "203.0.113.7", "nic": "top0", "cidr_netmask": "24"}
    assert node.act("ip", "start", **given) == (0, "")
    neighbour.run("ip", "link", "set", "eth1", "down")
    until = time.monotonic() + 5  # the kernel tells the upper interface a little later
    while "state UP" in node.run(*"ip -o link show top0".split()).stdout:
        assert time.monotonic() < until
        time.sleep(0.05)
    code, said = node.act("ip", "monitor", RECURRING, **given)
    assert code == Code.ERR_GENERIC
    assert "the link top0 of 203.0.113.7 is down: down in the layer below" in said


def test_only_the_link_of_the_address_is_judged(node: Node, neighbour: Node) -> None:
    """Another interface with the same network is no matter (resource-agents#2188)."""
    node.run(*"ip link add eth2 type veth peer name cable2".split())
    node.run(*"ip address add 198.51.100.9/24 dev eth2".split())
    assert node.act("ip", "start", **GIVEN) == (0, "")
    assert node.act("ip", "monitor", RECURRING, ip=ADDRESS) == (0, "")
    assert node.act("ip", "monitor", RECURRING, **GIVEN) == (0, "")
    assert neighbour.process.poll() is None


def test_the_link_is_no_matter_if_told_so(node: Node, neighbour: Node) -> None:
    """With check_link_status=false only the address counts."""
    neighbour.run("ip", "link", "set", "eth1", "down")
    given = {**GIVEN, "check_link_status": "false"}
    assert node.act("ip", "start", **given) == (0, "")
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")


@pytest.mark.usefixtures("neighbour")
def test_a_link_is_set_up_only_when_asked_to(node: Node) -> None:
    """IPaddr2 always does; here an interface that the administrator set down stays so."""
    node.run("ip", "link", "set", "eth1", "down")
    assert node.act("ip", "start", **GIVEN)[0] == Code.ERR_GENERIC
    assert "UP" not in node.run(*"ip -o link show eth1".split()).stdout.split(">")[0]
    given = {**GIVEN, "link_up": "true"}
    assert node.act("ip", "start", **given) == (0, "")
    assert node.act("ip", "monitor", RECURRING, **given) == (0, "")


@pytest.mark.usefixtures("neighbour")
def test_an_interface_that_vanished_is_a_failure(node: Node) -> None:
    """A monitor says 1, so that the service moves; a stop is done."""
    assert node.act("ip", "start", **GIVEN) == (0, "")
    node.run("ip", "link", "del", "eth1")
    code, said = node.act("ip", "monitor", RECURRING, **GIVEN)
    assert (code, said) == (
        Code.ERR_GENERIC,
        f"ocf-exit-reason:the interface eth1 has vanished, and {ADDRESS} with it\n",
    )
    assert node.act("ip", "stop", **GIVEN) == (0, "")


@pytest.mark.usefixtures("neighbour")
def test_an_address_that_vanished_is_not_running(node: Node) -> None:
    """Whoever has removed it, the monitor notices."""
    assert node.act("ip", "start", **GIVEN) == (0, "")
    node.run(*f"ip address del {ADDRESS}/24 dev eth1".split())
    assert node.act("ip", "monitor", RECURRING, **GIVEN)[0] == Code.NOT_RUNNING
