"""Taking changes back: the difference is pushed back, and what others have changed since stays."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lxml import etree

from cib_templates.errors import TakeoverError
from cib_templates.merge import Changes, changes
from pcs_wrapper import cib, confirmation, diagnosis, interruption, leftovers, settling, stopping
from pcs_wrapper.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.crm_mon import ClusterState, read_state
from pcs_wrapper.environment import Environment
from pcs_wrapper.errors import ChangedMeanwhile, ClusterError, PushUncertain, UsageError
from pcs_wrapper.explanation import explain

_ATTEMPTS = 5


@dataclass(frozen=True)
class Plan:
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
    changes: Changes
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
    changes: Changes
    touched: tuple[str, ...]
    services: tuple[diagnosis.Service, ...]
    stopped_fencing: dict[str, str]

    @property
    def failed(self) -> bool:
        """Return whether something does not run that should."""
        return bool(self.stopped_fencing) or not all(
            service.is_running or service.is_disabled for service in self.services
        )


def plan(environment: Environment, number: int | None = None, failed: Iterable[str] = ()) -> Plan:
    """Find out what a rollback would do; nothing is changed.

    Args:
        environment: The machine.
        number: The oldest checkpoint to take back; the newest that there is to take back if None.
        failed: IDs of the resources that have failed since.

    Raises:
        ClusterError: There is nothing to take back, or not that, or not in this order any more.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
    """
    checkpoints = Checkpoints(environment.state)
    undone = _undone(checkpoints, number)
    live = cib.read_cib(environment)
    target = live
    touched: list[str] = []
    for checkpoint in undone:
        before, after = checkpoints.cibs(checkpoint)
        touched += cib.same_objects(checkpoint.changes, changes(after, target))
        target = cib.undone(environment, target, before, after)
    return Plan(
        undone=tuple(undone),
        live=live,
        target=target,
        changes=changes(live, target),
        touched=tuple(dict.fromkeys(touched)),
        failed=tuple(name for name in failed if _has(target, name)),
    )


def _has(cib_: etree._Element, resource: str) -> bool:
    return any(each.get("id") == resource for each in cib_.iterfind("configuration/resources//*"))


def _kind(target: etree._Element, resource: str) -> Literal["resource", "stonith"]:
    devices = target.iterfind("configuration/resources/primitive[@class='stonith']")
    return "stonith" if any(each.get("id") == resource for each in devices) else "resource"


def is_unconfirmed(environment: Environment, number: int | None) -> bool:
    """Return whether a change still waits to be confirmed.

    The lock must be held. A command that died in the middle is settled first.

    Args:
        environment: The machine.
        number: The checkpoint's number.

    Raises:
        UsageError: There is no number.
        ClusterError: There is no such checkpoint.
    """
    if number is None:
        raise UsageError("--unless-confirmed needs the number of a checkpoint")
    for sentence in interruption.settle(environment, cib.read_cib(environment)):
        environment.warn(sentence)
    return Checkpoints(environment.state).get(number).state == "unconfirmed"


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


def commands(environment: Environment, planned: Plan) -> list[str]:
    """Return the commands of a rollback, as somebody would type them.

    Args:
        environment: The machine.
        planned: What to do.

    Raises:
        TakeoverError: The cluster's state cannot be read.
    """
    if not planned.changes:
        return []
    names = stopping.first(planned.live, planned.target, read_state(environment))
    old, stop = stopping.commands(planned.live, names, Path("old.xml"))
    return [
        "pcs cluster cib old.xml",
        *stop,
        *cib.push_lines(old, Path("new.xml"), Path("patch.xml")),
        " ".join(cib.settle_command(settling.timeout_of(planned.live, planned.target))),
    ]


def carry_out(environment: Environment, planned: Plan, message: str = "") -> RolledBack:
    """Push the difference back, forget the failures of what it concerns, and wait.

    What it removes is stopped before. The lock must be held.

    Args:
        environment: The machine.
        planned: What to do.
        message: Why.

    Raises:
        ChangedMeanwhile: Somebody has changed the same objects since it was planned.
        TakeoverError: What can go wrong in pushing and waiting.
    """
    state = read_state(environment)
    numbers = tuple(each.number for each in planned.undone)
    number = None
    before = planned.live
    if planned.changes:
        environment.say(f"rolling back {_listed(numbers)}")
        names = stopping.first(planned.live, planned.target, state)
        if names:
            # Nothing is stopped for a change that would then be refused.
            cib.check(environment, planned.target)
            planned, state = _stop_first(environment, planned, message, names, state)
        number = _push(environment, planned, planned.undone[-1].cluster, message).number
    else:
        checkpoints = Checkpoints(environment.state)
        for each in planned.undone:
            checkpoints.keep(each, state="rolled back", confirm_by=None)
    for each in planned.undone:
        if each.confirm_by:
            confirmation.stop_timer(environment, each.number)
    for resource in planned.failed:
        cib.cleanup(environment, resource, _kind(planned.target, resource))
    timeout = settling.timeout_of(planned.live, planned.target)
    settled = settling.wait(environment, state, timeout)
    leftovers.forget(environment, planned.live, planned.target)
    state = explain(environment, settled.state)
    return RolledBack(
        checkpoint=number,
        undone=numbers,
        changes=changes(before, planned.target),
        touched=planned.touched,
        services=diagnosis.services(state),
        stopped_fencing=diagnosis.stopped_fencing(state),
    )


def _stop_first(
    environment: Environment,
    planned: Plan,
    message: str,
    names: tuple[str, ...],
    state: ClusterState,
) -> tuple[Plan, ClusterState]:
    """Stop what a rollback removes, and return what is left to do: that takes the stop back, too.

    A rollback is not given up: what does not stop in its time is removed all the same.
    """
    environment.say(f"pushing the stop of {', '.join(names)}, which is then removed")
    live = stopping.stopped(planned.live, names)
    stop = replace(planned, undone=(), target=live, changes=changes(planned.live, live))
    stopped_by = _push(environment, stop, planned.undone[-1].cluster, message, names)
    with suppress(TakeoverError):
        state = stopping.wait(environment, live, names, state)
    undone = (stopped_by, *planned.undone)
    rest = replace(planned, undone=undone, live=live, changes=changes(live, planned.target))
    return rest, state


def _push(
    environment: Environment,
    planned: Plan,
    cluster: str,
    message: str,
    stops: tuple[str, ...] = (),
) -> Checkpoint:
    """Push what is planned, with a checkpoint of its own.

    That of a stop remains `pushing` until what it stops is removed: of one that was interrupted in
    between, the next command tells.
    """
    checkpoints = Checkpoints(environment.state)
    pushing = checkpoints.begin(
        lambda new: Checkpoint(
            number=new,
            at=environment.now().isoformat(timespec="seconds"),
            user=environment.user,
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
        pushed = cib.push(environment, planned.live, planned.target)
    except PushUncertain:
        # The checkpoint stays `pushing`: the next command compares.
        raise
    except TakeoverError as error:
        checkpoints.keep(pushing, state="failed", note=str(error))
        raise
    pushing = checkpoints.keep(pushing, epoch_before=pushed.before, epoch_after=pushed.after)
    return pushing if stops else interruption.finish(checkpoints, pushing)


def by_itself(
    environment: Environment, checkpoint: Checkpoint, failed: Iterable[str], why: str
) -> RolledBack:
    """Take a change back that did harm; edits that come in between make it plan anew.

    Args:
        environment: The machine.
        checkpoint: The change.
        failed: IDs of the resources that have failed since.
        why: What harm.

    Raises:
        TakeoverError: As `carry_out`.
    """
    for attempt in range(_ATTEMPTS):
        planned = plan(environment, checkpoint.number, failed)
        try:
            return carry_out(environment, planned, message=why)
        except ChangedMeanwhile:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def start_again(environment: Environment, stopped_by: int, refused: int) -> None:
    """Take back what stopped the resources that were not removed then, and warn of it.

    Args:
        environment: The machine.
        stopped_by: The number of the checkpoint that stopped them.
        refused: The number of the one that was to remove them.
    """
    checkpoint = Checkpoints(environment.state).get(stopped_by)
    try:
        by_itself(environment, checkpoint, (), f"checkpoint {refused} was not pushed")
    except TakeoverError as error:
        environment.warn(
            f"what was to be removed was stopped, and could not be started again: {error}\n"
            f"to try again: takeover rollback {stopped_by}"
        )
    else:
        environment.warn("what was to be removed had been stopped, and shall run again")


def _listed(numbers: tuple[int, ...]) -> str:
    return f"checkpoint{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
