"""A cluster of three nodes that becomes one of four and of three again, with a client that writes.

Each machine is on a rig of its own, whose fourth is no node at first.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cib_templates.reading.editing import without_node
from tests.rig.conftest import Shop
from tests.rig.test_cluster_life import begun
from tests.rig.test_cluster_members import configured, is_held
from tests.rig.test_nodes import listed, takeover
from vagrant.common.networks import CLUSTER_LINKS, floating_address
from vagrant.demo.client import Client
from vagrant.demo.faults import active_node
from vagrant.demo.shop import SERVICE, Administrator, create_cluster, create_database, prepare_nodes
from vagrant.description import DESCRIPTION, description
from vagrant.one_machine.rig import OneMachineRig

pytestmark = pytest.mark.campaign("a rig of four machines of its own: a quarter of an hour")

_NAME, _RELEASE = "test-growing", "trixie"
#: How long the service may take to be served again, in seconds.
_LIMIT = 60.0
#: What a client may wait for a row while nothing is interrupted, in seconds.
_NO_OUTAGE = 2.0
#: What a client may wait longer than was measured of a move, in seconds.
_LATE = 3.0
_PASSWORD_FILE = "/root/hacluster.password"
#: Where everything is typed: it is a node all the time, and has the description.
_ON = "node1"


@pytest.fixture(scope="module")
def growing() -> Iterator[Shop]:
    """Return a service on the first three of four machines, and a client that it serves."""
    rig = OneMachineRig(_NAME)
    rig.down()
    try:
        rig.up(nodes=4, release=_RELEASE, say=print)
        admin = Administrator(rig, lambda node, line: print(f"{node}# {line}"), lambda _: None)
        prepare_nodes(admin)
        password = create_database(admin, _ON)
        create_cluster(admin, _ON, without_node(description(rig), "node4").text)
        with Client(rig, floating_address(), password) as client:
            client.wait_until_served(0, _LIMIT)
            yield Shop(admin, client)
    finally:
        rig.down()


def addresses(shop: Shop, node: str) -> list[str]:
    """Return the options that tell a machine's addresses."""
    links = (shop.rig.layout.node_address(node, link) for link in CLUSTER_LINKS)
    return [word for link in links for word in ("--address", link)]


def types(shop: Shop, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command, which has to be successful."""
    done = takeover(shop.rig, _ON, *arguments)
    assert done.returncode == 0
    return done


def becomes_a_node(shop: Shop, node: str, *command: str) -> dict[str, Any]:
    """Run a command by which a machine becomes a node, and describe it; return what it first said.

    A device that lists its nodes knows it only when the description is applied; then the same
    command lets it run things.
    """
    again = (*command, "--yes", "--json", "--description", DESCRIPTION)
    first: dict[str, Any] = json.loads(
        types(shop, *again, *addresses(shop, node), "--password-file", _PASSWORD_FILE).stdout
    )
    assert listed(shop.rig, _ON)[node]["services"] == []
    types(shop, "apply", "--over-others", DESCRIPTION)
    assert not json.loads(types(shop, *again).stdout)["held"]
    assert not is_held(shop, _ON, node)
    return first


def is_whole(shop: Shop, *nodes: str) -> None:
    """Check that these are the nodes, that all is as described, and that nothing is lost."""
    rig = shop.rig
    found = listed(rig, _ON)
    assert {name: each["state"] for name, each in found.items()} == dict.fromkeys(nodes, "online")
    for node in nodes:
        assert configured(rig, node) == list(nodes)
    types(shop, "drift", DESCRIPTION)
    assert not shop.client.check().lost
    assert rig.status()["disks"]["double_mounts"] == []


def outage_since(shop: Shop, begin: float) -> float:
    """Wait until the client is served, and return how long it was not since then."""
    shop.client.wait_until_served(time.monotonic(), _LIMIT)
    return shop.client.outage(begin, time.monotonic())


def test_three_nodes_become_four_and_three_again(growing: Shop) -> None:
    """No outage but that of the move that is asked for; nothing restarts on any node."""
    rig, client = growing.rig, growing.client
    three = ("node1", "node2", "node3")
    serving = active_node(rig)
    before = {node: begun(rig, node) for node in three}
    client.write_steadily(2.0)
    begin = time.monotonic()
    becomes_a_node(growing, "node4", "node", "add", "node4")
    text = rig.run(_ON, "cat", DESCRIPTION, check=True).stdout
    rig.write(_ON, DESCRIPTION, text.replace('"node3"]', '"node3", "node4"]'))
    types(growing, "apply", "--over-others", DESCRIPTION)
    assert outage_since(growing, begin) < _NO_OUTAGE
    assert active_node(rig) == serving
    is_whole(growing, *three, "node4")
    begin = time.monotonic()
    types(growing, "service", "move", SERVICE, "node4")
    print(f"the move has cost the client {outage_since(growing, begin):.2f} s")
    assert active_node(rig) == "node4"
    begin = time.monotonic()
    removed = types(
        growing, "node", "remove", "node3", "--yes", "--json", "--description", DESCRIPTION
    )
    assert json.loads(removed.stdout)["waits"] == []
    types(growing, "apply", "--over-others", DESCRIPTION)
    assert outage_since(growing, begin) < _NO_OUTAGE
    assert active_node(rig) == "node4"
    assert configured(rig, "node3") == []
    is_whole(growing, "node1", "node2", "node4")
    assert {node: begun(rig, node) for node in three[:2]} == {
        node: before[node] for node in three[:2]
    }


def test_a_node_that_serves_is_replaced_by_a_machine_of_another_name(growing: Shop) -> None:
    """The service moves once, as it was told; the description has the new one."""
    rig, client = growing.rig, growing.client
    assert configured(rig, _ON) == ["node1", "node2", "node4"]
    assert active_node(rig) == "node4"
    before = {node: begun(rig, node) for node in ("node1", "node2")}
    command = ("node", "replace", "node4", "node3")
    planned = types(growing, *command, *addresses(growing, "node3"), "--dry-run", "--json")
    [effect] = json.loads(planned.stdout)["leaving"]["effects"]
    assert (effect["service"], effect["kind"], effect["source"]) == (SERVICE, "moves", ["node4"])
    client.write_steadily(2.0)
    begin = time.monotonic()
    done = becomes_a_node(growing, "node3", *command)
    outage = outage_since(growing, begin)
    print(f"told: {effect['outage']}, measured: {done['waits']}, by the client: {outage:.2f} s")
    assert outage <= effect["outage"]["limit"]
    assert outage <= max(wait["seconds"] for wait in done["waits"]) + _LATE
    assert (done["destroyed"], done["harm"]) == (True, [])
    assert active_node(rig) in before
    assert configured(rig, "node4") == []
    text = rig.run(_ON, "cat", DESCRIPTION, check=True).stdout
    assert "node4" not in text
    assert 'nodes = ["node1", "node2", "node3"]' in text
    is_whole(growing, "node1", "node2", "node3")
    assert [begun(rig, node) for node in before] == list(before.values()), "nothing was restarted"
