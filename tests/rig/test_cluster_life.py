"""`takeover cluster start`, `stop` and `restart` on a real cluster, with a client that writes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.rig.conftest import Shop
from tests.rig.test_nodes import listed, others, takeover
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import SERVICE
from vagrant.rig import Rig

pytestmark = pytest.mark.alone("bookworm")

#: How long the service may take to be served again, in seconds.
_LIMIT = 60.0
#: What a client may wait longer than the cluster has recorded, in seconds: its times are whole
#: seconds, and a client notices a little later that it is served again.
_LATE = 3.0
#: When a restart of a node is killed, in seconds after its begin.
_MOMENTS = (0.5, 1.5, 2.5, 4.0, 5.5, 7.0, 9.0, 11.0, 14.0, 18.0)
#: When a stop of everything is killed.
_STOPS = (1.0, 3.0, 6.0)
_SERVICES = ("pacemaker", "corosync")


def begun(rig: Rig, node: str) -> dict[str, str]:
    """Return when each program of the cluster was started last on a node."""
    return {
        name: rig.run(
            node, "systemctl", "show", "--value", "--property=ActiveEnterTimestampMonotonic", name,
            check=True,
        ).stdout.strip()
        for name in _SERVICES
    }  # fmt: skip


def runs(rig: Rig, node: str) -> list[str]:
    """Return the programs of the cluster that run on a node."""
    return [
        name
        for name in _SERVICES
        if rig.run(node, "systemctl", "is-active", "--quiet", name).returncode == 0
    ]


def is_in_standby(rig: Rig, node: str) -> bool:
    """Return whether a node is in standby until its cluster is restarted, as Pacemaker knows it."""
    query = ("crm_attribute", "--node", node, "--name", "standby", "--lifetime", "reboot", "-G")
    return "value=on" in rig.run(node, *query).stdout


@pytest.fixture(autouse=True)
def started(shop: Shop) -> Iterator[None]:
    """Have the cluster run on every node afterwards, drained nowhere."""
    yield
    rig = shop.rig
    first = rig.layout.node_names[0]
    takeover(rig, first, "cluster", "restart", "--forget")
    assert takeover(rig, first, "cluster", "start").returncode == 0
    for node in rig.layout.node_names:
        if is_in_standby(rig, node):
            assert takeover(rig, first, "node", "resume", node).returncode == 0
    wait_until_whole(rig)


def test_a_rolling_restart_under_load(shop: Shop) -> None:
    """Each node's cluster is another one afterwards; the service has moved, and no row is lost."""
    rig, client = shop.rig, shop.client
    serving = active_node(rig)
    before = {node: begun(rig, node) for node in rig.layout.node_names}
    client.write_steadily(2.0 * shop.patience)
    planned = takeover(rig, serving, "cluster", "restart", "--dry-run", "--json")
    order = json.loads(planned.stdout)["nodes"]
    assert order[-1] == serving
    begin = time.monotonic()
    # Typed on the node that serves: it goes on while its own node's turn is.
    done = takeover(rig, serving, "cluster", "restart", "--yes", "--json")
    assert done.returncode == 0
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    outage = client.outage(begin, time.monotonic())
    result = json.loads(done.stdout)
    assert [each["node"] for each in result["nodes"]] == order
    waits = [wait for each in result["nodes"] for wait in each["waits"]]
    longest = max(wait["seconds"] for wait in waits if wait["service"] == SERVICE)
    print(f"measured: {waits}; by the client: {outage:.2f} s")
    assert outage <= longest + _LATE * shop.patience
    for node in rig.layout.node_names:
        after = begun(rig, node)
        assert all(after[name] != before[node][name] for name in _SERVICES), node
        assert not is_in_standby(rig, node)
    assert not client.check().lost
    assert rig.status()["disks"]["double_mounts"] == []


@pytest.mark.campaign("ten moments, each of which takes a minute")
def test_a_restart_that_is_killed_is_told_and_finished(shop: Shop) -> None:
    """At ten moments: the next command says so, and the same command finishes."""
    rig = shop.rig
    for moment in _MOMENTS:
        serving = active_node(rig)
        node = others(rig, serving)[0]
        before = begun(rig, node)
        rig.run(
            serving, "timeout", "--signal=KILL", f"{moment * shop.patience:.1f}",
            "takeover", "cluster", "restart", "--yes", node,
        )  # fmt: skip
        told = takeover(rig, serving, "status").stderr
        is_told = "interrupted: the rolling restart of" in told
        print(f"killed after {moment} s: {'told' if is_told else 'not begun, or done'}")
        if is_told:
            assert f"{node} was not restarted yet" in told
            assert takeover(rig, serving, "cluster", "restart", "--yes").returncode == 0
            assert begun(rig, node)["pacemaker"] != before["pacemaker"]
        assert "interrupted:" not in takeover(rig, serving, "status").stderr
        assert listed(rig, serving)[node]["state"] == "online"
        assert not is_in_standby(rig, node)
        assert active_node(rig) == serving
    assert not shop.client.check().lost


