"""What became of a push whose command died: it is in the cluster, or it is not; never between.

A checkpoint says `pushing` from before the push until its outcome is known. While no command holds
the lock, one that says so belongs to a command that was killed. The push itself is one message to
Pacemaker, so the live configuration has all of it or nothing, and comparing tells which.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.errors import Busy
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.cib import read_cib, same_objects


@dataclass(frozen=True)
class Comparison:
    """How the live configuration is to a change.

    Attributes:
        pushed: Whether it has the change.
        touched: IDs of the change's objects that are now neither as before it nor as after it.
    """

    pushed: bool
    touched: tuple[str, ...]


def compare(
    live: etree._Element, checkpoint: Checkpoint, before: etree._Element, after: etree._Element
) -> Comparison:
    """Find out whether a change is in the live configuration; versions and status are ignored.

    Args:
        live: The live CIB.
        checkpoint: The change.
        before: The CIB before the change.
        after: The CIB after it.
    """
    ours = checkpoint.changes
    objects = {*ours.created, *ours.changed, *ours.removed}
    not_as_after = set(same_objects(ours, changed_ids(after, live)))
    not_as_before = set(same_objects(ours, changed_ids(before, live)))
    # One object as after the push proves it, and one as before it disproves it. Where somebody
    # has changed every one of them since, there was something to change.
    return Comparison(
        pushed=bool(objects - not_as_after) or not objects - not_as_before,
        touched=tuple(sorted(not_as_after & not_as_before)),
    )


@dataclass(frozen=True)
class Interrupted:
    """A push whose command died.

    Attributes:
        checkpoint: Its checkpoint, as it was then.
        pushed: Whether it is in the cluster.
        touched: IDs of its objects that somebody has changed since.
    """

    checkpoint: Checkpoint
    pushed: bool
    touched: tuple[str, ...] = ()


def find_interrupted(checkpoints: Checkpoints, live: etree._Element) -> list[Interrupted]:
    """Find out what became of every push that was interrupted; nothing is written down.

    Args:
        checkpoints: All of them. While no command holds the lock, what is `pushing` was
            interrupted.
        live: The live CIB.

    Returns:
        What was interrupted, the newest first.
    """
    found = []
    ours: set[str] = set()
    undone: set[int] = set()
    for checkpoint in checkpoints.all():
        if checkpoint.state != "pushing" or checkpoint.number in undone:
            # The rollback that a change began by itself is newer than that change.
            continue
        compared = compare(live, checkpoint, *checkpoints.cibs(checkpoint))
        touched: tuple[str, ...] = ()
        if compared.pushed:
            # What stopped something may be interrupted together with what then removed it.
            touched = tuple(name for name in compared.touched if name not in ours)
            changed = checkpoint.changes
            ours.update(changed.created, changed.changed, changed.removed)
            undone.update(checkpoint.undoes)
        found.append(Interrupted(checkpoint, compared.pushed, touched))
    return found


def pushed_and_unfinished(checkpoints: Checkpoints, live: etree._Element) -> list[Checkpoint]:
    """Return the pushes in the cluster whose commands were interrupted before their last step.

    Args:
        checkpoints: All of them.
        live: The live CIB.

    Returns:
        Their checkpoints, the newest first.
    """
    lost = {
        each.checkpoint.number for each in find_interrupted(checkpoints, live) if not each.pushed
    }
    there = ("pushing", "applied", "unconfirmed", "confirmed")
    return [
        each
        for each in checkpoints.all()
        if not each.seen_through and each.state in there and each.number not in lost
    ]


def stop_of(unfinished: Collection[Checkpoint], removed: Collection[str]) -> int | None:
    """Return the push that stopped what is now removed, and was interrupted before it was removed.

    Args:
        unfinished: The pushes whose commands were interrupted.
        removed: IDs of what is removed.

    Returns:
        The number of its checkpoint, which is taken back together with the removal; None if there
        is none.
    """
    return next((each.number for each in unfinished if set(each.stops) & set(removed)), None)


def resolve_interrupted(machine: Machine, live: etree._Element) -> list[str]:
    """Find out what became of every push that was interrupted, and write it down.

    The lock must be held.

    Args:
        machine: This machine.
        live: The live CIB.

    Returns:
        A sentence for each.
    """
    checkpoints = Checkpoints(machine.state)
    return [_resolve(checkpoints, each) for each in find_interrupted(checkpoints, live)]


def _resolve(checkpoints: Checkpoints, found: Interrupted) -> str:
    interrupted = found.checkpoint
    what = f"checkpoint {interrupted.number} ({interrupted.command} of {interrupted.user}, "
    what += f"{interrupted.at}) was interrupted: "
    if found.pushed:
        notes = (interrupted.note, "interrupted; not verified")
        finish(checkpoints, interrupted, note="; ".join(filter(None, notes)))
        what += "the change is in the cluster, and nobody has verified it: takeover status"
        if interrupted.note:
            what += f" ({interrupted.note})"
        if found.touched:
            what += f". Somebody has changed {', '.join(found.touched)} since"
        return what
    checkpoints.keep(interrupted, state="failed", note="interrupted; not in the cluster")
    what += "the change is not in the cluster"
    if interrupted.stopped_by is not None:
        what += (
            f". What it was to remove stays stopped; to start it: takeover rollback "
            f"{interrupted.stopped_by}"
        )
    return what


def finish(checkpoints: Checkpoints, pushed: Checkpoint, note: str = "") -> Checkpoint:
    """Write down that a push is in the cluster, and what it took back if it is a rollback.

    Args:
        checkpoints: All of them.
        pushed: The push.
        note: What else is to be said of it.
    """
    for number in pushed.undoes:
        undone = checkpoints.get(number)
        checkpoints.keep(undone, state="rolled back", confirm_by=None)
    state = "unconfirmed" if pushed.confirm_by else "applied"
    return checkpoints.keep(pushed, state=state, note=note or pushed.note)


def overdue(machine: Machine) -> list[str]:
    """Return a sentence for each change that should have been rolled back and was not.

    The timer that does it lives in this node's memory: it goes with the node's power.
    """
    return [
        f"checkpoint {late.number} was not confirmed by {late.confirm_by}, and is still in the "
        f"cluster: takeover confirm {late.number}, or takeover rollback {late.number}"
        for late in Checkpoints(machine.state).all()
        if late.state == "unconfirmed"
        and late.confirm_by
        and datetime.fromisoformat(late.confirm_by) < machine.now()
    ]


def tell(machine: Machine) -> None:
    """Settle what was interrupted, and warn of it and of what was not confirmed.

    Nothing is done while a command is at work, which is not interrupted, nor for a user who may
    not see the checkpoints, nor where no cluster answers.

    Raises:
        ProgramError: pcs cannot get the live CIB.
        ClusterError: A file is not a checkpoint's.
    """
    checkpoints = Checkpoints(machine.state)
    if not machine.is_root or not checkpoints.are_readable():
        return
    if any(each.state == "pushing" for each in checkpoints.all()):
        try:
            with lock.held(machine, "takeover"):
                for sentence in resolve_interrupted(machine, read_cib(machine)):
                    machine.console.warning(sentence)
        except Busy as busy:
            machine.console.warning(f"{busy.holder} is changing the cluster from this node")
    for sentence in overdue(machine):
        machine.console.warning(sentence)
