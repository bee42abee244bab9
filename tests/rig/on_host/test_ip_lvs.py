"""A node that is both an LVS director and a real server has the address on its loopback, too."""

from __future__ import annotations

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node

pytestmark = pytest.mark.usefixtures("neighbour")
GIVEN = {"ip": "198.51.100.7", "lvs_support": "true"}
ON_LOOPBACK = "inet 198.51.100.7/32 scope global lo:shop"


@pytest.fixture(autouse=True)
def real_server(node: Node) -> None:
    node.run(*"ip address add 198.51.100.7/32 dev lo label lo:shop".split())


def shown(node: Node, interface: str) -> str:
    return node.run("ip", "address", "show", interface).stdout


def test_the_address_on_the_loopback_is_not_the_resource(node: Node) -> None:
    """There it serves the director's packets: the resource does not run, and a stop keeps it."""
    assert node.act("ip", "monitor", **GIVEN)[0] == Code.NOT_RUNNING
    assert node.act("ip", "stop", **GIVEN) == (0, "")
    assert ON_LOOPBACK in shown(node, "lo")


def test_it_moves_to_the_network_and_back(node: Node) -> None:
    """While the node is the director it is not on the loopback; then it comes back as it was."""
    for _ in range(2):
        assert node.act("ip", "start", **GIVEN) == (0, "")
    assert "198.51.100.7" not in shown(node, "lo")
    assert "198.51.100.7/24" in shown(node, "eth1")
    assert node.act("ip", "monitor", RECURRING, **GIVEN) == (0, "")
    for _ in range(2):
        assert node.act("ip", "stop", **GIVEN) == (0, "")
    assert "198.51.100.7" not in shown(node, "eth1")
    assert ON_LOOPBACK in shown(node, "lo")
    assert not list(node.state.glob("*"))


def test_a_start_that_fails_puts_it_back(node: Node) -> None:
    """The director's packets are served also on a node that could not become the director."""
    node.run(*"sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1".split())
    given = {**GIVEN, "addresses": "2001:db8::8/64", "nic": "eth1"}
    assert node.act("ip", "start", **given)[0] == Code.ERR_GENERIC
    assert ON_LOOPBACK in shown(node, "lo")
    assert "198.51.100.7" not in shown(node, "eth1")
