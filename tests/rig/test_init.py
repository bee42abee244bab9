"""A cluster that begins with its first node, described by `takeover init` as it found it there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.rig.conftest import RELEASES
from vagrant.common.errors import RigError
from vagrant.common.networks import CLUSTER_LINKS, floating_address
from vagrant.demo.shop import Administrator, prepare_nodes
from vagrant.one_machine.rig import OneMachineRig

FILE = "/root/cluster.toml"
PASSWORD = ("--password-file", "/root/hacluster.password")
#: Answers whoever connects, and goes on.
SERVER = "/root/server.py"
SERVICE = (
    *("--service", "door", "--disk", "", "--command", f"/usr/bin/python3 {SERVER}"),
    *("--ready", "tcp:127.0.0.1:5432", "--address", floating_address()),
)


@pytest.fixture(scope="module", params=RELEASES)
def admin(request: pytest.FixtureRequest) -> Iterator[Administrator]:
    """Who works on two nodes without a cluster, which are prepared for one."""
    rig = OneMachineRig(f"test-init-{request.param}")
    rig.down()
    try:
        rig.up(nodes=2, lun_mib=1, release=request.param, say=print)
        admin = Administrator(rig, print, lambda line: print(line, end=""))
        prepare_nodes(admin)
        rig.write("node1", SERVER, "import socket\ns = socket.create_server(('', 5432))\n"
                                   "while True:\n    s.accept()[0].close()\n")  # fmt: skip
        yield admin
    finally:
        rig.down()


def test_what_is_found_on_a_node(admin: Administrator) -> None:
    """The networks of the rig and its fence agent; of node2, the address that its name has."""
    layout = admin.rig.layout
    printed = admin.types("node1", "takeover", "init", "--defaults", "--dry-run", "--json")
    found = json.loads(printed)["found"]
    addresses = {each["interface"]: each["address"] for each in found["links"]}
    for link in CLUSTER_LINKS:
        assert addresses[link] == layout.node_address("node1", link)
    assert found["fence_agent"] == "fence_takeover_rig"
    both = ("takeover", "init", "--defaults", "--node", "node2")
    told = admin.rig.run("node1", *both, "--dry-run", check=True)
    first = layout.node_address("node2", CLUSTER_LINKS[0])
    assert f'[nodes.node2]\nlinks = ["{first}"]\n' in told.stdout
    assert "pcsd of node2" not in told.stderr


def test_a_cluster_begins_with_one_node(admin: Administrator) -> None:
    """Described, created and applied without an edit: the service and the fencing device run."""
    links = [word for link in CLUSTER_LINKS for word in ("--link", link)]
    admin.types(
        "node1", "takeover", "init", "--defaults", "--name", "small", *links, *SERVICE, FILE
    )
    admin.types("node1", "takeover", "check", FILE)
    admin.types("node1", "takeover", "cluster", "create", FILE, *PASSWORD)
    admin.types("node1", "takeover", "apply", FILE)
    status = json.loads(admin.types("node1", "takeover", "status", "--json"))
    assert [(each["id"], each["state"]) for each in status["services"]] == [("door", "running")]
    [device] = status["fencing"]
    assert (device["id"], device["nodes"]) == ("fence-power", ["node1"])
    assert admin.types("node1", "takeover", "plan", FILE).startswith("nothing to change")
    assert "node1  online" in admin.types("node1", "takeover", "node", "list")


def test_a_cluster_that_exists_is_described_as_it_is(admin: Administrator) -> None:
    """The file that is there stays, and the import is offered for another one."""
    with pytest.raises(RigError, match="is there already, and is not overwritten"):
        admin.types("node1", "takeover", "init", "--defaults", FILE)
    with pytest.raises(RigError, match="already belongs to the cluster small"):
        admin.types("node1", "takeover", "init", "--defaults", "/root/other.toml")
    admin.types("node1", "takeover", "init", "/root/other.toml", text="y\n")
    assert admin.types("node1", "takeover", "plan", "/root/other.toml").startswith(
        "nothing to change"
    )
