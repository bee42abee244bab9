"""Administrators on several nodes: one history, whoever applies, confirms, rolls back or dies."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cib_templates.cib.record import entries_of, is_record, without_record
from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.history import shared
from pcs_wrapper.machine import lock
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, configuration
from tests.unit.pcs_wrapper.conftest import STOP_TIMER, Takeover

Output = pytest.CaptureFixture[str]


@pytest.fixture
def running(cluster: Cluster, live: str) -> Cluster:
    """Return a cluster that runs as it is described."""
    cluster.state, cluster.cib = "running", live
    return cluster


@pytest.fixture
def other(takeover: Takeover, tmp_path: Path) -> Takeover:
    """Return the command line on another node of the same cluster."""
    folder = tmp_path / "node2"
    folder.mkdir()
    console = takeover.machine.console
    warned: list[str] = []
    machine = dataclasses.replace(
        takeover.machine,
        host="node2",
        user="bob",
        state=folder / "state",
        archive=folder / "archive",
        console=dataclasses.replace(console, warning=warned.append),
    )
    return Takeover(machine, takeover.said, warned, takeover.progress)


def described(description: Path, minutes: int) -> Path:
    """Return a description with a property of its own."""
    file = description.with_name(f"{minutes}.toml")
    said = f'\n[properties]\ncluster-recheck-interval = "{minutes}min"\n'
    file.write_text(description.read_text() + said)
    return file


def apply(takeover: Takeover, description: Path, minutes: int, *options: str) -> int:
    """Apply a description with a property of its own."""
    return takeover("apply", "-m", f"{minutes} minutes", *options, described(description, minutes))


def value(cluster: Cluster) -> list[str]:
    """Return the value of that property."""
    found = etree.fromstring(cluster.cib).xpath("//nvpair[@name='cluster-recheck-interval']/@value")
    assert isinstance(found, list)
    return [str(each) for each in found]


def history(takeover: Takeover, capsys: Output) -> list[dict[str, Any]]:
    """Return the history of a node."""
    capsys.readouterr()
    assert takeover("history", "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["checkpoints"]
    return found


def archive(cluster: Cluster, takeover: Takeover) -> None:
    """Have Pacemaker on a node keep each configuration that there was."""
    folder = takeover.machine.archive
    folder.mkdir(exist_ok=True)
    for number, push in enumerate(cluster.pushes):
        (folder / f"cib-{2 * number}.raw").write_text(push.before)
        (folder / f"cib-{2 * number + 1}.raw").write_text(push.after)
    (folder / "cib.xml").write_text(cluster.cib)


def later(takeover: Takeover, minutes: int) -> None:
    """Let time pass."""
    then = takeover.machine.now() + timedelta(minutes=minutes)
    takeover.machine = dataclasses.replace(takeover.machine, now=lambda: then)


def test_every_node_has_the_same_history(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """The change and its record are one push."""
    assert apply(takeover, description, 11) == 0
    assert apply(other, description, 12) == 0
    assert running.writes == [PUSH, PUSH]
    [second, first] = history(other, capsys)
    assert (first["user"], first["node"], first["message"]) == ("alice", "node1", "11 minutes")
    assert (second["user"], second["node"], second["state"]) == ("bob", "node2", "applied")
    assert (second["epoch_before"], second["epoch_after"]) == (10, 11)
    assert history(takeover, capsys) == [second, first]


def test_who_applied_last_is_named(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path
) -> None:
    """A new description of somebody else is taken, with a word of what there was before."""
    assert apply(takeover, description, 11) == 0
    assert apply(other, description, 12) == 0
    assert [each for each in other.warned if "last change" in each] == [
        "the last change was change 1 (alice on node1, 2026-11-24T20:00:00+00:00): apply of "
        "cib-bootstrap-options-cluster-recheck-interval, cib-bootstrap-options-takeover-sets (11 "
        "minutes). If this description does not have it, it is undone"
    ]
    assert value(running) == ["12min"]


def test_yesterdays_description_is_refused(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """It would undo a colleague's change; whoever means that says so."""
    running.scheduled = None
    assert apply(takeover, description, 11) == 0
    assert apply(other, description, 12) == 0
    before = running.cib
    running.writes.clear()
    assert apply(takeover, description, 11) == 1
    said = capsys.readouterr().err
    assert "this is the description of change 1 (alice on node1" in said
    assert "Since then there was change 2 (bob on node2" in said
    assert "12 minutes" in said
    assert (running.writes, running.cib) == ([], before)
    assert apply(takeover, description, 11, "--over-others") == 0
    assert value(running) == ["11min"]


