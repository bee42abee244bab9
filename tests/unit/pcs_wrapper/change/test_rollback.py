"""Changes that come back: by themselves when they do harm, by hand, and unless confirmed."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.change import stopping
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.pcs_wrapper.conftest import EXAMPLE, STOP_TIMER, TIMER, ExpectedCalls, Takeover

APPLIED = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))
STOPPED = to_text(stopping.stopped(etree.fromstring(APPLIED), ["shop"]))
CREATED = (
    "cib-bootstrap-options-no-quorum-policy, fence-power, shop, shop-prefers-node1, "
    "shop-prefers-node2, shop-prefers-node3"
)


def expect_plan(runner: ExpectedCalls, live: str = APPLIED, target: str = LIVE) -> None:
    """Expect that the change is taken out of the live CIB, by Pacemaker's own tool."""
    runner.expect("pcs", "cluster", "cib", stdout=live)
    runner.expect_undone(target)


# What Pacemaker may leave of the failures of resources that are gone.
LEFT = LIVE.replace(
    "<status/>",
    '<status><node_state id="1" uname="node1"><transient_attributes id="1">'
    '<instance_attributes id="status-1">'
    '<nvpair id="a" name="fail-count-shop-app#start_0" value="INFINITY"/>'
    '<nvpair id="b" name="last-failure-shop-app#start_0" value="1795554621"/>'
    '<nvpair id="c" name="fail-count-printer#start_0" value="1"/>'
    "</instance_attributes></transient_attributes></node_state></status>",
)


def expect_rollback(runner: ExpectedCalls, state: str) -> None:
    """Expect a rollback to LIVE, from its plan to its end: the service stops, then it leaves."""
    expect_plan(runner)
    runner.expect_state(state)
    runner.expect_push(APPLIED)
    runner.expect_state("disabled")
    runner.expect_push(STOPPED)


def expect_apply(runner: ExpectedCalls) -> None:
    """Expect an apply of the example until its push."""
    runner.expect_state("cluster-only")
    runner.expect_config()
    runner.expect("pcs", "cluster", "cib", stdout=LIVE)


@pytest.fixture
def applied(runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """The example has been applied, with `--confirm 5m`."""
    expect_apply(runner)
    runner.expect(*TIMER)
    runner.expect_push(LIVE)
    runner.expect_settled("running")
    assert takeover("apply", "--confirm", "5m", "-m", "new shop", EXAMPLE) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "it will be rolled back at 2026-11-24T20:05:00+00:00, unless this comes before: "
        "takeover confirm 1"
    )


def newest(takeover: Takeover) -> Checkpoint:
    """Return the newest checkpoint."""
    return Checkpoints(takeover.machine.state).all()[0]


