"""`takeover node` and `takeover quorum` on a real cluster, with a client that always writes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.conftest import Shop
from tests.votes import lost
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import SERVICE
from vagrant.rig import Rig

pytestmark = pytest.mark.alone("trixie")

#: In which a look at the nodes has to end although one of them hangs, in seconds.
_AT_ONCE = 10.0
#: How long a pause with a limit lasts here, and how late Pacemaker may end it, in seconds.
_LASTS, _LATE = 60, 20.0
_LIMIT = 60.0
#: When the command is killed, in seconds after its begin.
_MOMENTS = (0.3, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0)


def takeover(rig: Rig, node: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a node, and print what it says."""
    begin = time.monotonic()
    result = rig.run(node, "takeover", *arguments)
    print(f"{node}: takeover {' '.join(arguments)}: rc {result.returncode}, "
          f"{time.monotonic() - begin:.1f} s\n{result.stdout}{result.stderr}")  # fmt: skip
    return result


def listed(rig: Rig, on: str) -> dict[str, Any]:
    """Return what `takeover node list` says on a node, by the nodes' names."""
    result = takeover(rig, on, "node", "list", "--json")
    assert result.returncode == 0
    return {each["name"]: each for each in json.loads(result.stdout)["nodes"]}


def others(rig: Rig, node: str) -> list[str]:
    """Return the other nodes."""
    return [name for name in rig.layout.node_names if name != node]


@pytest.fixture(autouse=True)
def resumed(shop: Shop) -> Iterator[None]:
    """End all pauses afterwards."""
    yield
    for node in shop.rig.layout.node_names:
        shop.rig.wait_for_boot(node)
        takeover(shop.rig, node, "node", "resume", node, "--over-others")
    wait_until_whole(shop.rig)


def test_a_node_is_drained_under_load(shop: Shop) -> None:
    """The move that was told happens, no row is lost, and the node stays paused when it reboots."""
    rig, client = shop.rig, shop.client
    serving = active_node(rig)
    on = others(rig, serving)[0]
    planned = takeover(rig, on, "node", "pause", "--dry-run", "--json", serving)
    [effect] = json.loads(planned.stdout)["effects"]
    assert (effect["service"], effect["kind"], effect["source"]) == (SERVICE, "moves", [serving])
    client.write_steadily(2.0 * shop.patience)
    begin = time.monotonic()
    done = takeover(rig, on, "node", "pause", serving, "-m", "new memory")
    assert done.returncode == 0
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    outage = client.outage(begin, time.monotonic())
    print(f"told: {effect['outage']}; measured by the client: {outage:.2f} s")
    assert outage <= effect["outage"]["limit"]
    assert f"{serving} is drained: it runs nothing" in done.stdout
    assert [active_node(rig)] == effect["dest"]
    # Every node knows who has paused it, and why.
    for node in rig.layout.node_names:
        found = listed(rig, node)[serving]
        assert (found["state"], found["services"]) == ("paused", [])
        assert "new memory" in found["why"]
    # pcs calls it what it is.
    standby = rig.run(on, "crm_attribute", "--node", serving, "--name", "standby", "--query")
    assert "value=on" in standby.stdout
    rig.power(serving, "reset")
    rig.wait_for_boot(serving)
    assert eventually(
        lambda: listed(rig, on)[serving]["state"] == "paused", _LIMIT * shop.patience, pause=1.0
    )
    resumed = takeover(rig, on, "node", "resume", serving)
    assert resumed.returncode == 0
    assert f"{serving} can run things again" in resumed.stdout
    assert listed(rig, on)[serving]["state"] == "online"
    assert not client.check().lost
    assert rig.status()["disks"]["double_mounts"] == []


def test_pcs_ends_a_pause(shop: Shop) -> None:
    """Plain pcs can take back each kind of it."""
    rig = shop.rig
    node = others(rig, active_node(rig))[0]
    assert takeover(rig, node, "node", "pause", node).returncode == 0
    shop.admin.types(node, "pcs", "node", "unstandby", node)
    assert listed(rig, node)[node]["state"] == "online"
    assert takeover(rig, node, "node", "pause", node, "--keep").returncode == 0
    assert listed(rig, node)[node]["state"] == "paused"
    shop.admin.types(node, "pcs", "constraint", "delete", f"takeover-keep-{node}")
    assert listed(rig, node)[node]["state"] == "online"


def test_a_node_that_keeps_what_it_runs_takes_nothing_new(shop: Shop) -> None:
    """The service stays, and is not interrupted; another one does not come, even if it must."""
    rig, client = shop.rig, shop.client
    serving = active_node(rig)
    begin = time.monotonic()
    assert takeover(rig, serving, "node", "pause", serving, "--keep").returncode == 0
    with shop.made_with_pcs("newcomer"):
        for other in others(rig, serving):
            assert takeover(rig, serving, "node", "pause", other, "--even-so").returncode in (0, 1)
        where = rig.run(serving, "crm_resource", "--locate", "--resource", "newcomer")
        assert "is NOT running" in f"{where.stdout}{where.stderr}"
        assert takeover(rig, serving, "node", "resume", serving).returncode == 0
        where = rig.run(serving, "crm_resource", "--locate", "--resource", "newcomer")
        assert f"is running on: {serving}" in f"{where.stdout}{where.stderr}"
    assert active_node(rig) == serving
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert client.outage(begin, time.monotonic()) < 2.0 * shop.patience