def test_plan_and_drift_tell_of_an_outdated_description(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """They change nothing, and refuse nothing."""
    nothing = (Path(__file__).parents[1] / "crm_simulate" / "nothing-2.1.xml").read_text()
    running.scheduled = nothing, nothing
    assert apply(takeover, description, 11) == 0
    assert apply(other, description, 12) == 0
    for command in ("plan", "drift"):
        capsys.readouterr()
        assert takeover(command, "--json", described(description, 11)) == 3
        found = json.loads(capsys.readouterr().out)["findings"]
        assert [each["code"] for each in found] == ["description-outdated"]
        assert any("change 2 (bob on node2" in each for each in takeover.warned)


def test_the_same_administrator_may_go_back_and_forth(
    running: Cluster, takeover: Takeover, description: Path
) -> None:
    """A script that applies what it is given goes on working."""
    for minutes in (11, 12, 11, 12):
        assert apply(takeover, description, minutes) == 0
        assert value(running) == [f"{minutes}min"]
    assert takeover.warned == []


def test_what_was_taken_back_does_not_make_a_description_outdated(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path
) -> None:
    """The colleague's change is not in the cluster any more: nothing of it can be undone."""
    assert apply(takeover, description, 11) == 0
    assert apply(other, description, 12) == 0
    archive(running, takeover)
    assert takeover("rollback", "--yes") == 0
    running.edit('value="11min"', 'value="9min"')
    assert apply(takeover, description, 11) == 0
    assert value(running) == ["11min"]


def test_an_old_description_that_undoes_nothing_of_others_is_applied(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path
) -> None:
    """The colleague's change was taken back with pcs, and what is changed now is something else."""
    assert apply(takeover, description, 11) == 0
    assert apply(other, description, 12) == 0
    running.edit('value="12min"', 'value="11min"')
    running.edit('value="postgres"', 'value="pg"')
    assert apply(takeover, description, 11) == 0
    assert running.cib.count('value="postgres"') == 1


def test_a_confirmation_waits_for_a_timer_that_decides(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """It holds the lock for a moment, also where there is nothing to roll back."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    timer = ExitStack()
    timer.enter_context(lock.held(takeover.machine, "takeover rollback"))

    def sleep(seconds: float) -> None:
        running.sleep(seconds)
        if any("`takeover rollback` of alice" in text for text, _ in takeover.awaited):
            timer.close()

    machine = dataclasses.replace(takeover.machine, sleep=sleep)
    assert dataclasses.replace(takeover, machine=machine)("confirm") == 0
    assert history(takeover, capsys)[0]["state"] == "confirmed"


def test_a_confirmation_does_not_wait_for_ever(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """Whoever changes the cluster for longer is named."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    began = running.clock()
    with lock.held(takeover.machine, "takeover rollback"):
        assert takeover("confirm") == 1
    assert "`takeover rollback` of alice (process " in capsys.readouterr().err
    assert 5 <= running.clock() - began <= 60
    assert history(takeover, capsys)[0]["state"] == "unconfirmed"


def test_a_change_is_confirmed_on_any_node(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """The timer of the node that made it then finds nothing to do."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    assert other("status") == 0
    assert "change 1 (alice on node1, " in capsys.readouterr().out
    running.writes.clear()
    assert other("confirm") == 0
    assert running.writes == [PUSH], "the timer is another node's"
    assert history(takeover, capsys)[0]["state"] == "confirmed"
    assert takeover("rollback", "--unless-confirmed", "1") == 0
    assert "does not wait to be confirmed" in capsys.readouterr().out
    assert value(running) == ["11min"]


def test_nothing_is_changed_while_anothers_change_waits(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """It may be taken back at any moment: who, where and until when is told."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    running.writes.clear()
    assert apply(other, description, 12) == 1
    assert (
        "checkpoint 1 of alice on node1 waits to be confirmed, until 2026-11-24T20:05:00+00:00"
    ) in capsys.readouterr().err
    assert running.writes == []


def test_a_timer_takes_no_later_change_back(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """It says what there was since; whoever sees that decides."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    assert apply(other, description, 12, "--over-others") == 0
    assert any("its timer does not roll it back any more" in each for each in other.warned)
    assert takeover("rollback", "--unless-confirmed", "1") == 0
    assert value(running) == ["12min"]
    newest, late = history(other, capsys)
    assert (newest["state"], late["state"]) == ("applied", "unconfirmed")
    assert "not rolled back, because change 2 (bob on node2" in late["note"]
    later(other, 6)
    assert other("status", "--check") == 1
    assert "was not confirmed by" in capsys.readouterr().out
    assert other("confirm") == 0
    assert history(takeover, capsys)[1]["state"] == "confirmed"


def test_a_timer_takes_no_edit_with_pcs_back(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """The kind is the same, whatever tool the other one has used."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    running.edit('value="11min"', 'value="7min"')
    assert takeover("rollback", "--unless-confirmed", "1") == 0
    assert value(running) == ["7min"]
    assert "somebody has changed cib-bootstrap-options-cluster" in capsys.readouterr().out


def test_a_dead_nodes_change_is_seen_and_taken_back_elsewhere(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """From Pacemaker's archive, for the node's own checkpoints have gone with it."""
    before = running.cib
    assert apply(takeover, description, 11) == 0
    assert apply(takeover, description, 12, "--confirm", "5m") == 0
    archive(running, other)
    later(other, 6)
    assert other("status") == 0
    said = capsys.readouterr().out
    assert "checkpoint 2 of alice on node1 was not confirmed by 2026-11-24T20:05:00+00:00" in said
    running.writes.clear()
    assert other("rollback", "--yes") == 0
    assert value(running) == ["11min"]
    assert running.writes == [PUSH], "no timer is here"
    assert [each["state"] for each in history(other, capsys)] == [
        "applied",
        "rolled back",
        "applied",
    ]
    archive(running, other)
    assert other("rollback", "--yes", "1") == 0
    assert configuration(running.cib) == configuration(before)


def test_without_the_configurations_nothing_is_taken_back(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """Pacemaker's archive is not endless, and may have another part's configuration."""
    assert apply(takeover, description, 11) == 0
    archive(running, other)
    for file in other.machine.archive.iterdir():
        file.write_text(file.read_text().replace("node3", "node4"))
    running.writes.clear()
    assert other("rollback", "--yes") == 1
    said = capsys.readouterr().err
    assert "nor in Pacemaker's archive" in said
    assert "node1 keeps them: run the command there" in said
    assert running.writes == []


def test_a_rollback_after_harm_leaves_others_changes(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """While a change is verified, a colleague may make another one."""
    file = description.with_name("harm.toml")
    file.write_text(description.read_text().replace('user = "postgres"', 'user = "pg"'))

    def meanwhile() -> None:
        running.state = "running"
        assert apply(other, file, 12) == 0
        running.state = "start-failed"

    running.when(PUSH, then=meanwhile)
    running.when(PUSH)
    running.when(PUSH, state="running")
    assert takeover("apply", file) == 1
    assert "was rolled back" in capsys.readouterr().out
    assert value(running) == ["12min"]
    assert [(each["node"], each["state"]) for each in history(other, capsys)] == [
        ("node1", "applied"),
        ("node2", "applied"),
        ("node1", "rolled back"),
    ]


def test_two_at_once_are_not_one_change(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """The second has not seen the first: it is told, even if they share no object."""
    file = description.with_name("user.toml")
    file.write_text(description.read_text().replace('user = "postgres"', 'user = "pg"'))

    def meanwhile() -> None:
        assert apply(other, description, 12) == 0

    running.when("crm_diff", before=meanwhile)
    before = len(running.pushes)
    assert takeover("apply", file) == 1
    assert "somebody else has just made change 1 with Takeover" in capsys.readouterr().err
    assert len(running.pushes) == before + 1


def test_what_pcs_has_changed_is_in_the_history(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """The versions tell that there was something, and the configurations tell what."""
    assert apply(takeover, description, 11) == 0
    running.edit('value="postgres"', 'value="pg"')
    capsys.readouterr()
    assert takeover("history") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "-  changed without Takeover, such as with pcs (epoch 10 to 11)",
        "    changed: shop",
    ]
    assert apply(takeover, description, 12) == 0
    capsys.readouterr()
    assert takeover("history") == 0
    assert [line[0] for line in capsys.readouterr().out.splitlines() if line[0] != " "] == [
        "2",
        "-",
        "1",
    ]


def test_checkpoints_of_a_former_cluster_are_not_this_ones(
    running: Cluster, takeover: Takeover, description: Path, live: str, capsys: Output
) -> None:
    """The machine was in a cluster that was destroyed; now it is in another one."""
    conf = takeover.machine.corosync_conf
    conf.write_text("totem {\n    cluster_uuid: 0af1\n}\n")
    assert apply(takeover, description, 11) == 0
    conf.write_text("totem {\n    cluster_uuid: 77b2\n}\n")
    running.cib = live
    capsys.readouterr()
    assert takeover("history") == 0
    assert capsys.readouterr().out.splitlines() == [
        "there are no checkpoints: Takeover has not changed this cluster yet",
        "not shown: 1 checkpoints of another cluster, which this node was in before",
    ]
    assert takeover("rollback", "--yes") == 1
    assert "there is nothing to roll back" in capsys.readouterr().err
    assert takeover("rollback", "--yes", "1") == 1
    assert "checkpoint 1 is of another cluster" in capsys.readouterr().err
    assert apply(takeover, description, 12) == 0
    assert [each["number"] for each in history(takeover, capsys)] == [2]


def test_old_checkpoints_can_be_read_and_rolled_back(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """They have no node, no cluster and no description, and the CIB has no record of them."""
    before = running.cib
    assert apply(takeover, description, 11) == 0
    file = takeover.machine.state / "checkpoints" / "1.json"
    data = json.loads(file.read_text())
    for new in ("node", "cluster_id", "description", "admin_epoch", "digest", "omitted"):
        del data[new]
    file.write_text(json.dumps(data))
    running.cib = etree.tostring(without_record(etree.fromstring(running.cib)), encoding="unicode")
    [old] = history(takeover, capsys)
    assert (old["node"], old["state"]) == ("", "applied")
    assert takeover("rollback", "--yes", "1") == 0
    assert configuration(running.cib) == configuration(before)


def test_the_record_is_small_and_has_no_secret(
    running: Cluster, takeover: Takeover, description: Path
) -> None:
    """It is in every copy of the CIB, and everybody who may read that reads it."""
    for minutes in range(11, 11 + shared.KEPT + 3):
        options = ("-m", "https://admin:hunter3@example.com/ " + "x" * 2000)
        assert takeover("apply", *options, described(description, minutes)) == 0
    entries = entries_of(etree.fromstring(running.cib))
    assert sorted(entries) == list(range(4, 4 + shared.KEPT))
    assert all(len(text) < 1200 and "hunter3" not in text for text in entries.values())


@pytest.mark.parametrize("looks", [True, False])
def test_what_was_decided_elsewhere_does_not_wait_for_ever(  # noqa: PLR0917 - fixtures
    running: Cluster,
    takeover: Takeover,
    other: Takeover,
    description: Path,
    capsys: Output,
    looks: bool,
) -> None:
    """Its node was away when it was taken back, and the record has forgotten it since."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    archive(running, other)
    assert other("rollback", "--yes") == 0
    if looks:
        assert history(takeover, capsys)[-1]["state"] == "rolled back"
    for minutes in range(12, 12 + shared.KEPT):
        assert apply(other, description, minutes) == 0
    takeover.warned.clear()
    capsys.readouterr()
    assert takeover("history", "--json") == 0
    [old] = json.loads(capsys.readouterr().out)["older"]
    assert (old["number"], old["state"]) == (1, "rolled back" if looks else "unknown")
    assert takeover.warned == []
    assert takeover("confirm") == 1
    assert takeover("rollback", "--unless-confirmed", "1") == 0
    assert "does not wait to be confirmed" in capsys.readouterr().out
    assert apply(takeover, description, 99, "--over-others") == 0


@pytest.mark.usefixtures("running")
def test_what_waits_is_not_forgotten(
    takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """However many changes are made in spite of it, every node knows that it waits."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    for minutes in range(12, 12 + shared.KEPT + 3):
        assert apply(other, description, minutes, "--over-others") == 0
    assert other("confirm", "1") == 0
    assert "checkpoint 1 is confirmed" in capsys.readouterr().out


@pytest.mark.usefixtures("running")
def test_what_only_one_node_keeps_is_told_apart(
    takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """The record has the last changes; older ones are known, and shown, where they were made."""
    for minutes in range(11, 11 + shared.KEPT + 3):
        assert apply(takeover, description, minutes) == 0
    numbers = list(range(3 + shared.KEPT, 3, -1))
    assert [each["number"] for each in history(takeover, capsys)] == numbers
    assert history(other, capsys) == history(takeover, capsys)
    assert takeover("history", "--json") == 0
    assert [each["number"] for each in json.loads(capsys.readouterr().out)["older"]] == [3, 2, 1]
    assert takeover("history") == 0
    newer, _, older = capsys.readouterr().out.partition(
        "older changes, of which each node keeps only its own, as it knew them last:\n"
    )
    assert [line.split()[0] for line in older.splitlines() if line[0] != " "] == ["3", "2", "1"]
    assert other("history") == 0
    assert capsys.readouterr().out == newer


def test_the_record_is_nobodys_difference(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """No plan, no drift and no import has a word of it."""
    assert apply(takeover, description, 11) == 0
    live = etree.fromstring(running.cib)
    assert [each for each in live.iter("template") if is_record(each)]
    assert not changed_ids(live, without_record(live))
    capsys.readouterr()
    assert takeover("plan", described(description, 11)) == 0
    assert takeover("drift", described(description, 11)) == 0
    assert takeover("import") == 0
    assert "takeover-history" not in capsys.readouterr().out


def test_what_somebody_has_written_into_the_record_is_passed_over(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """Whoever may change the CIB may write anything there."""
    assert apply(takeover, description, 11) == 0
    assert apply(takeover, description, 12) == 0
    running.cib = running.cib.replace(
        'name="change-1" value="{', 'name="change-1" value="[1, {'
    ).replace('name="change-2"', 'name="change-x"')
    assert [each["number"] for each in history(takeover, capsys)] == [2, 1]
    assert apply(takeover, description, 13) == 0


def _full(monkeypatch: pytest.MonkeyPatch, *, after: int = 0) -> None:
    """Let the file system be full, after some more files."""
    real = os.fsync
    left = iter(range(after))

    def fsync(descriptor: int) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_full_folder_stops_a_change_before_it_is_made(
    running: Cluster,
    takeover: Takeover,
    description: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    """The file is named, and that nothing was changed."""
    _full(monkeypatch)
    assert apply(takeover, description, 11) == 1
    file = takeover.machine.state / "checkpoints" / "1.before.xml"
    assert capsys.readouterr().err == (
        f"{file} cannot be written: No space left on device. Nothing was changed in the cluster: "
        "make room on the disk, or make the file system writable, then run it again\n"
    )
    assert running.writes == []


def test_a_folder_that_is_full_after_the_push_is_no_failure(
    running: Cluster,
    takeover: Takeover,
    description: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    """The change is in the cluster, and so is its record: every node knows of it."""
    # Three files, and the folder after each.
    _full(monkeypatch, after=6)
    assert apply(takeover, description, 11) == 0
    assert value(running) == ["11min"]
    assert any("What was done in the cluster is done" in each for each in takeover.warned)
    monkeypatch.undo()
    [change] = history(takeover, capsys)
    assert change["state"] == "applied"


def test_without_a_cluster_the_history_is_what_the_node_keeps(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """And it is told that it may not be all."""
    assert apply(takeover, description, 11) == 0
    running.state = "disconnected"
    assert [each["number"] for each in history(takeover, capsys)] == [1]
    assert any("no cluster runs on this machine" in each for each in takeover.warned)


def test_a_rollback_stops_the_timer_of_its_own_node(
    running: Cluster, takeover: Takeover, description: Path
) -> None:
    """The unit is this node's, as before."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    assert takeover("rollback", "--yes") == 0
    assert running.writes[-1] == STOP_TIMER


def test_a_confirmation_meets_the_timer(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """Whichever is first counts, and the other one is told."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0

    def rolled_back() -> None:
        assert takeover("rollback", "--unless-confirmed", "1") == 0

    running.when(PUSH, exit_code=103, before=rolled_back)
    running.when(PUSH)
    assert other("confirm") == 1
    assert "checkpoint 1 is rolled back: there is nothing to confirm" in capsys.readouterr().err
    assert [each["state"] for each in history(other, capsys)] == ["applied", "rolled back"]


def test_a_timer_meets_the_confirmation(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """The colleague has just kept the change: it is not taken back."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0

    def confirmed() -> None:
        assert other("confirm") == 0

    running.when("crm_diff")
    running.when("crm_diff")
    running.when("cibadmin --query")
    running.when("cibadmin --query", before=confirmed)
    assert takeover("rollback", "--unless-confirmed", "1") == 1
    assert "somebody else has changed checkpoint 1" in capsys.readouterr().err
    assert value(running) == ["11min"]


def test_a_newer_version_may_say_more(
    running: Cluster, takeover: Takeover, description: Path, capsys: Output
) -> None:
    """While the nodes are updated one after another."""
    assert apply(takeover, description, 11) == 0
    running.cib = running.cib.replace("{&quot;number", "{&quot;new&quot;:[1],&quot;number")
    assert [each["number"] for each in history(takeover, capsys)] == [1]


def test_an_overdue_change_is_called_so(
    running: Cluster, takeover: Takeover, other: Takeover, description: Path, capsys: Output
) -> None:
    """Nobody is told that it is still going to be rolled back."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    later(other, 6)
    assert apply(other, description, 12) == 1
    said = capsys.readouterr().err
    assert "checkpoint 1 of alice on node1 was not confirmed by 2026-11-24T20:05:00+00:00" in said
    assert value(running) == ["11min"]


def test_a_full_folder_keeps_nobody_from_confirming(
    running: Cluster,
    takeover: Takeover,
    description: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    """The cluster has it; a status is shown, too."""
    assert apply(takeover, description, 11, "--confirm", "5m") == 0
    _full(monkeypatch)
    assert takeover("confirm") == 0
    assert takeover("status") == 0
    monkeypatch.undo()
    assert history(takeover, capsys)[0]["state"] == "confirmed"
    assert running.timers == {}