def test_a_change_that_does_harm_is_rolled_back(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first failure ends the waiting; the configuration comes back, and the reason is told."""
    expect_apply(runner)
    runner.expect_push(LIVE)
    runner.expect_state("start-failed")
    expect_rollback(runner, "start-failed")
    runner.expect_settled("cluster-only")
    runner.expect("pcs", "cluster", "cib", stdout=LEFT)
    runner.programs.add("attrd_updater")
    # Else no service of that name could start there again.
    for attribute in ("fail-count-shop-app#start_0", "last-failure-shop-app#start_0"):
        runner.expect("attrd_updater", "--delete", f"--name={attribute}", "--node=node1")
    assert takeover("apply", EXAMPLE) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3:] == [
        "the change did harm:",
        "  shop: partial — start of shop-app failed on node1: database files are incompatible; "
        "start of shop-app failed on node2: Timed Out",
        "it was rolled back (checkpoint 1). Now:",
    ]
    rollback, stop, change = Checkpoints(takeover.machine.state).all()
    assert (change.state, stop.state, rollback.state) == ("rolled back", "rolled back", "applied")
    assert rollback.undoes == (2, 1)
    assert (rollback.epoch_before, rollback.epoch_after) == (7, 8)
    assert any(line.endswith("gone") for line in takeover.progress)


def test_a_rollback_that_fails_says_how_to_try_again(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The change is still there then, and that is what is told."""
    expect_apply(runner)
    runner.expect_push(LIVE)
    runner.expect_state("start-failed")
    runner.expect("pcs", "cluster", "cib", exit_code=1, stderr="pcs is ill")
    assert takeover("apply", EXAMPLE) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "it was not rolled back: `pcs cluster cib` failed with exit code 1" in lines
    assert lines[-1] == "to try again: takeover rollback 1"
    assert newest(takeover).state == "applied"


def test_a_rollback_that_fails_after_its_push_is_one(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The configuration is back: nobody is told to roll back once more."""
    expect_apply(runner)
    runner.expect_push(LIVE)
    runner.expect_state("start-failed")
    expect_rollback(runner, "start-failed")
    for _ in range(3):
        runner.expect_state("cluster-only")
    runner.expect("crm_resource", "--wait", "--timeout=3", exit_code=1, stderr="ill")
    assert takeover("apply", EXAMPLE) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("the configuration was rolled back, but then: `crm_resource")
    assert [each.state for each in Checkpoints(takeover.machine.state).all()] == [
        "applied",
        "rolled back",
        "rolled back",
    ]


@pytest.mark.usefixtures("applied")
def test_what_is_confirmed_stays(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The timer is stopped, and would find nothing to do any more."""
    runner.expect(*STOP_TIMER)
    assert takeover("confirm") == 0
    assert capsys.readouterr().out == "checkpoint 1 is confirmed\n"
    assert takeover("confirm") == 1
    assert capsys.readouterr().err == "no change waits to be confirmed (takeover history)\n"
    assert takeover("confirm", "1") == 1
    assert "checkpoint 1 is confirmed: nothing to confirm" in capsys.readouterr().err
    runner.expect("pcs", "cluster", "cib", stdout=APPLIED)
    assert takeover("rollback", "--unless-confirmed", "1") == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.usefixtures("applied")
def test_what_is_not_confirmed_is_rolled_back(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The timer's command asks nobody."""
    runner.expect("pcs", "cluster", "cib", stdout=APPLIED)
    expect_rollback(runner, "running")
    runner.expect(*STOP_TIMER)
    runner.expect_settled("cluster-only")
    runner.expect("pcs", "cluster", "cib", stdout=LIVE)
    assert takeover("rollback", "--unless-confirmed", "1") == 0
    seen = capsys.readouterr()
    assert seen.err.endswith(f"removed: {CREATED}\n")
    assert seen.out == "rolled back: 1 (by checkpoint 3). Now:\n"
    assert newest(takeover).message == "not confirmed in time"


@pytest.mark.usefixtures("applied")
def test_another_change_waits_for_the_confirmation(
    runner: ExpectedCalls,
    takeover: Takeover,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The rollback of the first would take the second back, too: it is refused."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace('"noatime"', '"relatime"'))
    runner.expect_state("running")
    runner.expect_config()
    runner.expect("pcs", "cluster", "cib", stdout=APPLIED)
    assert takeover("apply", file) == 1
    assert "first takeover confirm 1, or takeover rollback 1" in capsys.readouterr().err
    assert newest(takeover).number == 1


@pytest.mark.usefixtures("applied")
def test_nobody_confirmed_and_the_timer_has_gone(runner: ExpectedCalls, takeover: Takeover) -> None:
    """The node was off at the time: the next command says so."""
    later = takeover.machine.now() + timedelta(minutes=6)
    takeover.machine = dataclasses.replace(takeover.machine, now=lambda: later)
    runner.expect_state("running")
    assert takeover("status") == 0
    assert takeover.warned == [
        "checkpoint 1 was not confirmed by 2026-11-24T20:05:00+00:00, and is still in the "
        "cluster: takeover confirm 1, or takeover rollback 1"
    ]


def test_a_timer_that_cannot_be_started_changes_nothing(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the way back nothing is pushed."""
    expect_apply(runner)
    runner.expect(*TIMER, exit_code=1, stderr="no D-Bus")
    runner.expect(*STOP_TIMER)
    assert takeover("apply", "--confirm", "5m", EXAMPLE) == 1
    assert "Nothing was changed: without the timer" in capsys.readouterr().err
    assert newest(takeover).state == "failed"


@pytest.mark.parametrize("time", ["5", "9s", "0m", "five", "-5m", "1d"])
def test_a_time_that_is_none_is_refused(
    time: str, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is right is said; nothing is run."""
    assert takeover("apply", f"--confirm={time}", EXAMPLE) == 2
    assert "no duration of at least 10 s, such as 90s, 5m or 1h" in capsys.readouterr().err


@pytest.mark.usefixtures("applied")
def test_a_rollback_by_hand_is_shown_and_asked_for(
    runner: ExpectedCalls,
    takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without an answer, nothing is pushed."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    expect_plan(runner)
    assert takeover("rollback") == 130
    seen = capsys.readouterr().err
    assert "takes back checkpoint 1  2026-11-24T20:00:00+00:00  alice  apply: unconfirmed" in seen
    assert f"removed: {CREATED}" in seen
    assert newest(takeover).state == "unconfirmed"


@pytest.mark.usefixtures("applied")
def test_a_dry_run_of_a_rollback_shows_difference_and_commands(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same commands that the rollback would run."""
    expect_plan(runner)
    runner.expect_state("running")
    assert takeover("rollback", "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert '-      <group id="shop">' in lines
    assert lines[-7:] == [
        "pcs cluster cib old.xml",
        "crm_diff --original old.xml --new stopped.xml > stop.xml",
        "cibadmin --patch --xml-file stop.xml",
        "crm_resource --wait --timeout=490",
        "crm_diff --original stopped.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        "crm_resource --wait --timeout=490",
    ]
    expect_plan(runner)
    runner.expect_state("cluster-only")
    assert takeover("rollback", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["undone"] == [1]


@pytest.mark.usefixtures("applied")
def test_what_others_changed_of_the_same_objects_is_named(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever rolls back sees whose work is in the way."""
    expect_plan(runner, APPLIED.replace('score="20"', 'score="25"'))
    runner.expect_state("running")
    assert takeover("rollback", "--dry-run") == 0
    assert "changed by somebody else since: shop-prefers-node2." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "there is nothing to roll back"),
        (("7",), "this node has no checkpoint 7"),
        (("--unless-confirmed",), "--unless-confirmed needs the number of a checkpoint"),
    ],
)
def test_what_is_not_there_is_not_rolled_back(
    arguments: tuple[str, ...],
    complaint: str,
    takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No checkpoint, or not that one."""
    assert takeover("rollback", "--yes", *arguments) != 0
    assert complaint in capsys.readouterr().err


@pytest.mark.usefixtures("applied")
def test_a_rollback_is_not_rolled_back(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what to do instead; what it took back cannot be taken back again either."""
    expect_rollback(runner, "running")
    runner.expect(*STOP_TIMER)
    runner.expect_settled("cluster-only")
    runner.expect("pcs", "cluster", "cib", stdout=LIVE)
    assert takeover("rollback", "--yes", "--message", "too early") == 0
    assert takeover("rollback", "--yes", "3") == 1
    assert takeover("rollback", "--yes", "1") == 1
    seen = capsys.readouterr().err
    assert "checkpoint 3 is a rollback" in seen
    assert "checkpoint 1 is rolled back: it is not in the cluster" in seen
    assert takeover("history") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line[0].isdecimal()]
    assert lines == [
        "3  2026-11-24T20:00:00+00:00  alice  rollback of 2, 1: applied (epoch 7 to 8): too early",
        "2  2026-11-24T20:00:00+00:00  alice  rollback: rolled back (epoch 7 to 8): too early",
        "1  2026-11-24T20:00:00+00:00  alice  apply: rolled back (epoch 7 to 8): new shop",
    ]


def test_history_of_nothing(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """A node from which nothing was applied says so."""
    assert takeover("history") == 0
    assert capsys.readouterr().out == "no checkpoints: nothing was applied from this node yet\n"
    assert takeover("history", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "checkpoints": []}


def test_a_changed_service_is_cleaned_up(
    runner: ExpectedCalls, takeover: Takeover, tmp_path: Path
) -> None:
    """What is still there after the rollback starts again: Pacemaker forgets its failures."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text().replace('"noatime"', '"relatime"'))
    changed = APPLIED.replace('"noatime"', '"relatime"')
    runner.expect_state("running")
    runner.expect_config()
    runner.expect("pcs", "cluster", "cib", stdout=APPLIED)
    runner.expect_push(APPLIED)
    runner.expect_state("start-failed")
    expect_plan(runner, changed, APPLIED)
    runner.expect_state("start-failed")
    runner.expect_push(changed)
    runner.expect("pcs", "resource", "cleanup", "shop-app")
    runner.expect_settled("running")
    assert takeover("apply", file) == 1
