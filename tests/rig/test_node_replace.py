"""`takeover node replace` on a real cluster: a node has died, and another machine has its name."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.rig.conftest import Shop
from tests.rig.test_cluster_life import begun
from tests.rig.test_cluster_members import complete, configured, is_held, is_listed_as
from tests.rig.test_nodes import listed, others, takeover
from vagrant.common.networks import CLUSTER_LINKS
from vagrant.demo.faults import active_node
from vagrant.demo.shop import SERVICE
from vagrant.description import DESCRIPTION

__all__ = ["complete"]

pytestmark = pytest.mark.alone("bookworm")

#: How long the service may take to be served again, in seconds.
_LIMIT = 60.0
#: When a replacement is killed, in seconds after its begin: it authenticates, removes, and adds.
_MOMENTS = (1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 14.0, 17.0, 21.0, 26.0)
_COPY = "/root/copy.toml"
_PASSWORD_FILE = "/root/hacluster.password"


@pytest.fixture(autouse=True)
def in_place(shop: Shop, request: pytest.FixtureRequest) -> Iterator[None]:
    """Have no node in the configuration afterwards that has none itself, so that it is added."""
    # Which ends after this one, then.
    request.getfixturevalue("complete")
    yield
    rig = shop.rig
    names = rig.layout.node_names
    password = rig.run("node1", "cat", _PASSWORD_FILE, check=True).stdout
    for node in [name for name in names if not configured(rig, name)]:
        for on in others(rig, node):
            address = rig.layout.node_address(node, CLUSTER_LINKS[0])
            known = (node, f"addr={address}", "-u", "hacluster")
            rig.run(on, "pcs", "host", "auth", *known, text=password)
        on = others(rig, node)[0]
        rig.run(on, "pcs", "cluster", "node", "remove", node, "--skip-offline", "--force")


def dies(shop: Shop, node: str, on: str) -> None:
    """Let a node fail, be fenced, and not come back to the cluster."""
    shop.admin.types(node, "systemctl", "disable", "pacemaker", "corosync")
    shop.rig.power(node, "reset")
    is_listed_as(shop, on, node, "offline")
    shop.rig.wait_for_boot(node)


def is_wiped(shop: Shop, node: str) -> None:
    """Have a machine in a node's place that has nothing of the cluster, and knows no token."""
    shop.admin.types(node, "pcs", "cluster", "destroy")
    shop.admin.types(node, "rm", "-f", "/var/lib/pcsd/pcs_users.conf", "/var/lib/pcsd/known-hosts")
    shop.admin.types(node, "systemctl", "restart", "pcsd")
    assert configured(shop.rig, node) == []


def prepared(shop: Shop, on: str) -> None:
    """Have the description and the password on the node on which the command is typed."""
    rig = shop.rig
    rig.write(on, _COPY, rig.run("node1", "cat", DESCRIPTION, check=True).stdout)
    rig.write(on, _PASSWORD_FILE, rig.run("node1", "cat", _PASSWORD_FILE, check=True).stdout)


def replace(shop: Shop, on: str, node: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Replace a node by a machine of its name; its addresses are known."""
    return takeover(shop.rig, on, "node", "replace", node, "--yes", *options)


def is_one_of_them(shop: Shop, on: str, node: str) -> None:
    """Check that a node is as good as the others."""
    rig = shop.rig
    assert listed(rig, on)[node]["state"] == "online"
    assert not is_held(shop, on, node)
    assert configured(rig, node) == configured(rig, on) == rig.layout.node_names
    assert rig.run(on, "test", "-e", "/var/lib/takeover/replacement.json").returncode != 0


def test_a_node_that_served_is_replaced_by_a_wiped_machine_of_its_name(shop: Shop) -> None:
    """One command: nothing restarts, no row is lost, and it can take the service over again."""
    rig, client = shop.rig, shop.client
    dead = active_node(rig)
    # What is typed on node1 is on it even if that is the node that dies.
    described = rig.run("node1", "cat", DESCRIPTION, check=True).stdout
    password = rig.run("node1", "cat", _PASSWORD_FILE, check=True).stdout
    client.write_steadily(2.0 * shop.patience)
    on = others(rig, dead)[0]
    dies(shop, dead, on)
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    serving = active_node(rig)
    is_wiped(shop, dead)
    rig.write(serving, _COPY, described)
    rig.write(serving, _PASSWORD_FILE, password)
    rig.write(serving, "/root/wrong.password", "wrong\n")
    before = {node: begun(rig, node) for node in others(rig, dead)}
    refused = replace(shop, serving, dead, "--password-file", "/root/wrong.password")
    assert refused.returncode == 1
    assert "Nothing was changed" in refused.stderr
    assert configured(rig, serving) == rig.layout.node_names
    options = ("--description", _COPY, "--password-file", _PASSWORD_FILE)
    shown = json.loads(replace(shop, serving, dead, "--dry-run", "--json", *options).stdout)
    assert (shown["authenticated"], shown["left"], shown["evicted"]) == (False, False, False)
    begin = time.monotonic()
    done = replace(shop, serving, dead, "--json", *options)
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert (result["held"], result["edits"], result["harm"]) == (False, [], [])
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert client.outage(begin, time.monotonic()) < 2.0 * shop.patience
    assert active_node(rig) == serving
    assert [begun(rig, node) for node in before] == list(before.values()), "nothing was restarted"
    is_one_of_them(shop, serving, dead)
    assert rig.run(serving, "cat", _COPY, check=True).stdout == described
    assert takeover(rig, serving, "drift", _COPY).returncode == 0
    # Said once more, it is done: nobody loses a node by that.
    assert replace(shop, serving, dead).returncode == 0
    is_one_of_them(shop, serving, dead)
    assert takeover(rig, serving, "service", "move", SERVICE, dead).returncode == 0
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert active_node(rig) == dead
    assert not client.check().lost
    assert rig.status()["disks"]["double_mounts"] == []


@pytest.mark.campaign("ten moments, each of which takes a minute")
def test_a_replacement_that_is_killed_is_finished_by_the_same_command(shop: Shop) -> None:
    """At ten moments, under a client that writes; it is served all the time."""
    rig, client = shop.rig, shop.client
    for moment in _MOMENTS:
        serving = active_node(rig)
        dead = others(rig, serving)[-1]
        prepared(shop, serving)
        dies(shop, dead, serving)
        is_wiped(shop, dead)
        begin = time.monotonic()
        options = ("--yes", "--password-file", _PASSWORD_FILE)
        rig.run(
            serving, "timeout", "--signal=KILL", f"{moment * shop.patience:.1f}",
            "takeover", "node", "replace", dead, *options,
        )  # fmt: skip
        print(f"killed after {moment} s: {listed(rig, serving).get(dead)}")
        assert replace(shop, serving, dead, *options[1:]).returncode == 0
        is_one_of_them(shop, serving, dead)
        client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
        assert client.outage(begin, time.monotonic()) < 2.0 * shop.patience
        assert active_node(rig) == serving
    assert not client.check().lost
    assert rig.status()["disks"]["double_mounts"] == []
