"""Changes that come back: by themselves when they do harm, by hand, and unless confirmed."""

from __future__ import annotations

import dataclasses
import io
import json
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.machine.runner import Result
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, configuration, told
from tests.unit.pcs_wrapper.conftest import (
    CREATED,
    EXAMPLE,
    STOP_TIMER,
    TIMER,
    Takeover,
    commands_of,
)

APPLIED = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))
# What Pacemaker may leave of the failures of resources that are gone.
LEFT = (
    '<status><node_state id="1" uname="node1"><transient_attributes id="1">'
    '<instance_attributes id="status-1">'
    '<nvpair id="a" name="fail-count-shop-app#start_0" value="INFINITY"/>'
    '<nvpair id="b" name="last-failure-shop-app#start_0" value="1795554621"/>'
    '<nvpair id="c" name="fail-count-printer#start_0" value="1"/>'
    "</instance_attributes></transient_attributes></node_state></status>"
)


@pytest.fixture
def new(cluster: Cluster) -> Cluster:
    """Return a cluster that has no service of Takeover's yet."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    return cluster


@pytest.fixture
def applied(new: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> Cluster:
    """Return a cluster to which the example has been applied, with `--confirm 5m`."""
    new.when(PUSH, state="running")
    assert takeover("apply", "--confirm", "5m", "-m", "new shop", EXAMPLE) == 0
    assert new.writes == [TIMER, PUSH]
    assert new.timers.keys() == {"takeover-unconfirmed-1.timer"}
    assert capsys.readouterr().out.splitlines()[-1] == (
        "the change will be rolled back at 2026-11-24T20:05:00+00:00. To keep it, run before then: "
        "takeover confirm 1"
    )
    new.writes.clear()
    return new


def newest(takeover: Takeover) -> Checkpoint:
    """Return the newest checkpoint."""
    return Checkpoints(takeover.machine.state).all()[0]


def test_a_change_that_does_harm_is_rolled_back(
    new: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first failure ends the waiting; the configuration comes back, and the reason is told."""

    def leave_failures() -> None:
        new.cib = new.cib.replace("<status/>", LEFT)

    new.programs.add("attrd_updater")
    new.when(PUSH, state="start-failed", then=leave_failures)
    new.when(PUSH, then=lambda: new.later("disabled"))
    new.when(PUSH, state="cluster-only")
    assert takeover("apply", EXAMPLE) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == [
        "the change did harm:",
        "  shop: partial — start of shop-app failed on node1: database files are incompatible; "
        "start of shop-app failed on node2: Timed Out",
        "the change was rolled back (checkpoint 1). Now:",
    ]
    rollback, stop, change = Checkpoints(takeover.machine.state).all()
    assert (change.state, stop.state, rollback.state) == ("rolled back", "rolled back", "applied")
    assert rollback.undoes == (2, 1)
    assert (rollback.epoch_before, rollback.epoch_after) == (9, 10)
    # Else no service of that name could start there again.
    forgotten = [
        shlex.join(("attrd_updater", "--delete", f"--name={attribute}", "--node=node1"))
        for attribute in ("fail-count-shop-app#start_0", "last-failure-shop-app#start_0")
    ]
    assert new.writes == [PUSH, PUSH, PUSH, *forgotten]
    assert configuration(new.cib) == configuration(LIVE)
    assert "fail-count-printer#start_0" in new.cib
    stopped = etree.fromstring(new.pushes[1].after)
    assert stopped.xpath("//group[@id='shop']//nvpair[@name='target-role']/@value") == ["Stopped"]
    assert any(line.endswith("removed") for line in takeover.progress)


