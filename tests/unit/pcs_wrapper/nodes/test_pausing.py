"""`takeover node pause` and `resume`, as an administrator uses them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.history.checkpoints import Checkpoints
from pcs_wrapper.machine.runner import Result
from pcs_wrapper.nodes.pausing import fenced_meanwhile
from pcs_wrapper.pacemaker.crm_mon import ClusterState, parse_state
from pcs_wrapper.pacemaker.pauses import Pause, pause_of
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.conftest import node_is, on, simulated

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def pause(cluster: Cluster, node: str, now: datetime = NOW) -> Pause | None:
    """Return the pause that a node has in the live CIB."""
    return pause_of(etree.fromstring(cluster.cib), node, now)


def test_a_node_is_drained(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What moves and for how long clients wait is told before, what became of it afterwards."""
    shop.when(PUSH, state=on("node2", standby="node1"))
    assert takeover("node", "pause", "node1", "-m", "new memory") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "node1 runs nothing any more",
        "  shop moves from node1 to node2: clients wait for about 1.0 s (at most 400 s)",
    ]
    assert captured.out.splitlines() == [
        "shop: running on node2",
        "node1 is drained: it runs nothing",
        "to end the pause: takeover node resume node1",
    ]
    assert shop.writes == [PUSH]
    assert pause(shop, "node1") == Pause()
    assert '<nvpair id="nodes-1-standby" name="standby" value="on"/>' in shop.cib
    [kept] = Checkpoints(takeover.machine.state).all()
    assert (kept.command, kept.message, kept.state) == ("node pause", "new memory", "applied")
    assert kept.changes.changed == ("1",)
    assert kept.seen_through


def test_a_pause_can_be_looked_at_first(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed, and the commands are those that would run."""
    assert takeover("node", "pause", "--dry-run", "node1") == 0
    out = capsys.readouterr().out
    assert out.startswith("node1 runs nothing any more\n  shop moves from node1 to node2: ")
    assert commands_of(out)[2:] == [
        "pcs cluster cib old.xml",
        "crm_diff --original old.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        "crm_resource --wait --timeout=490",
    ]
    assert shop.writes == []
    assert takeover("node", "pause", "--dry-run", "--json", "node1") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["changes"] == {"created": [], "changed": ["1"], "removed": []}
    [effect] = shown["effects"]
    assert (effect["kind"], effect["source"], effect["dest"]) == ("moves", ["node1"], ["node2"])
    assert effect["outage"]["source"] == "estimated"


def test_what_has_nowhere_to_run_is_not_stopped(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless the administrator says so."""
    stops = simulated("moved")
    for part in ("filesystem", "app", "address"):
        stops = stops.replace(
            f'action="move" resource="shop-{part}" source="node1" dest="node2"',
            f'action="stop" resource="shop-{part}" node="node1"',
        )
    shop.scheduled = (simulated("nothing"), stops)
    assert takeover("node", "pause", "node1") == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "shop would stop: no other node may run it while node1 is paused. Bring another node back "
        "first (takeover node list). Nothing was changed; to do it all the same: --even-so"
    )
    assert shop.writes == []
    assert takeover("node", "pause", "node1", "--json") == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert [each["code"] for each in error["findings"]] == ["nowhere-to-run"]
    shop.when(PUSH, state="standby")
    assert takeover("node", "pause", "node1", "--even-so") == 0
    assert "shop STOPS: no other node may run it" in capsys.readouterr().err


