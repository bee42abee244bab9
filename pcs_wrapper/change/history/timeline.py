"""`takeover history`: what was changed in this cluster, by whom, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.numbers import whole_number
from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.errors import TakeoverError
from cib_templates.findings import Finding, warning
from pcs_wrapper.change.history import interruption
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints, describe
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib

WAITS = warning(
    "change-waits",
    "A change waits to be confirmed, and is rolled back otherwise by the node that made it.",
)
NOT_CONFIRMED = warning(
    "change-not-confirmed",
    "A change was not confirmed in time, and is still in the cluster: the node that made it has "
    "failed, or the change was not rolled back because of a later one.",
)


@dataclass(frozen=True)
class Elsewhere:
    """What was changed without Takeover: with pcs, or by Pacemaker itself.

    Attributes:
        after: The number of the change of Takeover after which it happened.
        epoch_before: The epoch of the configuration before.
        epoch_after: The epoch afterwards.
        changes: The IDs of the objects that were changed; None if the configurations are not known.
    """

    after: int
    epoch_before: int
    epoch_after: int
    changes: ChangedIds | None


@dataclass(frozen=True)
class Timeline:
    """What was changed in this cluster.

    Attributes:
        checkpoints: The changes that Takeover made, the newest first: those that every node knows.
        elsewhere: What was changed between them and since.
        older: The changes before those that every node knows, of which this node keeps its own, the
            newest first.
        former: The numbers of the checkpoints that this node keeps of another cluster.
    """

    checkpoints: tuple[Checkpoint, ...]
    elsewhere: tuple[Elsewhere, ...] = ()
    older: tuple[Checkpoint, ...] = ()
    former: tuple[int, ...] = ()


def read_timeline(machine: Machine) -> Timeline:
    """Return what was changed in this cluster; interrupted commands are resolved before.

    Without a running cluster, it is what this node keeps.

    Raises:
        NotRoot: The user is not root.
        ClusterError: A file in the folder of checkpoints is not a checkpoint.
    """
    machine.require_root()
    try:
        live = cib.query(machine)
    except TakeoverError:
        machine.console.warning(
            "no cluster runs on this machine: only the changes that this node keeps are shown, in "
            "the state that it knew"
        )
        return Timeline(tuple(Checkpoints(machine.state).all()))
    interruption.warn_of_unfinished(machine, live)
    checkpoints = Checkpoints.of(machine, live)
    every = checkpoints.all()
    for finding in waiting(machine, every):
        machine.console.warning(f"{finding.message}. {finding.hint}")
    oldest = checkpoints.oldest_of_all_nodes()
    return Timeline(
        tuple(each for each in every if each.number >= oldest),
        tuple(_elsewhere(checkpoints, live)),
        tuple(each for each in every if each.number < oldest),
        tuple(checkpoints.of_another_cluster()),
    )


def waiting(machine: Machine, checkpoints: Sequence[Checkpoint]) -> Iterator[Finding]:
    """Find the changes that wait to be confirmed, or should have been rolled back and were not.

    Args:
        machine: This machine.
        checkpoints: The changes of the cluster.
    """
    for each in checkpoints:
        if each.state != "unconfirmed" or not each.confirm_by:
            continue
        number = each.number
        hint = f"To keep it: takeover confirm {number}; to take it back: takeover rollback {number}"
        if each.is_late(machine.now()):
            why = f" ({each.note})" if each.note else ""
            yield NOT_CONFIRMED.at(
                (),
                f"checkpoint {number}{_whose(each)} was not confirmed by {each.confirm_by}, and is "
                f"still in the cluster{why}",
                hint,
            )
        else:
            yield WAITS.at(
                (),
                f"{describe(each)} waits to be confirmed by {each.confirm_by}; otherwise "
                f"{each.node or 'the node that made it'} rolls it back",
                hint,
            )


def _whose(checkpoint: Checkpoint) -> str:
    return f" of {checkpoint.user} on {checkpoint.node}" if checkpoint.node else ""


def _elsewhere(checkpoints: Checkpoints, live: etree._Element) -> Iterator[Elsewhere]:
    """Yield what was changed after each change that the record has, the newest first."""
    admin_epoch = whole_number(live.get("admin_epoch")) or 0
    epoch: int | None = whole_number(live.get("epoch"))
    later: Checkpoint | None = None
    for each in checkpoints.all():
        if not checkpoints.is_shared(each) or each.epoch_after is None:
            continue
        if each.admin_epoch == admin_epoch and epoch is not None and each.epoch_after < epoch:
            now = live if later is None else _side(checkpoints, later, 0)
            # What passes has taken out itself what it had put in.
            then = _side(checkpoints, each, 0 if each.passes else 1)
            changes = None if now is None or then is None else changed_ids(then, now)
            if changes is None or changes:
                yield Elsewhere(each.number, each.epoch_after, epoch, changes)
        later, epoch = each, each.epoch_before


def _side(checkpoints: Checkpoints, checkpoint: Checkpoint, side: int) -> etree._Element | None:
    """Return the configuration before (0) or after (1) a push; None if it is not known."""
    try:
        return checkpoints.cibs(checkpoint)[side]
    except ClusterError:
        return None
