"""`takeover service` on real clusters: what it leaves, what it measures, and what it refuses."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.conftest import Shop
from tests.rig.test_apply import apply, configuration, history
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import SERVICE, cluster_status
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

pytestmark = pytest.mark.alone("bookworm")

NODE = "node1"
_SCRIPT = "/root/batch.sh"
_WITH = "/root/service-batch.toml"
_BATCH = f"""
[services.batch]
pattern = "standby"
nodes = ["node2", "node3"]

[services.batch.app]
command = ["/usr/bin/bash", "{_SCRIPT}"]

[services.batch.address]
ip = "198.51.100.151"
prefix = 24
"""
_GOOD = "exec sleep 1000000\n"
_BAD = "echo no disk here >&2; exit 3\n"
#: In which nothing moves by itself any more, in seconds.
_LIMIT = 120.0


@pytest.fixture(scope="module", autouse=True)
def batch(shop: Shop) -> Iterator[None]:
    """A second service, whose application can be broken on one node."""
    text = shop.rig.run(NODE, "cat", DESCRIPTION, check=True).stdout
    shop.rig.write(NODE, _WITH, text + _BATCH)
    for node in shop.rig.layout.node_names:
        shop.rig.write(node, _SCRIPT, _GOOD)
    apply(shop.rig, _WITH)
    yield
    apply(shop.rig, DESCRIPTION)
    wait_until_whole(shop.rig)


def service(rig: Rig, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command about a service on the node."""
    result = rig.run(NODE, "takeover", "service", *arguments)
    print(f"takeover service {' '.join(arguments)}: {result.returncode}\n"
          f"{result.stdout}{result.stderr}")  # fmt: skip
    return result


def ended(rig: Rig, *arguments: str) -> dict[str, Any]:
    """Run a command about a service that must succeed, and return what it says of it."""
    result = service(rig, *arguments, "--json")
    assert result.returncode == 0
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def where(rig: Rig, name: str) -> list[str]:
    """Return the nodes on which a service runs."""
    [found] = [each for each in cluster_status(rig, NODE)["services"] if each["id"] == name]
    assert found["state"] == "running", found
    nodes: list[str] = found["nodes"]
    return nodes


def left(rig: Rig) -> list[str]:
    """Return what is in the configuration that a move or a restart puts there."""
    words = ("cli-prefer", "takeover-for-a-while")
    return [line for line in configuration(rig).splitlines() if any(word in line for word in words)]


def test_move_there_and_back(shop: Shop) -> None:
    """pcs#696: the outage is expected and measured; nothing is left; history knows of it."""
    before, source = configuration(shop.rig), active_node(shop.rig)
    done = ended(shop.rig, "move", SERVICE)
    [target] = done["service"]["nodes"]
    assert target != source
    assert done["not_served"] is not None
    print(f"expected {done['expected']['total']}, measured {done['not_served']}")
    assert configuration(shop.rig) == before
    assert history(shop.rig)[0]["command"] == "service move"
    back = ended(shop.rig, "move", SERVICE, source)
    assert back["service"]["nodes"] == [source]
    assert back["expected"]["total"]["source"] == "measured"
    assert configuration(shop.rig) == before


def test_a_move_that_fails_goes_back(shop: Shop) -> None:
    """pcs#697: the application does not start on the target; no constraint is left behind."""
    rig = shop.rig
    before, [source] = configuration(rig), where(rig, "batch")
    target = "node3" if source == "node2" else "node2"
    rig.write(target, _SCRIPT, _BAD)
    result = service(rig, "move", "batch", target)
    assert result.returncode == 1
    assert f"start of batch-app failed on {target}" in result.stdout
    assert where(rig, "batch") == [source]
    assert configuration(rig) == before
    refused = service(rig, "move", "batch", target)
    assert refused.returncode == 1
    assert f"batch cannot be moved to {target}: start of batch-app failed" in refused.stderr
    rig.write(target, _SCRIPT, _GOOD)
    rig.run(NODE, "pcs", "resource", "cleanup", "batch", check=True)
    assert ended(rig, "move", "batch", target)["service"]["nodes"] == [target]


@pytest.mark.campaign("ten moments, each of which takes a minute")
def test_killed_at_ten_moments(shop: Shop) -> None:
    """SIGKILL of a move: the next command takes out what is left, and moves it."""
    rig, chance = shop.rig, random.Random(1)  # noqa: S311 - moments, not secrets
    before = configuration(rig)
    for moment in range(10):
        [source] = where(rig, "batch")
        target = "node3" if source == "node2" else "node2"
        after = chance.uniform(0.3, 6.0 * shop.patience)
        killed = ("timeout", "--signal=KILL", f"{after:.2f}", "takeover", "service", "move")
        rig.run(NODE, *killed, "batch", target)
        print(f"{moment}: killed after {after:.2f} s, left: {left(rig)}")
        assert service(rig, "move", "batch", "node2").returncode == 0
        assert configuration(rig) == before
        assert where(rig, "batch") == ["node2"]


