"""A command that died in the middle: the next one says whether its change is in the cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.comparing.changes import changed_ids
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.errors import Busy, ClusterError
from pcs_wrapper.machine import lock
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

OLD = etree.fromstring(LIVE)
NEW = merge(OLD, read_description(EXAMPLE))
APPLIED = to_text(NEW)
BEGINNING = "checkpoint 1 (apply of alice, 2026-11-24T20:00:00+00:00) was interrupted: "


def begin(takeover: Takeover, undoes: tuple[int, ...] = ()) -> Checkpoint:
    """Keep a checkpoint as before a push; a rollback's is the other way round."""
    old, new = (NEW, OLD) if undoes else (OLD, NEW)
    checkpoints = Checkpoints(takeover.machine.state)
    begun = Checkpoint(
        number=checkpoints.next_number(),
        at="2026-11-24T20:00:00+00:00",
        user="alice",
        command="rollback" if undoes else "apply",
        message="",
        cluster="shop",
        changes=changed_ids(old, new),
        undoes=undoes,
    )
    checkpoints.begin(begun, old, new)
    return begun


def states(takeover: Takeover) -> list[str]:
    """Return the states of all checkpoints, the newest first."""
    return [each.state for each in Checkpoints(takeover.machine.state).all()]


@pytest.mark.parametrize(
    ("live", "state", "said"),
    [
        (LIVE, "failed", "the change is not in the cluster"),
        (
            APPLIED,
            "applied",
            "the change is in the cluster, but was not verified; to look at it: takeover status",
        ),
        # The status and the versions are no part of it, nor what others have added.
        (APPLIED.replace('epoch="7"', 'epoch="70"').replace("<status/>", "<status><x/></status>"),
         "applied",
         "the change is in the cluster, but was not verified; to look at it: takeover status"),
        (LIVE.replace('score="100"', 'score="5"'), "failed", "the change is not in the cluster"),
        # An edit since, of one object of the change: the others tell.
        (
            APPLIED.replace('node="node2" score="20"', 'node="node2" score="25"'),
            "applied",
            "the change is in the cluster, but was not verified; to look at it: takeover status. "
            "Somebody has changed shop-prefers-node2 since",
        ),
    ],
)  # fmt: skip
def test_the_next_command_says_whether_the_change_is_in(
    live: str, state: str, said: str, cluster: Cluster, takeover: Takeover
) -> None:
    """The live configuration is compared with the one before and the one after."""
    begin(takeover)
    cluster.state, cluster.cib = "running", live
    assert takeover("history") == 0
    assert takeover.warned == [BEGINNING + said]
    assert states(takeover) == [state]
    assert takeover("history") == 0
    assert len(takeover.warned) == 1, "once settled, it is not told again"
    assert cluster.writes == []


def test_status_and_apply_say_it_too(cluster: Cluster, takeover: Takeover) -> None:
    """Whichever command comes next."""
    begin(takeover)
    cluster.state, cluster.cib = "cluster-only", LIVE
    assert takeover("status") == 0
    begin(takeover)
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", EXAMPLE) == 0
    assert cluster.writes == []
    assert len(takeover.warned) == 2
    assert states(takeover) == ["applied", "failed"]


@pytest.mark.parametrize("change", ["applied", "pushing"])
@pytest.mark.parametrize(
    ("live", "expected"), [(LIVE, ["applied", "rolled back"]), (APPLIED, ["failed", "applied"])]
)
def test_a_rollback_that_was_interrupted(
    live: str, expected: list[str], change: str, cluster: Cluster, takeover: Takeover
) -> None:
    """Either what it took back is gone, or it is still there: by hand, and by the change itself."""
    checkpoints = Checkpoints(takeover.machine.state)
    checkpoints.keep(begin(takeover), state=change)
    begin(takeover, undoes=(1,))
    cluster.state, cluster.cib = "running", live
    assert takeover("history") == 0
    assert states(takeover) == expected
    assert cluster.writes == []


@pytest.mark.parametrize(("arrives", "state"), [(True, "applied"), (False, "failed")])
def test_a_push_without_an_answer_is_resolved_by_the_next_command(
    *, arrives: bool, state: str, cluster: Cluster, takeover: Takeover
) -> None:
    """The way back is kept before the push begins, and what became of it is found out later."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    kept: list[list[str]] = []
    cluster.when(PUSH, hangs=True, arrives=arrives, before=lambda: kept.append(states(takeover)))
    assert takeover("apply", EXAMPLE) == 1
    assert kept == [["pushing"]]
    assert states(takeover) == ["pushing"]
    assert takeover("history") == 0
    assert states(takeover) == [state]
    assert cluster.writes == [PUSH]


@pytest.fixture
def holder(takeover: Takeover) -> Iterator[int]:
    """Another process has the lock; its PID is returned."""
    has_it, parent = multiprocessing.Pipe()
    pid = os.fork()
    if pid == 0:
        with lock.held(takeover.machine, "takeover apply"):
            has_it.send("has it")
            signal.pause()
        os._exit(0)
    parent.recv()
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_two_at_once(
    holder: int, cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one changes nothing and says who is at work; nothing counts as interrupted."""
    begin(takeover)
    cluster.state, cluster.cib = "running", LIVE
    assert takeover("apply", EXAMPLE) == 1
    who = f"`takeover apply` of alice (process {holder}, since 2026-11-24T20:00:00+00:00)"
    assert capsys.readouterr().err == (
        f"{who} is changing the cluster from this node. Nothing was changed: wait until it has "
        "ended\n"
    )
    assert takeover("history") == 0
    assert takeover.warned == [f"{who} is changing the cluster from this node"]
    assert states(takeover) == ["pushing"]
    assert cluster.writes == []


def test_a_lock_goes_with_its_holder(takeover: Takeover) -> None:
    """Whoever is killed holds nobody up."""
    pid = os.fork()
    if pid == 0:
        with lock.held(takeover.machine, "takeover apply"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    with lock.held(takeover.machine, "takeover apply"):
        pass


def test_a_holder_that_has_not_said_who_it_is(takeover: Takeover) -> None:
    """The moment between getting the lock and writing the name."""
    with lock.held(takeover.machine, "takeover apply"):
        (takeover.machine.state / "lock").write_text("")
        with (
            pytest.raises(Busy, match="another command of Takeover is changing"),
            lock.held(takeover.machine, "takeover apply"),
        ):
            pass


def test_checkpoints_are_roots_alone_and_bounded(
    takeover: Takeover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CIB can hold passwords; and old ones go, one for each new one."""
    monkeypatch.setattr("pcs_wrapper.change.history.checkpoints.KEPT", 6)
    for number in range(1, 10):
        begin(takeover)
        assert len(states(takeover)) == min(number, 6)
    folder = takeover.machine.state / "checkpoints"
    assert folder.stat().st_mode & 0o777 == 0o700
    files = list(folder.iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert len(files) == 3 * 6
    assert Checkpoints(takeover.machine.state).all()[-1].number == 4


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"changes": {}, "undoes": []}'])
def test_a_file_that_is_no_checkpoint(text: str, takeover: Takeover) -> None:
    """It is named, and what to do with it."""
    begin(takeover)
    file: Path = takeover.machine.state / "checkpoints" / "1.json"
    file.write_text(text)
    with pytest.raises(ClusterError, match=r"1\.json is not a checkpoint: .*Move it away"):
        Checkpoints(takeover.machine.state).all()