def test_a_pause_ends_by_itself_though_its_node_was_rebooted(shop: Shop) -> None:
    """It was typed on the node itself, and no timer of that node is left."""
    rig = shop.rig
    serving = active_node(rig)
    on = others(rig, serving)[0]
    with shop.made_with_pcs("homing"):
        shop.admin.types(on, "pcs", "constraint", "location", "homing", "prefers", serving)
        shop.admin.types(on, "crm_resource", "--wait")
        lasts = f"{_LASTS * shop.patience:.0f}s"
        begin = time.monotonic()
        assert takeover(rig, serving, "node", "pause", serving, "--for", lasts).returncode == 0
        assert active_node(rig) != serving
        rig.power(serving, "reset")
        rig.wait_for_boot(serving)

        def is_back() -> bool:
            where = rig.run(on, "crm_resource", "--locate", "--resource", "homing")
            return f"is running on: {serving}" in f"{where.stdout}{where.stderr}"

        assert not is_back()
        assert eventually(is_back, (_LASTS + _LATE + _LIMIT) * shop.patience, pause=0.5)
        late = time.monotonic() - begin - _LASTS * shop.patience
        print(f"the pause was over, and what prefers the node was back, {late:.1f} s late")
        assert late < (_LATE + _LIMIT) * shop.patience
        assert listed(rig, on)[serving]["pause"] is None


def test_the_last_node_is_not_paused_by_accident(shop: Shop) -> None:
    """The service would have nowhere to run: nothing is changed, and the client notices nothing."""
    rig = shop.rig
    serving = active_node(rig)
    for other in others(rig, serving):
        assert takeover(rig, serving, "node", "pause", other).returncode == 0
    begin = time.monotonic()
    refused = takeover(rig, serving, "node", "pause", serving)
    assert refused.returncode == 1
    assert f"{SERVICE} would stop: no other node may run it" in refused.stderr
    shop.client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert shop.client.outage(begin, time.monotonic()) < 2.0 * shop.patience


@pytest.mark.campaign("ten moments, each of which takes a minute")
def test_a_pause_that_is_killed_is_told_and_completed(shop: Shop) -> None:
    """At ten moments: the next command says so, and the same command completes."""
    rig = shop.rig
    for moment in _MOMENTS:
        serving = active_node(rig)
        on = others(rig, serving)[0]
        rig.run(
            on, "timeout", "--signal=KILL", f"{moment * shop.patience:.1f}",
            "takeover", "node", "pause", serving,
        )  # fmt: skip
        state = listed(rig, on)[serving]["state"]
        print(f"killed after {moment} s: {serving} is {state}")
        assert takeover(rig, on, "node", "pause", serving).returncode == 0
        found = listed(rig, on)[serving]
        assert (found["state"], found["services"]) == ("paused", [])
        assert takeover(rig, on, "node", "resume", serving).returncode == 0
    assert not shop.client.check().lost
    history = json.loads(takeover(rig, on, "history", "--json").stdout)
    assert not [each for each in history["checkpoints"] if each["state"] == "pushing"]


def test_a_node_that_hangs_delays_no_list(shop: Shop) -> None:
    """pcs#52: its pcsd does not answer, and nobody asks it."""
    rig = shop.rig
    hangs = others(rig, active_node(rig))[0]
    on = others(rig, hangs)[0]
    shop.admin.types(hangs, "systemctl", "kill", "--signal=STOP", "pcsd")
    try:
        begin = time.monotonic()
        assert listed(rig, on)[hangs]["state"] == "online"
        assert takeover(rig, on, "quorum", "status").returncode == 0
        assert time.monotonic() - begin < _AT_ONCE * shop.patience
    finally:
        shop.admin.types(hangs, "systemctl", "kill", "--signal=CONT", "pcsd")


def test_a_node_that_is_lost_is_unclean_and_then_offline(shop: Shop) -> None:
    """With the reason; and what quorum status said of it beforehand is so."""
    rig = shop.rig
    stays = active_node(rig)
    goes = others(rig, stays)[0]
    before = json.loads(takeover(rig, stays, "quorum", "status", "--json").stdout)
    assert {loss["what"]: loss["goes_on"] for loss in before["losses"]} == dict.fromkeys(
        rig.layout.node_names, True
    )
    assert before["who"] == "any 2 of the 3 nodes"
    with lost(rig, goes):
        assert eventually(
            lambda: listed(rig, stays)[goes]["state"] == "unclean",
            _LIMIT * shop.patience,
            pause=0.5,
        )
        assert "must be fenced" in listed(rig, stays)[goes]["why"]
        after = json.loads(takeover(rig, stays, "quorum", "status", "--json").stdout)
        assert after["quorum"]
        assert after["absent"] == [goes]
        assert not any(loss["goes_on"] for loss in after["losses"])