def test_stop_and_start(shop: Shop) -> None:
    """pcs#18: start proves that the service runs; both are in the history."""
    before = configuration(shop.rig)
    assert ended(shop.rig, "stop", "batch")["service"]["state"] == "stopped"
    assert service(shop.rig, "move", "batch").returncode == 1
    assert ended(shop.rig, "start", "batch")["service"]["state"] == "running"
    assert configuration(shop.rig) == before
    assert [each["command"] for each in history(shop.rig)[:2]] == ["service start", "service stop"]
    ended(shop.rig, "stop", "batch", "--part", "address")
    state = cluster_status(shop.rig, NODE)
    roles = {part["id"]: part["role"] for each in state["services"] for part in each["parts"]}
    assert (roles["batch-app"], roles["batch-address"]) == ("Started", "Stopped")
    ended(shop.rig, "start", "batch", "--part", "address")
    assert configuration(shop.rig) == before


def _process(rig: Rig) -> str:
    [node] = where(rig, "batch")
    return rig.run(node, "pgrep", "-f", "sleep 1000000", check=True).stdout


def test_restart_also_while_it_is_unmanaged(shop: Shop) -> None:
    """pcs#233: one command, and afterwards it is unmanaged as before."""
    rig = shop.rig
    before, process = configuration(rig), _process(rig)
    assert ended(rig, "restart", "batch")["not_served"] > 0
    assert configuration(rig) == before
    again = _process(rig)
    assert again != process
    rig.run(NODE, "pcs", "resource", "unmanage", "batch-app", check=True)
    try:
        unmanaged = configuration(rig)
        ended(rig, "restart", "batch", "--part", "app")
        assert configuration(rig) == unmanaged
        assert _process(rig) != again
    finally:
        rig.run(NODE, "pcs", "resource", "manage", "batch-app", check=True)


def test_pin_ban_and_unpin(shop: Shop) -> None:
    """The service goes where it is pinned, leaves where it is banned, and both are shown."""
    rig = shop.rig
    before, [source] = configuration(rig), where(rig, "batch")
    target = "node3" if source == "node2" else "node2"
    assert ended(rig, "pin", "batch", target)["service"]["nodes"] == [target]
    told = rig.run(NODE, "takeover", "status").stdout
    assert f"batch: it is pinned to {target}" in told
    assert service(rig, "move", "batch", source).returncode == 1
    apply(rig, _WITH)
    ended(rig, "unpin", "batch")
    assert ended(rig, "ban", "batch", target)["service"]["nodes"] == [source]
    # Both of its nodes would be banned.
    assert service(rig, "ban", "batch", source).returncode == 1
    rig.run(NODE, "pcs", "resource", "clear", "batch", check=True)
    assert configuration(rig) == before


def _runs(rig: Rig, node: str) -> bool:
    return rig.run(node, "pgrep", "-f", "sleep 1000000").returncode == 0


def test_maintenance(shop: Shop) -> None:
    """What dies meanwhile is left alone, and is started again when the maintenance ends."""
    rig = shop.rig
    before = configuration(rig)
    ended(rig, "maintenance", "on", "batch")
    [node] = where(rig, "batch")
    refused = service(rig, "move", "batch")
    assert refused.returncode == 1
    assert "unmanaged" in refused.stderr
    rig.run(node, "kill", *_process(rig).split(), check=True)
    assert not _runs(rig, node)
    service(rig, "maintenance", "off", "batch")
    assert eventually(lambda: _runs(rig, node), _LIMIT * shop.patience)
    assert configuration(rig) == before
    rig.run(NODE, "pcs", "resource", "cleanup", "batch", check=True)


def test_a_node_in_standby_is_no_target(shop: Shop) -> None:
    """The reason is told, and nothing is changed."""
    rig = shop.rig
    [source] = where(rig, "batch")
    target = "node3" if source == "node2" else "node2"
    rig.run(NODE, "pcs", "node", "standby", target, "--wait", check=True)
    try:
        refused = service(rig, "move", "batch", target)
        assert refused.returncode == 1
        assert f"batch cannot be moved to {target}: {target} is in standby" in refused.stderr
        assert service(rig, "move", "batch").returncode == 1
    finally:
        rig.run(NODE, "pcs", "node", "unstandby", target, check=True)


def test_a_new_name_costs_no_more_than_a_restart(shop: Shop) -> None:
    """In one apply, and back in one rollback; no row is lost, and nobody has the disk twice."""
    rig = shop.rig
    before, renamed = configuration(rig), "/root/service-renamed.toml"
    text = rig.run(NODE, "cat", _WITH, check=True).stdout
    rig.write(NODE, renamed, text)
    done = ended(rig, "restart", SERVICE)
    began = time.monotonic()
    assert service(rig, "rename", SERVICE, "store", renamed).returncode == 0
    shop.client.wait_until_served(time.monotonic(), _LIMIT)
    outage = shop.client.outage(began, time.monotonic())
    print(f"a restart: {done['not_served']}, the new name: {outage:.1f} s")
    assert where(rig, "store")
    assert "[services.store]" in rig.run(NODE, "cat", renamed, check=True).stdout
    rig.run(NODE, "takeover", "rollback", "--yes", check=True)
    shop.client.wait_until_served(time.monotonic(), _LIMIT)
    assert configuration(rig) == before
    assert shop.client.check().lost == []
