"""Finding out whether the push of an interrupted command is in the cluster.

A checkpoint is in the state `pushing` from before the push until its result is known. If no command
holds the lock, such a checkpoint belongs to a command that was killed. The push itself is one
message to Pacemaker, so the live configuration has all of the change or nothing of it, and a
comparison of the CIBs shows which.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.history.checkpoints import (
    Checkpoint,
    Checkpoints,
    cluster_id,
    told_if_not_written,
)
from pcs_wrapper.change.history.rolling import warn_of_interrupted
from pcs_wrapper.change.history.upgrade import warn_of_interrupted_upgrade
from pcs_wrapper.errors import Busy
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.cib import query, same_objects


@dataclass(frozen=True)
class Comparison:
    """The result of comparing the live configuration with a change.

    Attributes:
        pushed: Whether the live configuration contains the change.
        touched: The IDs of the change's objects that are now neither as before the change nor as
            after it.
    """

    pushed: bool
    touched: tuple[str, ...]


def compare(
    live: etree._Element, checkpoint: Checkpoint, before: etree._Element, after: etree._Element
) -> Comparison:
    """Find out whether the live configuration contains a change, ignoring versions and status.

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
    # One object that is as after the push proves that it arrived, and one that is as before it
    # proves that it did not. If somebody has changed all of the objects since, it is taken to have
    # arrived.
    return Comparison(
        pushed=bool(objects - not_as_after) or not objects - not_as_before,
        touched=tuple(sorted(not_as_after & not_as_before)),
    )


@dataclass(frozen=True)
class Interrupted:
    """A push whose command was interrupted.

    Attributes:
        checkpoint: Its checkpoint, as the command left it.
        pushed: Whether its change is in the cluster.
        touched: The IDs of its objects that somebody has changed since.
    """

    checkpoint: Checkpoint
    pushed: bool
    touched: tuple[str, ...] = ()


def find_interrupted(checkpoints: Checkpoints, live: etree._Element) -> list[Interrupted]:
    """Find the pushes whose commands were interrupted, without recording anything.

    Args:
        checkpoints: The checkpoints of this machine. As no other command holds the lock, every
            checkpoint that is `pushing` was interrupted.
        live: The live CIB.

    Returns:
        The interrupted pushes, the newest first.
    """
    found = []
    ours: set[str] = set()
    undone: set[int] = set()
    for checkpoint in checkpoints.all():
        if checkpoint.state != "pushing" or checkpoint.number in undone:
            # A newer rollback that was interrupted, too, has taken this checkpoint back.
            continue
        compared = compare(live, checkpoint, *checkpoints.cibs(checkpoint))
        touched: tuple[str, ...] = ()
        # The record is pushed with the change; comparing tells what older versions have pushed.
        pushed = compared.pushed or checkpoints.is_shared(checkpoint)
        if pushed:
            # The push that removes resources may be interrupted as well as the push that stopped
            # them: then the removal is no change by somebody else.
            touched = tuple(name for name in compared.touched if name not in ours)
            changed = checkpoint.changes
            ours.update(changed.created, changed.changed, changed.removed)
            undone.update(checkpoint.undoes)
        found.append(Interrupted(checkpoint, pushed, touched))
    return found


def pushed_and_unfinished(checkpoints: Checkpoints, live: etree._Element) -> list[Checkpoint]:
    """Return the pushes in the cluster whose commands were interrupted before their last step.

    Args:
        checkpoints: The checkpoints of this machine.
        live: The live CIB.

    Returns:
        The checkpoints of these pushes, the newest first.
    """
    lost = {
        each.checkpoint.number for each in find_interrupted(checkpoints, live) if not each.pushed
    }
    return [
        each
        for each in checkpoints.all()
        if not each.seen_through and each.in_cluster and each.number not in lost
    ]


def stop_of(unfinished: Collection[Checkpoint], removed: Collection[str]) -> int | None:
    """Return the number of the push that stopped resources, whose command never removed them.

    Args:
        unfinished: The checkpoints of the pushes whose commands were interrupted.
        removed: The IDs of the objects that are removed now.

    Returns:
        The number of its checkpoint, which is taken back together with the removal; None if there
        is no such push.
    """
    return next((each.number for each in unfinished if set(each.stops) & set(removed)), None)


def resolve_interrupted(machine: Machine, live: etree._Element) -> list[str]:
    """Find out which interrupted pushes are in the cluster, and record it in their checkpoints.

    The lock must be held.

    Args:
        machine: This machine.
        live: The live CIB.

    Returns:
        A sentence for each interrupted push.
    """
    checkpoints = Checkpoints.of(machine, live)
    return [_resolve(checkpoints, each) for each in find_interrupted(checkpoints, live)]


def _resolve(checkpoints: Checkpoints, found: Interrupted) -> str:
    interrupted = found.checkpoint
    text = f"checkpoint {interrupted.number} ({interrupted.command} of {interrupted.user}, "
    text += f"{interrupted.at}) was interrupted: "
    if found.pushed:
        notes = (interrupted.note, "interrupted; not verified")
        finish(checkpoints, interrupted, note="; ".join(filter(None, notes)))
        text += "the change is in the cluster, but was not verified; to look at it: takeover status"
        if interrupted.note:
            text += f" ({interrupted.note})"
        if found.touched:
            text += f". Somebody has changed {', '.join(found.touched)} since"
        return text
    checkpoints.keep(interrupted, state="failed", note="interrupted; not in the cluster")
    text += "the change is not in the cluster"
    if interrupted.stopped_by is not None:
        text += (
            f". The resources that it was to remove stay stopped; to start them: takeover rollback "
            f"{interrupted.stopped_by}"
        )
    return text


def finish(checkpoints: Checkpoints, pushed: Checkpoint, note: str = "") -> Checkpoint:
    """Record that a push is in the cluster, and that the checkpoints it undoes are rolled back.

    Args:
        checkpoints: The checkpoints of this machine.
        pushed: The checkpoint of the push.
        note: A remark for the history; if it is empty, the checkpoint keeps its own.
    """
    for number in pushed.undoes:
        undone = checkpoints.find(number)
        if undone is not None:
            checkpoints.keep(undone, state="rolled back", confirm_by=None)
    state = "unconfirmed" if pushed.confirm_by else "applied"
    return checkpoints.keep(pushed, state=state, note=note or pushed.note)


def warn_of_unfinished(machine: Machine, live: etree._Element) -> None:
    """Resolve interrupted pushes of this node, and warn of them; keep what other nodes know.

    Nothing is done for a user who cannot read the checkpoints. Pushes are not resolved while
    another command holds the lock, as one of them may be its own.

    Args:
        machine: This machine.
        live: The live CIB.

    Raises:
        ClusterError: A file in the folder of checkpoints is not a checkpoint.
    """
    checkpoints = Checkpoints.of(machine, live)
    if not machine.is_root or not checkpoints.are_readable():
        return
    warn_of_interrupted(machine, cluster_id(machine.corosync_conf))
    warn_of_interrupted_upgrade(machine, cluster_id(machine.corosync_conf))
    pushing = any(each.state == "pushing" for each in checkpoints.all())
    if not (pushing or checkpoints.learned()):
        return
    try:
        with lock.held(machine, "takeover"), told_if_not_written(machine):
            live = query(machine)
            for sentence in resolve_interrupted(machine, live):
                machine.console.warning(sentence)
            # The record forgets them some time.
            checkpoints = Checkpoints.of(machine, live)
            for each in checkpoints.learned():
                checkpoints.keep(each)
    except Busy as busy:
        if pushing:
            machine.console.warning(f"{busy.holder} is changing the cluster from this node")
