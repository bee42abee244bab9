"""Taking changes back: the difference is pushed back, and what others have changed since stays."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lxml import etree

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.errors import TakeoverError
from pcs_wrapper.change import leftovers, stopping
from pcs_wrapper.change.history import confirmation, interruption
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.errors import ChangedMeanwhile, ClusterError, PushUncertain, UsageError
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.explanation import explain
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

_ATTEMPTS = 5


@dataclass(frozen=True)
class Rollback:
    """What a rollback is going to do.

    Attributes:
        undone: The checkpoints that are taken back, the newest first.
        live: The live CIB.
        target: What it shall be.
        changes: The difference.
        touched: IDs of the objects that somebody else has changed since: what they have changed
            of them goes where it is in the way of the difference.
        failed: IDs of the resources whose failures are forgotten, so that they start again.
    """

    undone: tuple[Checkpoint, ...]
    live: etree._Element
    target: etree._Element
    changes: ChangedIds
    touched: tuple[str, ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class RolledBack:
    """What became of a rollback.

    Attributes:
        checkpoint: The number of its own checkpoint; None if there was nothing to push.
        undone: The numbers of those that it took back.
        changes: What was changed.
        touched: As in `Plan`.
        services: How every service is now.
        stopped_fencing: The fencing devices that do not run, and why.
    """

    checkpoint: int | None
    undone: tuple[int, ...]
    changes: ChangedIds
    touched: tuple[str, ...]
    services: tuple[diagnosis.Service, ...]
    stopped_fencing: dict[str, str]

    @property
    def failed(self) -> bool:
        """Return whether something does not run that should."""
        return bool(self.stopped_fencing) or not all(
            service.is_running or service.is_disabled for service in self.services
        )


def plan(machine: Machine, number: int | None = None, failed: Iterable[str] = ()) -> Rollback:
    """Find out what a rollback would do; nothing is changed.

    Args:
        machine: This machine.
        number: The oldest checkpoint to take back; the newest that there is to take back if None.
        failed: IDs of the resources that have failed since.

    Raises:
        ClusterError: There is nothing to take back, or not that, or not in this order any more.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
    """
    checkpoints = Checkpoints(machine.state)
    undone = _undone(checkpoints, number)
    live = cib.read_cib(machine)
    target = live
    touched: list[str] = []
    for checkpoint in undone:
        before, after = checkpoints.cibs(checkpoint)
        touched += cib.same_objects(checkpoint.changes, changed_ids(after, target))
        target = cib.undone(machine, target, before, after)
    return Rollback(
        undone=tuple(undone),
        live=live,
        target=target,
        changes=changed_ids(live, target),
        touched=tuple(dict.fromkeys(touched)),
        failed=tuple(name for name in failed if _has(target, name)),
    )


def _has(cib_: etree._Element, resource: str) -> bool:
    return any(each.get("id") == resource for each in cib_.iterfind("configuration/resources//*"))


def _kind(target: etree._Element, resource: str) -> Literal["resource", "stonith"]:
    devices = target.iterfind("configuration/resources/primitive[@class='stonith']")
    return "stonith" if any(each.get("id") == resource for each in devices) else "resource"


def is_unconfirmed(machine: Machine, number: int | None) -> bool:
    """Return whether a change still waits to be confirmed.

    The lock must be held. A command that died in the middle is settled first.

    Args:
        machine: This machine.
        number: The checkpoint's number.

    Raises:
        UsageError: There is no number.
        ClusterError: There is no such checkpoint.
    """
    if number is None:
        raise UsageError("--unless-confirmed needs the number of a checkpoint")
    for sentence in interruption.resolve_interrupted(machine, cib.read_cib(machine)):
        machine.console.warning(sentence)
    return Checkpoints(machine.state).get(number).state == "unconfirmed"


def _undone(checkpoints: Checkpoints, number: int | None) -> list[Checkpoint]:
    there = [each for each in checkpoints.all() if each.in_effect]
    if number is None:
        if not there:
            raise ClusterError(
                "there is nothing to roll back: no change that this node has a checkpoint of is "
                "in the cluster (takeover history)"
            )
        # A stop of a rollback that was interrupted goes with what was to be rolled back.
        newest = next((each for each in there if each.command == "apply"), there[0])
        return _with_its_stop(there, newest.number)
    asked = checkpoints.get(number)
    if asked.undoes:
        raise ClusterError(
            f"checkpoint {number} is a rollback: to have the change again, apply its description"
        )
    if not asked.in_effect:
        raise ClusterError(
            f"checkpoint {number} is {asked.state}: it is not in the cluster, and there is "
            "nothing to roll back"
        )
    return _with_its_stop(there, number)


def _with_its_stop(there: list[Checkpoint], number: int) -> list[Checkpoint]:
    """Return those from a number on, with the one that stopped what the oldest of them removed."""
    undone = [each for each in there if each.number >= number]
    stopped_by = undone[-1].stopped_by
    return undone + [each for each in there if each.number == stopped_by]


def commands(machine: Machine, planned: Rollback) -> list[str]:
    """Return the commands of a rollback, as somebody would type them.

    Args:
        machine: This machine.
        planned: What to do.

    Raises:
        TakeoverError: The cluster's state cannot be read.
    """
    if not planned.changes:
        return []
    names = stopping.first(planned.live, planned.target, read_state(machine))
    old, stop = stopping.commands(planned.live, names, Path("old.xml"))
    return [
        "pcs cluster cib old.xml",
        *stop,
        *cib.push_lines(old, Path("new.xml"), Path("patch.xml")),
        " ".join(cib.wait_command(settling.timeout_of(planned.live, planned.target))),
    ]


def carry_out(machine: Machine, planned: Rollback, message: str = "") -> RolledBack:
    """Push the difference back, forget the failures of what it concerns, and wait.

    What it removes is stopped before. The lock must be held.

    Args:
        machine: This machine.
        planned: What to do.
        message: Why.

    Raises:
        ChangedMeanwhile: Somebody has changed the same objects since it was planned.
        TakeoverError: What can go wrong in pushing and waiting.
    """
    state = read_state(machine)
    numbers = tuple(each.number for each in planned.undone)
    number = None
    before = planned.live
    if planned.changes:
        machine.console.step(f"rolling back {_listed(numbers)}")
        names = stopping.first(planned.live, planned.target, state)
        if names:
            # Nothing is stopped for a change that would then be refused.
            cib.check(machine, planned.target)
            planned, state = _stop_first(machine, planned, message, names, state)
        number = _push(machine, planned, planned.undone[-1].cluster, message).number
    else:
        checkpoints = Checkpoints(machine.state)
        for each in planned.undone:
            checkpoints.keep(each, state="rolled back", confirm_by=None)
    for each in planned.undone:
        if each.confirm_by:
            confirmation.stop_timer(machine, each.number)
    for resource in planned.failed:
        cib.cleanup(machine, resource, _kind(planned.target, resource))
    timeout = settling.timeout_of(planned.live, planned.target)
    settled = settling.wait_until_idle(machine, state, timeout)
    leftovers.forget(machine, planned.live, planned.target)
    state = explain(machine, settled.state)
    return RolledBack(
        checkpoint=number,
        undone=numbers,
        changes=changed_ids(before, planned.target),
        touched=planned.touched,
        services=diagnosis.services(state),
        stopped_fencing=diagnosis.stopped_fencing(state),
    )


def _stop_first(
    machine: Machine,
    planned: Rollback,
    message: str,
    names: tuple[str, ...],
    state: ClusterState,
) -> tuple[Rollback, ClusterState]:
    """Stop what a rollback removes, and return what is left to do: that takes the stop back, too.

    A rollback is not given up: what does not stop in its time is removed all the same.
    """
    machine.console.step(f"pushing the stop of {', '.join(names)}, which is then removed")
    live = stopping.stopped(planned.live, names)
    stop = replace(planned, undone=(), target=live, changes=changed_ids(planned.live, live))
    stopped_by = _push(machine, stop, planned.undone[-1].cluster, message, names)
    with suppress(TakeoverError):
        state = stopping.wait(machine, live, names, state)
    undone = (stopped_by, *planned.undone)
    rest = replace(planned, undone=undone, live=live, changes=changed_ids(live, planned.target))
    return rest, state


def _push(
    machine: Machine,
    planned: Rollback,
    cluster: str,
    message: str,
    stops: tuple[str, ...] = (),
) -> Checkpoint:
    """Push what is planned, with a checkpoint of its own.

    That of a stop remains `pushing` until what it stops is removed: of one that was interrupted in
    between, the next command tells.
    """
    checkpoints = Checkpoints(machine.state)
    pushing = checkpoints.begin(
        lambda new: Checkpoint(
            number=new,
            at=machine.now().isoformat(timespec="seconds"),
            user=machine.user,
            command="rollback",
            message=message,
            cluster=cluster,
            changes=planned.changes,
            undoes=tuple(each.number for each in planned.undone),
            note=stopping.note(stops),
        ),
        planned.live,
        planned.target,
    )
    try:
        pushed = cib.push(machine, planned.live, planned.target)
    except PushUncertain:
        # The checkpoint stays `pushing`: the next command compares.
        raise
    except TakeoverError as error:
        checkpoints.keep(pushing, state="failed", note=str(error))
        raise
    pushing = checkpoints.keep(pushing, epoch_before=pushed.before, epoch_after=pushed.after)
    return pushing if stops else interruption.finish(checkpoints, pushing)


def by_itself(
    machine: Machine, checkpoint: Checkpoint, failed: Iterable[str], why: str
) -> RolledBack:
    """Take a change back that did harm; edits that come in between make it plan anew.

    Args:
        machine: This machine.
        checkpoint: The change.
        failed: IDs of the resources that have failed since.
        why: What harm.

    Raises:
        TakeoverError: As `carry_out`.
    """
    for attempt in range(_ATTEMPTS):
        planned = plan(machine, checkpoint.number, failed)
        try:
            return carry_out(machine, planned, message=why)
        except ChangedMeanwhile:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def start_again(machine: Machine, stopped_by: int, refused: int) -> None:
    """Take back what stopped the resources that were not removed then, and warn of it.

    Args:
        machine: This machine.
        stopped_by: The number of the checkpoint that stopped them.
        refused: The number of the one that was to remove them.
    """
    checkpoint = Checkpoints(machine.state).get(stopped_by)
    try:
        by_itself(machine, checkpoint, (), f"checkpoint {refused} was not pushed")
    except TakeoverError as error:
        machine.console.warning(
            f"what was to be removed was stopped, and could not be started again: {error}\n"
            f"to try again: takeover rollback {stopped_by}"
        )
    else:
        machine.console.warning("what was to be removed had been stopped, and shall run again")


def _listed(numbers: tuple[int, ...]) -> str:
    return f"checkpoint{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