def test_everything_is_stopped_and_started_from_a_node_that_is_off(shop: Shop) -> None:
    """pcs#18: it is said what becomes of it; nothing of the cluster runs in between."""
    rig, client = shop.rig, shop.client
    serving = active_node(rig)
    elsewhere = others(rig, serving)[-1]
    asked = takeover(rig, elsewhere, "cluster", "stop")
    assert asked.returncode == 1
    assert f"{SERVICE} STOPS on {serving}, and runs nowhere then" in asked.stderr
    assert asked.stderr.endswith("nothing was changed\n")
    assert takeover(rig, elsewhere, "cluster", "stop", "--yes").returncode == 0
    assert not [name for node in rig.layout.node_names for name in runs(rig, node)]
    assert rig.status()["disks"]["mounted"].get("1", []) == []
    assert takeover(rig, elsewhere, "status").returncode == 4
    done = takeover(rig, elsewhere, "cluster", "start")
    assert done.returncode == 0
    assert f"{SERVICE}: running on" in done.stdout
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert not client.check().lost


@pytest.mark.campaign("ten moments, each of which takes a minute")
def test_a_stop_that_is_killed_is_finished_by_the_same_command(shop: Shop) -> None:
    """Whatever runs or does not run then."""
    rig = shop.rig
    first = rig.layout.node_names[0]
    for moment in _STOPS:
        rig.run(
            first, "timeout", "--signal=KILL", f"{moment * shop.patience:.1f}",
            "takeover", "cluster", "stop", "--yes",
        )  # fmt: skip
        assert takeover(rig, first, "cluster", "stop", "--yes").returncode == 0
        assert not [name for node in rig.layout.node_names for name in runs(rig, node)]
        assert takeover(rig, first, "cluster", "start").returncode == 0
        wait_until_whole(rig)
    assert not shop.client.check().lost


def test_a_stop_of_some_nodes_tells_when_quorum_would_be_lost(shop: Shop) -> None:
    """One node may go, and its service moves first; two may not without being told."""
    rig, client = shop.rig, shop.client
    serving = active_node(rig)
    stays, goes = others(rig, serving)
    both = takeover(rig, stays, "cluster", "stop", "--dry-run", "--json", serving, goes)
    [leaving] = json.loads(both.stdout)["leaving"]
    assert [each["code"] for each in leaving["findings"]] == ["quorum-would-go"]
    [effect] = leaving["effects"]
    assert (effect["service"], effect["kind"]) == (SERVICE, "stops")
    begin = time.monotonic()
    done = takeover(rig, stays, "cluster", "stop", "--yes", serving)
    assert done.returncode == 0
    assert f"{SERVICE}: running on" in done.stdout
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    print(f"the client waited for {client.outage(begin, time.monotonic()):.2f} s: {done.stdout}")
    assert listed(rig, stays)[serving]["state"] == "offline"
    assert not runs(rig, serving)
    assert takeover(rig, serving, "cluster", "start", serving).returncode == 0
    assert not client.check().lost


def test_a_node_whose_pcsd_is_dead_is_not_even_drained(shop: Shop) -> None:
    """The restart, and a stop of everything, are refused before anything is changed."""
    rig = shop.rig
    serving = active_node(rig)
    dead = others(rig, serving)[0]
    on = others(rig, dead)[-1]
    shop.admin.types(dead, "systemctl", "stop", "pcsd")
    try:
        for command in ("restart", "stop"):
            refused = takeover(rig, on, "cluster", command, "--yes")
            assert refused.returncode == 1
            assert f"pcsd does not answer on {dead}" in refused.stderr
    finally:
        shop.admin.types(dead, "systemctl", "start", "pcsd")
    assert active_node(rig) == serving
    assert not is_in_standby(rig, dead)


def test_a_cluster_that_is_not_well_is_not_restarted(shop: Shop) -> None:
    """crmsh#2147: what is in maintenance would be forgotten by a restart."""
    rig = shop.rig
    serving = active_node(rig)
    on = others(rig, serving)[0]
    attribute = (
        "crm_attribute",
        "--node",
        serving,
        "--name",
        "maintenance",
        "--lifetime",
        "reboot",
    )
    shop.admin.types(on, *attribute, "--update", "true")
    try:
        refused = takeover(rig, on, "cluster", "restart", "--yes")
        assert refused.returncode == 1
        assert f"{serving} is in maintenance mode" in refused.stderr
    finally:
        shop.admin.types(on, *attribute, "--delete")
    assert active_node(rig) == serving