def test_what_does_not_leave_is_told_with_the_reason(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node is not drained then, and that is a failure."""
    stays = on("node1", standby="node1").replace('managed="true"', 'managed="false"')
    shop.when(PUSH, state=stays)
    assert takeover("node", "pause", "node1") == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "shop still runs on node1: it is unmanaged, so Pacemaker leaves it alone; to end that: pcs "
        "resource manage shop",
        "to end the pause: takeover node resume node1",
        "to take it back: takeover rollback 1",
    ]


def test_the_wait_has_a_limit(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said what was still going on."""
    stopping = on("node1", standby="node1").replace(
        'resource_agent="ocf:takeover:app" role="Started"',
        'resource_agent="ocf:takeover:app" role="Stopping"',
    )
    shop.when(PUSH, state=stopping)
    assert takeover("node", "pause", "node1", "--wait", "60s") == 1
    assert "waiting up to 60 s for the cluster to settle" in takeover.said
    assert "shop still runs on node1: the cluster was still busy after 60 s" in (
        capsys.readouterr().out.splitlines()
    )
    assert any("shop-app is being stopped on node1" in text for text, _ in takeover.awaited)


def test_a_pause_that_keeps_changes_nothing_that_runs(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What fails elsewhere does not come, and no fencing device is forbidden to the node."""
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    assert takeover("node", "pause", "node1", "--keep") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "node1 takes nothing new, and keeps what it runs: shop",
        "  no service stops, moves or starts",
    ]
    assert captured.out.splitlines()[0] == "node1 takes nothing new; it runs shop now"
    constraint = etree.fromstring(shop.cib).find("configuration/constraints")[-1]  # type: ignore[index]
    assert dict(constraint.attrib) == {
        "id": "takeover-keep-node1",
        "rsc-pattern": "!^(fence-rig|shop)$",
        "node": "node1",
        "score": "-INFINITY",
    }
    assert pause(shop, "node1") == Pause(keeps=True)


def test_a_pause_with_a_limit_is_ended_by_pacemaker(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The date is in the cluster: no timer is started that a reboot would lose."""
    shop.when(PUSH, state=on("node2"))
    assert takeover("node", "pause", "node1", "--for", "2h") == 0
    assert "  until 2026-11-24T22:00:00+00:00; then Pacemaker itself ends the pause" in (
        capsys.readouterr().err.splitlines()
    )
    assert shop.writes == [PUSH]
    assert shop.timers == {}
    until = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
    assert pause(shop, "node1") == Pause(until=until)
    assert pause(shop, "node1", until) is None
    assert 'operation="lt" end="2026-11-24T22:00:00Z"' in shop.cib


@pytest.mark.parametrize("options", [(), ("--keep",), ("--for", "2h"), ("--keep", "--for", "1h")])
def test_resume_ends_every_pause(
    options: tuple[str, ...], *, shop: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The configuration is as it was before."""
    shop.cib = shop.cib.replace('<instance_attributes id="nodes-1"/>', "")
    before = etree.fromstring(shop.cib)
    shop.when(PUSH, state=on("node2", standby="" if options else "node1"))
    assert takeover("node", "pause", "node1", *options) == 0
    capsys.readouterr()
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    shop.when(PUSH, state=on("node2"))
    assert takeover("node", "resume", "node1") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "node1 may run everything again",
        "  no service stops, moves or starts",
    ]
    assert captured.out == "node1 can run things again; it runs nothing now\n"
    assert pause(shop, "node1") is None
    assert not changed_ids(before, etree.fromstring(shop.cib))


def test_a_new_pause_replaces_an_earlier_one(shop: Cluster, takeover: Takeover) -> None:
    """So a node never has two, and the last word counts."""
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    assert takeover("node", "pause", "node1", "--keep", "--for", "2h") == 0
    assert takeover("node", "pause", "node1", "--keep") == 0
    assert pause(shop, "node1") == Pause(keeps=True)
    shop.when(PUSH, state=on("node2", standby="node1"))
    assert takeover("node", "pause", "node1") == 0
    assert pause(shop, "node1") == Pause()
    assert '<rsc_location id="takeover-keep-node1"' not in shop.cib


def test_a_pause_that_is_there_already_is_no_change(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command can be repeated, and still waits until the node is drained."""
    shop.when(PUSH, state=on("node2", standby="node1"))
    assert takeover("node", "pause", "node1") == 0
    capsys.readouterr()
    assert takeover("node", "pause", "node1") == 0
    captured = capsys.readouterr()
    assert captured.err == "node1 is paused like that already\n"
    assert captured.out.startswith("node1 is drained: it runs nothing\n")
    assert shop.writes == [PUSH]


def test_standby_until_a_restart_is_ended_too(shop: Cluster, takeover: Takeover) -> None:
    """It is not in the configuration, but in the state of the node."""
    pair = '<nvpair id="status-1-standby" name="standby" value="on"/>'
    shop.cib = shop.cib.replace(
        '<instance_attributes id="status-1">', f'<instance_attributes id="status-1">{pair}'
    )
    shop.state = on("node2", standby="node1")
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    command = "crm_attribute --node node1 --name standby --lifetime reboot --delete"
    shop.when(command, state=on("node2"))
    assert takeover("node", "resume", "node1") == 0
    assert shop.writes == [command]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (node_is(on("node2"), "node1", maintenance='"true"'),
         "it is in maintenance; to end that: pcs node unmaintenance node1"),
        (node_is(on("node2"), "node1", online='"false"'),
         "its cluster does not run; to start it: takeover cluster start node1"),
        (node_is(on("node2"), "node1", standby_onfail='"true"'),
         "an action with on-fail=standby has failed there; when that is repaired: pcs resource "
         "cleanup --node node1"),
        (node_is(on("node2"), "node1", health='"red"'),
         "its health is red (pcs node attribute shows the attributes #health…)"),
    ],
)  # fmt: skip
def test_what_else_keeps_a_node_from_running_things_is_told(
    *, state: str, why: str, shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Resume does not say that all is well then."""
    shop.state = state
    assert takeover("node", "resume", "node1") == 1
    captured = capsys.readouterr()
    assert captured.err == "node1 is not paused\n"
    assert captured.out == f"node1 cannot run anything yet: {why}\n"


def test_a_described_standby_is_set_off(shop: Cluster, takeover: Takeover) -> None:
    """A description may say it, and taking it away would be a difference from it."""
    pairs = (
        '<nvpair id="a" name="standby" value="on"/>'
        '<nvpair id="b" name="takeover-sets" value="standby"/>'
    )
    shop.cib = shop.cib.replace(
        '<instance_attributes id="nodes-1"/>',
        f'<instance_attributes id="nodes-1">{pairs}</instance_attributes>',
    )
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    assert takeover("node", "resume", "node1") == 0
    assert 'name="standby" value="off"' in shop.cib


def test_a_pause_can_be_rolled_back(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in the history like any other change."""
    shop.when(PUSH, state=on("node2", standby="node1"))
    assert takeover("node", "pause", "node1", "-m", "new memory") == 0
    assert takeover("history") == 0
    assert "alice on node1  node pause: applied (epoch 9 to 10): new memory" in (
        capsys.readouterr().out
    )
    shop.when(PUSH, state=on("node2"))
    assert takeover("rollback", "--yes", "1") == 0
    assert pause(shop, "node1") is None


def test_a_pause_waits_for_a_change_that_is_not_confirmed(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str], description: Path
) -> None:
    """Its timer would not take it back after another change; unless one says so."""
    description.write_text(description.read_text().replace('user = "postgres"', 'user = "pg"'))
    assert takeover("apply", "--confirm", "5m", description) == 0
    capsys.readouterr()
    assert takeover("node", "pause", "node1") == 1
    assert "checkpoint 1 of alice on node1 waits to be confirmed" in capsys.readouterr().err
    assert pause(shop, "node1") is None
    shop.when(PUSH, state=on("node2", standby="node1"))
    assert takeover("node", "pause", "node1", "--over-others") == 0


def test_a_cluster_that_cannot_act_is_not_asked_to(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a node must be fenced, everything that stops stays stopped."""
    shop.state = node_is(on("node1"), "node3", unclean='"true"', online='"false"')
    assert takeover("node", "pause", "node1") == 1
    assert "the cluster cannot carry this out now" in capsys.readouterr().err
    assert shop.writes == []


def test_an_unknown_node_is_a_mistake(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that there are, are named."""
    assert takeover("node", "pause", "node9") == 2
    assert capsys.readouterr().err == (
        "there is no node 'node9' in this cluster: its nodes are node1, node2, node3\n"
    )
    assert shop.writes == []


def test_a_pause_that_was_refused_is_no_pause(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The history says that it is not in the cluster."""
    shop.broken[PUSH] = Result(1, "", "Call failed")
    assert takeover("node", "pause", "node1") == 1
    capsys.readouterr()
    [kept] = Checkpoints(takeover.machine.state).all()
    assert kept.state == "failed"
    assert pause(shop, "node1") is None


def test_an_interrupted_pause_is_told_by_the_next_command(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pause is in the cluster, and how far it has come is seen in the list."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    shop.when("crm_mon")
    shop.when(PUSH, state=on("node1", standby="node1"), then=interrupt)
    assert takeover("node", "pause", "node1") == 130
    assert "it is not known whether this was still done: pausing node1" in capsys.readouterr().err
    assert takeover("status") == 0
    assert any("was interrupted: the change is in the cluster" in each for each in takeover.warned)
    assert takeover("node", "list") == 0
    assert "shop still runs there" in capsys.readouterr().out


def test_a_node_that_is_fenced_meanwhile_is_told(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one is when its service does not stop: the service runs, and yet not all is well."""
    fenced = (
        '<failures><failure op_key="shop-app_stop_0" node="node1" exitstatus="error" '
        'exitreason="it holds on" task="stop"/></failures><fence_history status="0"><fence_event '
        'target="node1" action="reboot" status="success" completed="2026-11-24 20:00:10Z"/>'
        "</fence_history><status "
    )
    state = node_is(on("node2"), "node1", online='"false"').replace("<status ", fenced)
    shop.when(PUSH, state=state)
    assert takeover("node", "pause", "node1") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == [
        "node1 was fenced at 2026-11-24 20:00:10Z: stop of shop-app failed on node1: it holds on",
        "node1 is OFFLINE, and will run nothing when it comes back",
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([], ["19:59:58.00"], True),
        # A node that has just joined learns a moment later what was fenced before.
        ([], ["19:41:00.00"], False),
        # After a restart, and on another node, the same moment is a little earlier or later.
        (["20:00:03.99"], ["20:00:04.003"], False),
        (["20:00:03.99"], ["20:00:04.003", "20:00:30.00"], True),
    ],
)
def test_only_what_is_fenced_meanwhile_is_told(
    before: list[str], after: list[str], *, told: bool
) -> None:
    """Not what a node has not known until now."""
    then, now = (state_with_fencing(times) for times in (before, after))
    assert bool(list(fenced_meanwhile(then, now, NOW.timestamp()))) == told


def state_with_fencing(times: list[str]) -> ClusterState:
    """Return a state in which a node was fenced at some times of the day."""
    events = "".join(
        '<fence_event target="node1" action="reboot" status="success" '
        f'completed="2026-11-24 {time}Z"/>'
        for time in times
    )
    text = on("node2").replace("<status ", f"<fence_history>{events}</fence_history><status ")
    return parse_state(etree.fromstring(text.encode()))


def test_a_node_that_is_off_can_be_paused(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs nothing when it comes back."""
    shop.state = node_is(on("node1"), "node3", online='"false"')
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    assert takeover("node", "pause", "node3") == 0
    assert capsys.readouterr().out.splitlines()[0] == (
        "node3 is OFFLINE, and will run nothing when it comes back"
    )
    assert pause(shop, "node3") == Pause()


def test_a_remote_node_can_be_paused(shop: Cluster, takeover: Takeover) -> None:
    """Pacemaker has made no element of its own for it yet."""
    shop.cib = shop.cib.replace('<node id="3" uname="node3"/>', "")
    shop.state = node_is(on("node1"), "node3", type='"remote"')
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    assert takeover("node", "pause", "node3") == 0
    assert '<node id="node3" uname="node3" type="remote">' in shop.cib
    assert pause(shop, "node3") == Pause()
