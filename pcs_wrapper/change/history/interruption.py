"""What became of a push whose command died: it is in the cluster, or it is not; never between.

A checkpoint says `pushing` from before the push until its outcome is known. While no command holds
the lock, one that says so belongs to a command that was killed. The push itself is one message to
Pacemaker, so the live configuration has all of it or nothing, and comparing tells which.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.cib import same_objects


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
    sentences = []
    ours: set[str] = set()
    for number in [each.number for each in checkpoints.all() if each.state == "pushing"]:
        interrupted = checkpoints.get(number)
        if interrupted.state != "pushing":
            # The rollback that a change began by itself is newer than that change, and has told.
            continue
        found = compare(live, interrupted, *checkpoints.cibs(interrupted))
        what = f"checkpoint {interrupted.number} ({interrupted.command} of {interrupted.user}, "
        what += f"{interrupted.at}) was interrupted: "
        if found.pushed:
            notes = (interrupted.note, "interrupted; not verified")
            finish(checkpoints, interrupted, note="; ".join(filter(None, notes)))
            what += "the change is in the cluster, and nobody has verified it: takeover status"
            if interrupted.note:
                what += f" ({interrupted.note})"
            # What stopped something may be interrupted together with what then removed it.
            touched = [name for name in found.touched if name not in ours]
            if touched:
                what += f". Somebody has changed {', '.join(touched)} since"
            changed = interrupted.changes
            ours.update(changed.created, changed.changed, changed.removed)
        else:
            checkpoints.keep(interrupted, state="failed", note="interrupted; not in the cluster")
            what += "the change is not in the cluster"
            if interrupted.stopped_by is not None:
                what += (
                    f". What it was to remove stays stopped; to start it: takeover rollback "
                    f"{interrupted.stopped_by}"
                )
        sentences.append(what)
    return sentences


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
    from pcs_wrapper.errors import Busy
    from pcs_wrapper.machine import lock
    from pcs_wrapper.pacemaker.cib import read_cib

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
