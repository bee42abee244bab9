"""What leaves the configuration is stopped before: when, how, and what becomes of it if not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.comparing.changes import changed_ids
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.change import stopping
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.machine.runner import Result
from pcs_wrapper.pacemaker.crm_mon import parse_state
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.pcs_wrapper.conftest import (
    EXAMPLE,
    FIXTURES,
    STOP_TIMER,
    TIMER,
    ExpectedCalls,
    Takeover,
)

OLD = merge(etree.fromstring(LIVE), read_description(EXAMPLE))
STOPPED = stopping.stopped(OLD, ["shop"])


@pytest.fixture
def emptied(tmp_path: Path) -> Path:
    """Return the example's description without its service."""
    file = tmp_path / "empty.toml"
    text = EXAMPLE.read_text()
    file.write_text(text[: text.index("[services.shop]")])
    return file


@pytest.fixture
def empty(emptied: Path) -> str:
    """Return the CIB that it makes of the example's."""
    return to_text(merge(OLD, read_description(emptied)))


def expect_apply(runner: ExpectedCalls, state: str = "running", live: etree._Element = OLD) -> None:
    """Expect an apply on the cluster that has the example, until its first push."""
    runner.expect_state(state)
    runner.expect_config()
    runner.expect("pcs", "cluster", "cib", stdout=to_text(live))


def expect_stop(runner: ExpectedCalls, state: str = "disabled") -> list[str]:
    """Expect the push of the stop, and return what it pushes once that has happened."""
    seen: list[str] = []
    runner.expect_push(to_text(OLD), lambda _, new: seen.append(new))
    expect_stopped(runner, state)
    return seen


def expect_stopped(runner: ExpectedCalls, state: str = "disabled") -> None:
    """Expect the waiting for the stop: until it has, or until the cluster does nothing more."""
    if state == "running":
        runner.expect_settled(state, news=False)
    else:
        runner.expect_state(state)


def expect_removed(runner: ExpectedCalls, live: str) -> None:
    """Expect the push of the removal, and the look for what is left of its failures."""
    runner.expect_push(to_text(STOPPED))
    runner.expect_settled("cluster-only")
    runner.expect("pcs", "cluster", "cib", stdout=live)


def told(takeover: Takeover) -> list[tuple[int, str, str]]:
    """Return number, state and note of all checkpoints."""
    return [
        (each.number, each.state, each.note) for each in Checkpoints(takeover.machine.state).all()
    ]


