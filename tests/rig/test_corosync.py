"""`takeover cluster configure` on real clusters: Corosync changes, and no service is touched."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.rig.conftest import Shop
from vagrant.common.networks import Link
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

pytestmark = [
    pytest.mark.alone("trixie"),
    pytest.mark.one_machine("the lab's links have other names"),
]

NODE, OTHER = "node1", "node3"
_CHANGED = "/root/corosync-changed.toml"
_LIMIT = 60.0


def _configure(rig: Rig, file: str) -> subprocess.CompletedProcess[str]:
    result = rig.run(NODE, "takeover", "cluster", "configure", file)
    print(f"{result.returncode}\n{result.stdout}{result.stderr}")
    return result


def _server(rig: Rig) -> str:
    """The first process of PostgreSQL on the node that serves."""
    pid = ("head", "-1", "/srv/shop/data/postmaster.pid")
    return rig.run(active_node(rig), *pid, check=True).stdout.strip()


def _token(rig: Rig) -> set[str]:
    """What Corosync runs with, on all nodes."""
    asked = (
        rig.run(node, "corosync-cmapctl", "-g", "totem.token", check=True).stdout
        for node in rig.layout.node_names
    )
    return {each.rpartition(" = ")[2].strip() for each in asked}


@pytest.fixture
def as_before(shop: Shop) -> Iterator[str]:
    """The description; at the end Corosync is as it says again, and no service was touched."""
    rig, client = shop.rig, shop.client
    text = rig.run(NODE, "cat", DESCRIPTION, check=True).stdout
    server, began = _server(rig), time.monotonic()
    yield text
    assert _configure(rig, DESCRIPTION).returncode == 0
    wait_until_whole(rig)
    assert rig.run(NODE, "takeover", "drift", DESCRIPTION).returncode == 0
    client.wait_until_served(time.monotonic(), _LIMIT)
    print(f"longest pause of the client: {client.outage(began, time.monotonic()):.2f} s")
    assert _server(rig) == server
    assert client.check().lost == []


def test_times(shop: Shop, as_before: str) -> None:
    """Every node runs with the new ones at once."""
    rig = shop.rig
    [line] = [each for each in as_before.splitlines() if each.startswith("token = ")]
    rig.write(NODE, _CHANGED, as_before.replace(line, 'token = "2345ms"'))
    assert _configure(rig, _CHANGED).returncode == 0
    assert _token(rig) == {"2345"}
    again = _configure(rig, _CHANGED)
    assert "there is nothing to do" in again.stdout


def test_a_node_gets_a_new_address(shop: Shop, as_before: str) -> None:
    """On its second link, while the first one holds the cluster together; and back."""
    rig = shop.rig
    old, new = rig.layout.node_address(OTHER, Link.LINK1), str(Link.LINK1.subnet[101])
    assert f'"{old}"' in as_before
    rig.write(NODE, _CHANGED, as_before.replace(f'"{old}"', f'"{new}"'))
    # Before the node has it, the link does not connect it: that is told, and the other one holds.
    refused = _configure(rig, _CHANGED)
    assert refused.returncode == 1
    assert "link 1 does not connect" in refused.stderr
    address = ("ip", "address", "add", f"{new}/25", "dev", str(Link.LINK1))
    rig.run(OTHER, *address, check=True)
    try:
        connected = ("corosync-cfgtool", "-s")
        assert eventually(
            lambda: "disconnected" not in rig.run(NODE, *connected).stdout, _LIMIT, pause=1
        )
        assert _configure(rig, _CHANGED).returncode == 0
        assert new in rig.run(OTHER, *connected, check=True).stdout
        assert rig.run(NODE, "takeover", "drift", _CHANGED).returncode == 0
        assert _configure(rig, DESCRIPTION).returncode == 0
    finally:
        rig.run(OTHER, "ip", "address", "del", f"{new}/25", "dev", str(Link.LINK1), check=True)
