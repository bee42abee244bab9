"""What leaves the configuration is stopped before: when, how, and what becomes of it if not."""

from __future__ import annotations

import json
import re
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
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, configuration, told
from tests.unit.pcs_wrapper.conftest import EXAMPLE, STOP_TIMER, TIMER, Takeover, commands_of

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


@pytest.fixture
def running(cluster: Cluster) -> Cluster:
    """Return a cluster in which the example runs."""
    cluster.state, cluster.cib = "running", to_text(OLD)
    return cluster


def stops(cluster: Cluster) -> None:
    """Let the next push stop the service: it has when somebody has waited."""
    cluster.when(PUSH, then=lambda: cluster.later("disabled"))


def leaves(cluster: Cluster) -> None:
    """Let the next push, after the stop, remove the service."""
    cluster.when(PUSH, state="cluster-only")


def checkpoints(takeover: Takeover) -> list[tuple[int, str, str]]:
    """Return number, state and note of all checkpoints."""
    return [
        (each.number, each.state, each.note) for each in Checkpoints(takeover.machine.state).all()
    ]


def test_a_service_that_leaves_is_stopped_first(
    running: Cluster,
    takeover: Takeover,
    emptied: Path,
    empty: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two pushes, each with a checkpoint; the rollback of either takes both back."""
    stops(running)
    leaves(running)
    assert takeover("apply", emptied) == 0
    assert running.writes == [PUSH, PUSH]
    stop, removal = running.pushes
    assert configuration(stop.after) == configuration(STOPPED)
    assert removal.before == stop.after
    assert removal.state == told("disabled"), "it has stopped"
    assert configuration(removal.after) == configuration(empty)
    assert removal.after == running.cib
    assert capsys.readouterr().out == (
        "removed: shop, shop-prefers-node1, shop-prefers-node2, shop-prefers-node3\n"
    )
    assert takeover.said == [
        "pushing the stop of shop, to be removed afterwards (checkpoint 1)",
        "waiting up to 490 s for shop to stop",
        "pushing the changes (checkpoint 2)",
        "waiting up to 490 s for the cluster to settle",
    ]
    assert checkpoints(takeover) == [
        (2, "applied", ""),
        (1, "applied", "stops what is then removed: shop"),
    ]
    for number in ((), ("2",), ("1",)):
        assert takeover("rollback", "--dry-run", "--json", *number) == 0
        assert json.loads(capsys.readouterr().out)["undone"] == [2, 1]


@pytest.fixture
def renamed(tmp_path: Path) -> Path:
    """Return the example's description with another name for its service."""
    file = tmp_path / "renamed.toml"
    file.write_text(EXAMPLE.read_text().replace("services.shop", "services.store"))
    return file


def test_a_renamed_service_stops_before_it_starts_by_its_new_name(
    running: Cluster, takeover: Takeover, renamed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one apply; the disk passes when nothing has it any more, and so does its way back."""
    store = told("running").replace("shop", "store")
    stops(running)
    running.when(PUSH, state=store)
    assert takeover("apply", renamed) == 0
    stop, change = running.pushes
    assert configuration(stop.after) == configuration(STOPPED)
    assert change.state == told("disabled"), "it has stopped"
    assert '<group id="store">' in change.after
    assert '<group id="shop">' not in change.after
    running.when(PUSH, then=lambda: running.later(told("disabled").replace("shop", "store")))
    running.when(PUSH, state="running")
    assert takeover("rollback", "--yes") == 0
    assert configuration(running.cib) == configuration(to_text(OLD))
    assert running.pushes[-1].state == told("disabled").replace("shop", "store")
    assert "shop: running on node1" in capsys.readouterr().out


@pytest.mark.parametrize("word", ['managed="true"', 'blocked="false"'])
def test_a_service_that_would_not_stop_is_not_renamed(
    word: str,
    running: Cluster,
    takeover: Takeover,
    renamed: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two resources with one disk could have it mounted on two nodes: nothing is pushed."""
    other = {'managed="true"': 'managed="false"', 'blocked="false"': 'blocked="true"'}[word]
    running.state = told("running").replace(word, other)
    assert takeover("apply", renamed) == 1
    assert running.writes == []
    error = capsys.readouterr().err
    assert "/srv/shop from shop-filesystem to store-filesystem" in error
    assert error.endswith("First apply a description without the service store, then this one\n")


def test_a_renamed_service_that_does_not_stop_keeps_its_name(
    running: Cluster, takeover: Takeover, renamed: Path
) -> None:
    """Nothing of the new one is pushed, and it is started again."""
    running.when(PUSH)
    running.when(PUSH)
    assert takeover("apply", renamed) == 1
    assert all("store" not in push.after for push in running.pushes)
    assert configuration(running.cib) == configuration(to_text(OLD))


def test_a_failed_service_that_may_be_started_any_moment_is_stopped_before_it_is_renamed(
    running: Cluster, takeover: Takeover, renamed: Path
) -> None:
    """It runs nowhere now; between two looks it may."""
    failed = told("running").replace('role="Started"', 'role="Stopped"')
    failed = re.sub(r'(<resource id="shop-[^>]*)>\s*<node [^>]*/>\s*</resource>', r"\1/>", failed)
    running.state = failed
    running.when(PUSH, then=lambda: running.later("disabled"))
    running.when(PUSH, state=told("running").replace("shop", "store"))
    takeover("apply", renamed)
    assert configuration(running.pushes[0].after) == configuration(STOPPED)


def test_a_rollback_gives_no_disk_back_that_another_still_has(
    running: Cluster, takeover: Takeover, renamed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other than what only leaves, it has to stop; and what would not stop at all is refused."""
    stops(running)
    store = told("running").replace("shop", "store")
    running.when(PUSH, state=store)
    assert takeover("apply", renamed) == 0
    done = len(running.pushes)
    running.when(PUSH)
    assert takeover("rollback", "--yes") == 1
    assert "store: does not stop, and was not removed" in capsys.readouterr().err
    assert all('<group id="shop">' not in push.after for push in running.pushes[done:])
    running.state = store.replace('managed="true"', 'managed="false"')
    assert takeover("rollback", "--yes") == 1
    assert "from store-filesystem to shop-filesystem" in capsys.readouterr().err


@pytest.mark.parametrize("state", ["disabled", "unmanaged", "blocked"])
def test_what_does_not_run_or_would_not_stop_is_not_stopped_first(
    state: str, running: Cluster, takeover: Takeover, emptied: Path, empty: str
) -> None:
    """One push, as ever: what an administrator has taken from Pacemaker stays with him."""
    text = {
        "disabled": told("disabled"),
        "unmanaged": told("running").replace('managed="true"', 'managed="false"'),
        "blocked": told("running").replace('blocked="false"', 'blocked="true"'),
    }[state]
    found = parse_state(etree.fromstring(text.encode()))
    assert stopping.to_stop_before(OLD, etree.fromstring(empty), found) == ()
    if state == "disabled":
        running.state = "disabled"
        leaves(running)
        assert takeover("apply", emptied) == 0
        assert running.writes == [PUSH]
        assert configuration(running.cib) == configuration(empty)


def test_what_was_told_to_stop_is_waited_for(
    running: Cluster,
    takeover: Takeover,
    emptied: Path,
    empty: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As after an apply that was interrupted: there is nothing to push before the removal."""
    running.cib = to_text(STOPPED)
    assert takeover("apply", "--dry-run", emptied) == 0
    assert commands_of(capsys.readouterr().out)[-5:] == [
        "pcs cluster cib old.xml",
        "crm_resource --wait --timeout=490",
        "crm_diff --original old.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        "crm_resource --wait --timeout=490",
    ]
    running.later("disabled")
    leaves(running)
    assert takeover("apply", emptied) == 0
    assert running.writes == [PUSH]
    assert running.pushes[0].state == told("disabled"), "it has stopped"
    assert configuration(running.cib) == configuration(empty)
    assert takeover("rollback", "--dry-run") == 0


def test_a_dry_run_shows_both_pushes(
    running: Cluster, takeover: Takeover, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands are all that an apply would run, in their order."""
    assert takeover("apply", "--dry-run", emptied) == 0
    assert running.writes == []
    assert commands_of(capsys.readouterr().out)[-7:] == [
        "pcs cluster cib old.xml",
        "crm_diff --original old.xml --new stopped.xml > stop.xml",
        "cibadmin --patch --xml-file stop.xml",
        "crm_resource --wait --timeout=490",
        "crm_diff --original stopped.xml --new new.xml > patch.xml",
        "cibadmin --patch --xml-file patch.xml",
        "crm_resource --wait --timeout=490",
    ]


def test_what_does_not_stop_is_not_removed(
    running: Cluster, takeover: Takeover, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That the cluster has nothing left to do is not enough; the stop is taken back."""
    assert takeover("apply", emptied) == 1
    assert running.writes == [PUSH, PUSH]
    assert configuration(running.pushes[0].after) == configuration(STOPPED)
    assert configuration(running.cib) == configuration(OLD)
    assert (
        "  shop: does not stop\n  nothing was removed, because it has to stop first\n"
        in capsys.readouterr().out
    )
    assert [state for _, state, _ in checkpoints(takeover)] == ["applied", "rolled back"]


def test_a_removal_that_is_refused_starts_it_again(
    running: Cluster, takeover: Takeover, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has changed one of the objects meanwhile: their change is kept, and it runs."""

    def stop_and_edit() -> None:
        running.later("disabled")
        running.edit('score="20"', 'score="25"')

    running.when(PUSH, then=stop_and_edit)
    running.when(PUSH, state="running")
    assert takeover("apply", emptied) == 1
    assert running.writes == [PUSH, PUSH]
    edited = to_text(OLD).replace('score="20"', 'score="25"')
    assert configuration(running.cib) == configuration(edited)
    assert "has changed shop-prefers-node2" in capsys.readouterr().err
    assert takeover.warned == ["shop: stopped but not removed, and now started again"]
    assert [state for _, state, _ in checkpoints(takeover)] == ["applied", "failed", "rolled back"]


def test_what_cannot_be_started_again_is_told(
    running: Cluster, takeover: Takeover, emptied: Path
) -> None:
    """It stays stopped, and the command that tries again is named."""

    def fall_ill() -> None:
        running.broken["pcs"] = Result(1, "", "pcs is ill")

    stops(running)
    running.when(PUSH, exit_code=1, stderr="cib: ill", then=fall_ill)
    assert takeover("apply", emptied) == 1
    assert running.writes == [PUSH, PUSH]
    assert configuration(running.cib) == configuration(STOPPED)
    [warning] = takeover.warned
    assert "could not be started again" in warning
    assert warning.endswith("to try again: takeover rollback 1")
    assert [state for _, state, _ in checkpoints(takeover)] == ["failed", "applied"]


def test_one_confirmation_is_for_both(
    running: Cluster,
    takeover: Takeover,
    emptied: Path,
    empty: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The timer is started before the stop, and its rollback starts the service again."""
    stops(running)
    leaves(running)
    assert takeover("apply", "--confirm", "5m", emptied) == 0
    assert running.writes == [TIMER, PUSH, PUSH]
    assert configuration(running.cib) == configuration(empty)
    assert capsys.readouterr().out.splitlines()[-1].endswith("takeover confirm 1")
    assert [state for _, state, _ in checkpoints(takeover)] == ["applied", "unconfirmed"]
    assert takeover("confirm") == 0
    assert running.writes == [TIMER, PUSH, PUSH, PUSH, STOP_TIMER]


def test_a_result_that_the_schema_rejects_stops_nothing(
    running: Cluster, takeover: Takeover, emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is looked at before the first push."""
    takeover.has_a_schema_that_rejects()
    assert takeover("apply", emptied) == 1
    assert running.writes == []
    assert "rejects the CIB" in capsys.readouterr().err
    assert checkpoints(takeover) == []


def keep(takeover: Takeover, old: etree._Element, new: etree._Element, **what: Any) -> None:
    """Keep a checkpoint, of a push that nobody knows the outcome of unless that is given."""
    checkpoints = Checkpoints(takeover.machine.state)
    begun = Checkpoint(
        number=checkpoints.next_number(),
        at="2026-11-24T20:00:00+00:00",
        user="alice",
        command="apply",
        message="",
        cluster="shop",
        changes=changed_ids(old, new),
        **what,
    )
    checkpoints.begin(begun, old, new)


def test_a_stop_that_was_interrupted_says_what_it_stops(
    running: Cluster, takeover: Takeover
) -> None:
    """It may be stopped, and is not removed: an apply goes on, a rollback starts it again."""
    keep(takeover, OLD, STOPPED, note=stopping.note(["shop"]))
    running.cib = to_text(STOPPED)
    assert takeover("history") == 0
    [warning] = takeover.warned
    assert warning.endswith("takeover status (stops what is then removed: shop)")


def test_a_removal_that_was_interrupted_says_what_stays_stopped(
    running: Cluster, takeover: Takeover, empty: str
) -> None:
    """The stop is in the cluster, and the removal is not."""
    keep(takeover, STOPPED, etree.fromstring(empty), stopped_by=7)
    running.cib = to_text(STOPPED)
    assert takeover("history") == 0
    [warning] = takeover.warned
    assert warning.endswith(
        "the change is not in the cluster. The resources that it was to remove stay stopped; to "
        "start them: takeover rollback 7"
    )


def test_a_rollback_is_made_even_if_something_does_not_stop(
    running: Cluster, takeover: Takeover
) -> None:
    """What has done harm is not kept because it goes on doing it."""
    keep(takeover, etree.fromstring(LIVE), OLD, state="applied")
    running.when(PUSH)
    leaves(running)
    assert takeover("rollback", "--yes") == 0
    assert running.writes == [PUSH, PUSH]
    assert configuration(running.pushes[0].after) == configuration(STOPPED)
    assert configuration(running.cib) == configuration(LIVE)
    assert [state for _, state, _ in checkpoints(takeover)] == [
        "applied",
        "rolled back",
        "rolled back",
    ]


def test_a_rollback_that_ends_after_the_stop_is_told_and_can_be_repeated(
    running: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next command says what is stopped; the next rollback goes on with the same change."""
    keep(takeover, etree.fromstring(LIVE), OLD, state="applied")
    stops(running)
    running.when(PUSH, exit_code=1, stderr="cib: ill")
    assert takeover("rollback", "--yes") == 1
    assert running.writes == [PUSH, PUSH]
    assert configuration(running.cib) == configuration(STOPPED)
    assert takeover("history") == 0
    [warning] = takeover.warned
    assert warning.endswith("takeover status (stops what is then removed: shop)")
    capsys.readouterr()
    assert takeover("rollback", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["undone"] == [2, 1]


def test_a_rollback_waits_no_longer_than_it_can_see(running: Cluster, takeover: Takeover) -> None:
    """A tool that fails meanwhile does not keep it from taking the change back."""
    keep(takeover, etree.fromstring(LIVE), OLD, state="applied")
    running.when("crm_resource --wait", exit_code=1, stderr="ill")
    running.when(PUSH)
    leaves(running)
    assert takeover("rollback", "--yes") == 0
    assert running.writes == [PUSH, PUSH]
    assert configuration(running.cib) == configuration(LIVE)