def test_a_service_that_leaves_is_stopped_first(
    runner: ExpectedCalls,
    takeover: Takeover,
    emptied: Path,
    empty: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two pushes, each with a checkpoint; the rollback of either takes both back."""
    expect_apply(runner)
    stop = expect_stop(runner)
    removal: list[str] = []
    runner.expect_push(to_text(STOPPED), lambda old, new: removal.extend((old, new)))
    runner.expect_settled("cluster-only")
    runner.expect("pcs", "cluster", "cib", stdout=empty)
    assert takeover("apply", emptied) == 0
    assert stop == [to_text(STOPPED)]
    assert removal == [to_text(STOPPED), empty]
    assert capsys.readouterr().out == (
        "removed: shop, shop-prefers-node1, shop-prefers-node2, shop-prefers-node3\n"
    )
    assert takeover.said == [
        "pushing the stop of shop, which is then removed (checkpoint 1)",
        "waiting up to 490 s for shop to stop",
        "pushing the changes (checkpoint 2)",
        "waiting up to 490 s for the cluster to settle",
    ]
    assert told(takeover) == [
        (2, "applied", ""),
        (1, "applied", "stops what is then removed: shop"),
    ]
    for number in ((), ("2",), ("1",)):
        runner.expect("pcs", "cluster", "cib", stdout=empty)
        for _ in range(2):
            runner.expect_undone(to_text(OLD))
        runner.expect_state("cluster-only")
        assert takeover("rollback", "--dry-run", "--json", *number) == 0
        assert json.loads(capsys.readouterr().out)["undone"] == [2, 1]


@pytest.mark.parametrize("state", ["disabled", "unmanaged", "blocked"])
def test_what_does_not_run_or_would_not_stop_is_not_stopped_first(
    state: str, runner: ExpectedCalls, takeover: Takeover, emptied: Path, empty: str
) -> None:
    """One push, as ever: what an administrator has taken from Pacemaker stays with him."""
    running = (FIXTURES / "running.xml").read_text()
    text = {
        "disabled": (FIXTURES / "disabled.xml").read_text(),
        "unmanaged": running.replace('managed="true"', 'managed="false"'),
        "blocked": running.replace('blocked="false"', 'blocked="true"'),
    }[state]
    found = parse_state(etree.fromstring(text.encode()))
    assert stopping.to_stop_first(OLD, etree.fromstring(empty), found) == ()
    if state == "disabled":
        expect_apply(runner, "disabled")
        runner.expect_push(to_text(OLD))
        runner.expect_settled("cluster-only")
        runner.expect("pcs", "cluster", "cib", stdout=empty)
        assert takeover("apply", emptied) == 0


def test_what_was_told_to_stop_is_waited_for(
    runner: ExpectedCalls,
    takeover: Takeover,
    emptied: Path,
    empty: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As after an apply that was interrupted: there is nothing to push before the removal."""
    expect_apply(runner, live=STOPPED)
    assert takeover("apply", "--dry-run", emptied) == 0
    assert capsys.readouterr().out.splitlines()[-5:] == [
        "pcs cluster cib old.xml",
        "crm_resource --wait --timeout=490",
        "crm_diff --original old.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        "crm_resource --wait --timeout=490",
    ]
    expect_apply(runner, live=STOPPED)
    expect_stopped(runner)
    expect_removed(runner, empty)
    assert takeover("apply", emptied) == 0
    runner.expect("pcs", "cluster", "cib", stdout=empty)
    runner.expect_undone(to_text(STOPPED))
    runner.expect_state("cluster-only")
    assert takeover("rollback", "--dry-run") == 0


def test_a_dry_run_shows_both_pushes(
    runner: ExpectedCalls, takeover: Takeover, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands are all that an apply would run, in their order."""
    expect_apply(runner)
    assert takeover("apply", "--dry-run", emptied) == 0
    assert capsys.readouterr().out.splitlines()[-7:] == [
        "pcs cluster cib old.xml",
        "crm_diff --original old.xml --new stopped.xml > stop.xml",
        "cibadmin --patch --xml-file stop.xml",
        "crm_resource --wait --timeout=490",
        "crm_diff --original stopped.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        "crm_resource --wait --timeout=490",
    ]


def expect_started_again(runner: ExpectedCalls, state: str, live: etree._Element) -> None:
    """Expect that the stop is taken back."""
    runner.expect("pcs", "cluster", "cib", stdout=to_text(live))
    runner.expect_undone(to_text(OLD))
    runner.expect_state(state)
    runner.expect_push(to_text(live))


def test_what_does_not_stop_is_not_removed(
    runner: ExpectedCalls, takeover: Takeover, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That the cluster has nothing left to do is not enough; the stop is taken back."""
    expect_apply(runner)
    expect_stop(runner, "running")
    expect_started_again(runner, "running", STOPPED)
    runner.expect_settled("running", news=False)
    assert takeover("apply", emptied) == 1
    assert "  shop: does not stop\n  so nothing was removed\n" in capsys.readouterr().out
    assert [state for _, state, _ in told(takeover)] == ["applied", "rolled back"]


def test_a_removal_that_is_refused_starts_it_again(
    runner: ExpectedCalls, takeover: Takeover, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has changed one of the objects meanwhile: their change is kept, and it runs."""
    expect_apply(runner)
    expect_stop(runner)
    edited = etree.fromstring(to_text(STOPPED).replace('score="20"', 'score="25"'))
    runner.expect("crm_diff", "--original", "*", "--new", "*", stdout="<diff/>", exit_code=1)
    runner.expect("cibadmin", "--query", stdout=to_text(edited))
    expect_started_again(runner, "disabled", edited)
    runner.expect_settled("running")
    assert takeover("apply", emptied) == 1
    assert "has changed shop-prefers-node2" in capsys.readouterr().err
    assert takeover.warned == ["what was to be removed had been stopped, and shall run again"]
    assert [state for _, state, _ in told(takeover)] == ["applied", "failed", "rolled back"]


def test_what_cannot_be_started_again_is_told(
    runner: ExpectedCalls, takeover: Takeover, emptied: Path
) -> None:
    """It stays stopped, and the command that tries again is named."""
    expect_apply(runner)
    expect_stop(runner)
    runner.expect_push(to_text(STOPPED)).result = Result(1, "", "cib: ill")
    runner.expect("pcs", "cluster", "cib", exit_code=1, stderr="pcs is ill")
    assert takeover("apply", emptied) == 1
    [warning] = takeover.warned
    assert "could not be started again" in warning
    assert warning.endswith("to try again: takeover rollback 1")
    assert [state for _, state, _ in told(takeover)] == ["failed", "applied"]


def test_one_confirmation_is_for_both(
    runner: ExpectedCalls,
    takeover: Takeover,
    emptied: Path,
    empty: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The timer is started before the stop, and its rollback starts the service again."""
    expect_apply(runner)
    runner.expect(*TIMER)
    expect_stop(runner)
    expect_removed(runner, empty)
    assert takeover("apply", "--confirm", "5m", emptied) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("takeover confirm 1")
    assert [state for _, state, _ in told(takeover)] == ["applied", "unconfirmed"]
    runner.expect(*STOP_TIMER)
    assert takeover("confirm") == 0


def test_a_result_that_the_schema_rejects_stops_nothing(
    runner: ExpectedCalls, takeover: Takeover, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is looked at before the first push."""
    takeover.has_a_schema_that_rejects()
    expect_apply(runner)
    assert takeover("apply", emptied) == 1
    assert "rejects the CIB" in capsys.readouterr().err
    assert told(takeover) == []


def keep(takeover: Takeover, old: etree._Element, new: etree._Element, **what: Any) -> None:
    """Keep a checkpoint, of a push that nobody knows the outcome of unless that is given."""
    Checkpoints(takeover.machine.state).begin(
        lambda number: Checkpoint(
            number=number,
            at="2026-11-24T20:00:00+00:00",
            user="alice",
            command="apply",
            message="",
            cluster="shop",
            changes=changed_ids(old, new),
            **what,
        ),
        old,
        new,
    )


def test_a_stop_that_was_interrupted_says_what_it_stops(
    runner: ExpectedCalls, takeover: Takeover
) -> None:
    """It may be stopped, and is not removed: an apply goes on, a rollback starts it again."""
    keep(takeover, OLD, STOPPED, note=stopping.note(["shop"]))
    runner.expect("pcs", "cluster", "cib", stdout=to_text(STOPPED))
    assert takeover("history") == 0
    [warning] = takeover.warned
    assert warning.endswith("takeover status (stops what is then removed: shop)")


def test_a_removal_that_was_interrupted_says_what_stays_stopped(
    runner: ExpectedCalls, takeover: Takeover, empty: str
) -> None:
    """The stop is in the cluster, and the removal is not."""
    keep(takeover, STOPPED, etree.fromstring(empty), stopped_by=7)
    runner.expect("pcs", "cluster", "cib", stdout=to_text(STOPPED))
    assert takeover("history") == 0
    [warning] = takeover.warned
    assert warning.endswith(
        "the change is not in the cluster. What it was to remove stays stopped; to start it: "
        "takeover rollback 7"
    )


def expect_rollback(runner: ExpectedCalls, state: str) -> None:
    """Expect the rollback of the example until what it removes was told to stop."""
    runner.expect("pcs", "cluster", "cib", stdout=to_text(OLD))
    runner.expect_undone(LIVE)
    runner.expect_state("running")
    runner.expect_push(to_text(OLD))
    expect_stopped(runner, state)


def test_a_rollback_is_made_even_if_something_does_not_stop(
    runner: ExpectedCalls, takeover: Takeover
) -> None:
    """What has done harm is not kept because it goes on doing it."""
    keep(takeover, etree.fromstring(LIVE), OLD, state="applied")
    expect_rollback(runner, "running")
    expect_removed(runner, LIVE)
    assert takeover("rollback", "--yes") == 0
    assert [state for _, state, _ in told(takeover)] == ["applied", "rolled back", "rolled back"]


def test_a_rollback_that_ends_after_the_stop_is_told_and_can_be_repeated(
    runner: ExpectedCalls, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next command says what is stopped; the next rollback goes on with the same change."""
    keep(takeover, etree.fromstring(LIVE), OLD, state="applied")
    expect_rollback(runner, "disabled")
    runner.expect_push(to_text(STOPPED)).result = Result(1, "", "cib: ill")
    assert takeover("rollback", "--yes") == 1
    runner.expect("pcs", "cluster", "cib", stdout=to_text(STOPPED))
    assert takeover("history") == 0
    [warning] = takeover.warned
    assert warning.endswith("takeover status (stops what is then removed: shop)")
    capsys.readouterr()
    runner.expect("pcs", "cluster", "cib", stdout=to_text(STOPPED))
    for target in (to_text(OLD), LIVE):
        runner.expect_undone(target)
    runner.expect_state("disabled")
    assert takeover("rollback", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["undone"] == [2, 1]


def test_a_rollback_waits_no_longer_than_it_can_see(
    runner: ExpectedCalls, takeover: Takeover
) -> None:
    """A tool that fails meanwhile does not keep it from taking the change back."""
    keep(takeover, etree.fromstring(LIVE), OLD, state="applied")
    expect_rollback(runner, "running")
    runner.expected[-2].result = Result(1, "", "ill")  # crm_resource --wait
    runner.expected.pop()
    expect_removed(runner, LIVE)
    assert takeover("rollback", "--yes") == 0