def test_the_last_fencing_is_not_taken_out_by_accident(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """With fencing enabled, nothing starts without a device (pcs 0.12 changelog)."""
    enabled = 'name="stonith-enabled" value="{}"'
    cluster.state = "cluster-only"
    cluster.cib = LIVE.replace(enabled.format("false"), enabled.format("true"))
    cluster.when(PUSH, state="running")
    assert takeover("apply", EXAMPLE) == 0
    cluster.writes.clear()
    assert takeover("rollback", "--yes") == 1
    assert "fence-power would go, and nothing could fence a node then" in capsys.readouterr().err
    assert cluster.writes == []
    cluster.when(PUSH, state="disabled")
    cluster.when(PUSH, state="empty")
    assert takeover("rollback", "--yes", "--even-so") == 0
    assert 'primitive id="fence-power"' not in cluster.cib


def _with_site(state: str, node: str) -> str:
    """Return a state in which another service, which no change is about, runs on a node."""
    site = (
        '<resource id="site" resource_agent="ocf:heartbeat:Dummy" role="Started" active="true" '
        f'managed="true" failed="false" blocked="false"><node name="{node}"/></resource>'
    )
    return told(state).replace("</resources>", f"{site}</resources>")


def test_what_was_hurt_only_by_the_end_is_told_too(
    new: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wait ends with the first failure, while another service is only about to be moved."""
    new.state = _with_site("cluster-only", "node1")
    new.when(PUSH, state=_with_site("start-failed", "node1"))
    new.when(PUSH, then=lambda: new.later(_with_site("disabled", "node1")))
    new.when(PUSH, state=_with_site("cluster-only", "node2"))
    assert takeover("apply", EXAMPLE) == 1
    out = capsys.readouterr().out
    assert "  site: was moved from node1 to node2\n" in out
    assert out.count("the change did harm:") == 1


def test_a_rollback_that_fails_says_how_to_try_again(
    new: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The change is still there then, and that is what is told."""

    def fall_ill() -> None:
        new.broken["pcs"] = Result(1, "", "pcs is ill")

    new.when(PUSH, state="start-failed", then=fall_ill)
    assert takeover("apply", EXAMPLE) == 1
    assert new.writes == [PUSH]
    lines = capsys.readouterr().out.splitlines()
    assert "the change was not rolled back: `pcs cluster cib` failed with exit code 1" in lines
    assert lines[-1] == "to try again: takeover rollback 1"
    assert newest(takeover).state == "applied"


def test_a_rollback_that_fails_after_its_push_is_one(
    new: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration is back: nobody is told to roll back once more."""

    def fall_ill() -> None:
        new.broken["crm_resource"] = Result(1, "", "ill")

    new.when(PUSH, state="start-failed")
    new.when(PUSH, then=lambda: new.later("disabled"))
    new.when(PUSH, state="cluster-only", then=fall_ill)
    assert takeover("apply", EXAMPLE) == 1
    assert new.writes == [PUSH, PUSH, PUSH]
    assert configuration(new.cib) == configuration(LIVE)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith(
        "the configuration was rolled back, but a later step failed: `crm_resource"
    )
    assert [each.state for each in Checkpoints(takeover.machine.state).all()] == [
        "applied",
        "rolled back",
        "rolled back",
    ]


def test_what_is_confirmed_stays(
    applied: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every node is told, the timer is stopped, and would find nothing to do any more."""
    assert takeover("confirm") == 0
    assert applied.writes == [PUSH, STOP_TIMER]
    assert applied.timers == {}
    assert capsys.readouterr().out == "checkpoint 1 is confirmed\n"
    assert takeover("confirm") == 1
    assert (
        capsys.readouterr().err
        == "no change waits to be confirmed; `takeover history` shows all changes\n"
    )
    assert takeover("confirm", "1") == 1
    assert "checkpoint 1 is confirmed: there is nothing to confirm" in capsys.readouterr().err
    assert takeover("rollback", "--unless-confirmed", "1") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert applied.writes == [PUSH, STOP_TIMER]
    assert configuration(applied.cib) == configuration(APPLIED)


def test_what_is_not_confirmed_is_rolled_back(
    applied: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The timer's command asks nobody."""
    applied.when(PUSH, then=lambda: applied.later("disabled"))
    applied.when(PUSH, state="cluster-only")
    assert takeover("rollback", "--unless-confirmed", "1") == 0
    assert applied.writes == [PUSH, PUSH, STOP_TIMER]
    assert applied.pushes[-1].state == told("disabled"), "it has stopped"
    assert configuration(applied.cib) == configuration(LIVE)
    seen = capsys.readouterr()
    assert seen.err.endswith(f"removed: {CREATED}\n")
    assert seen.out == "rolled back: 1 (by checkpoint 3). Now:\n"
    assert newest(takeover).message == "not confirmed in time"


def test_another_change_waits_for_the_confirmation(
    applied: Cluster,
    takeover: Takeover,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The rollback of the first would take the second back, too: it is refused."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace('"noatime"', '"relatime"'))
    assert takeover("apply", file) == 1
    assert applied.writes == []
    assert (
        "First keep it (takeover confirm 1), or take it back (takeover rollback 1)"
        in capsys.readouterr().err
    )
    assert newest(takeover).number == 1


def test_nobody_confirmed_and_the_timer_has_gone(
    applied: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node was off at the time: the next command says so."""
    later = takeover.machine.now() + timedelta(minutes=6)
    takeover.machine = dataclasses.replace(takeover.machine, now=lambda: later)
    assert takeover("status") == 0
    assert takeover("history") == 0
    assert applied.writes == []
    said = (
        "checkpoint 1 of alice on node1 was not confirmed by 2026-11-24T20:05:00+00:00, and is "
        "still in the cluster"
    )
    hint = "To keep it: takeover confirm 1; to take it back: takeover rollback 1"
    assert f"warning: {said} ({hint})" in capsys.readouterr().out
    assert takeover.warned == [f"{said}. {hint}"]


def test_a_timer_that_cannot_be_started_changes_nothing(
    new: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the way back nothing is pushed."""
    new.when("systemd-run", exit_code=1, stderr="no D-Bus")
    assert takeover("apply", "--confirm", "5m", EXAMPLE) == 1
    assert new.writes == [TIMER, STOP_TIMER]
    assert new.cib == LIVE
    assert "Nothing was changed, because without the timer" in capsys.readouterr().err
    assert newest(takeover).state == "failed"


@pytest.mark.parametrize("time", ["5", "9s", "0m", "five", "-5m", "1d"])
def test_a_time_that_is_none_is_refused(
    time: str, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is right is said; nothing is run."""
    assert takeover("apply", f"--confirm={time}", EXAMPLE) == 2
    assert "not a duration of at least 10 s, such as 90s, 5m or 1h" in capsys.readouterr().err


def test_a_rollback_by_hand_is_shown_and_asked_for(
    applied: Cluster,
    takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without an answer, or with Enter alone, nothing is pushed: that is no interruption."""
    for answer in ("", "\n", "n\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert takeover("rollback") == 1
        assert applied.writes == []
        seen = capsys.readouterr().err
        assert seen.endswith("nothing was changed\n")
    change = "checkpoint 1  2026-11-24T20:00:00+00:00  alice on node1  apply: unconfirmed"
    assert f"takes back {change}" in seen
    assert f"removed: {CREATED}" in seen
    assert newest(takeover).state == "unconfirmed"


def test_a_dry_run_of_a_rollback_shows_difference_and_commands(
    applied: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same commands that the rollback would run."""
    assert takeover("rollback", "--dry-run") == 0
    lines = commands_of(capsys.readouterr().out)
    assert '-      <group id="shop">' in lines
    assert lines[-8:] == [
        "pcs cluster cib old.xml",
        "crm_diff --original old.xml --new stopped.xml > stop.xml",
        "cibadmin --patch --xml-file stop.xml",
        "crm_resource --wait --timeout=490",
        "crm_diff --original stopped.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        STOP_TIMER,
        "crm_resource --wait --timeout=490",
    ]
    applied.state = "cluster-only"
    assert takeover("rollback", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["undone"] == [1]
    assert applied.writes == []


def test_what_others_changed_of_the_same_objects_is_named(
    applied: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever rolls back sees whose work is in the way."""
    applied.edit('score="20"', 'score="25"')
    assert takeover("rollback", "--dry-run") == 0
    assert "changed by somebody else since: shop-prefers-node2." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "there is nothing to roll back"),
        (("7",), "there is no checkpoint 7"),
        (("--unless-confirmed",), "--unless-confirmed needs the number of a checkpoint"),
    ],
)
def test_what_is_not_there_is_not_rolled_back(
    arguments: tuple[str, ...],
    complaint: str,
    new: Cluster,
    takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No checkpoint, or not that one."""
    assert new.cib == LIVE
    assert takeover("rollback", "--yes", *arguments) != 0
    assert complaint in capsys.readouterr().err


def test_a_rollback_is_not_rolled_back(
    applied: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what to do instead; what it took back cannot be taken back again either."""
    applied.when(PUSH, then=lambda: applied.later("disabled"))
    applied.when(PUSH, state="cluster-only")
    assert takeover("rollback", "--yes", "--message", "too early") == 0
    assert takeover("rollback", "--yes", "3") == 1
    assert takeover("rollback", "--yes", "1") == 1
    assert applied.writes == [PUSH, PUSH, STOP_TIMER]
    assert applied.pushes[-1].state == told("disabled"), "it has stopped"
    assert configuration(applied.cib) == configuration(LIVE)
    seen = capsys.readouterr().err
    assert "checkpoint 3 is a rollback" in seen
    assert "checkpoint 1 is rolled back: its change is not in the cluster" in seen
    assert takeover("history") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line[0].isdecimal()]
    who = "2026-11-24T20:00:00+00:00  alice on node1"
    assert lines == [
        f"3  {who}  rollback of 2, 1: applied (epoch 9 to 10): too early",
        f"2  {who}  rollback: rolled back (epoch 8 to 9): too early",
        f"1  {who}  apply: rolled back (epoch 7 to 8): new shop",
    ]


def test_history_of_nothing(
    new: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cluster to which nothing was applied says so."""
    assert new.cib == LIVE
    assert takeover("history") == 0
    assert (
        capsys.readouterr().out
        == "there are no checkpoints: Takeover has not changed this cluster yet\n"
    )
    assert takeover("history", "--json") == 0
    nothing: dict[str, object] = {"checkpoints": [], "elsewhere": [], "older": [], "former": []}
    assert json.loads(capsys.readouterr().out) == {"schema": 1, **nothing}


def test_a_changed_service_is_cleaned_up(
    cluster: Cluster, takeover: Takeover, tmp_path: Path
) -> None:
    """What is still there after the rollback starts again: Pacemaker forgets its failures."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace('"noatime"', '"relatime"'))
    cluster.state, cluster.cib = "running", APPLIED
    cluster.when(PUSH, state="start-failed")
    cluster.when(PUSH, state="running")
    assert takeover("apply", file) == 1
    assert cluster.writes == [PUSH, PUSH, "pcs resource cleanup shop-app"]
    assert '"relatime"' in cluster.pushes[0].after
    assert configuration(cluster.cib) == configuration(APPLIED)
