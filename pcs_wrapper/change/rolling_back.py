"""`takeover rollback`: take changes back, and keep what others have changed since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lxml import etree

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.errors import TakeoverError
from cib_templates.merging.handover import passed
from pcs_wrapper.change import stopping
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.history import interruption, shared, timeline
from pcs_wrapper.change.history.checkpoints import (
    Checkpoint,
    Checkpoints,
    cluster_id,
    describe,
    told_if_not_written,
)
from pcs_wrapper.change.judging import conflicts, preconditions
from pcs_wrapper.change.judging.readiness import (
    Readiness,
    let_pass,
    patience,
    readiness,
    require_decision,
)
from pcs_wrapper.change.steps.clean_up import CleanUp, forget_steps
from pcs_wrapper.change.steps.push import (
    Finish,
    KeepCheckpoint,
    MarkRolledBack,
    Push,
    SaveConfiguration,
    StopTimer,
    checkpoints_listed,
)
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.survey import AskNodes
from pcs_wrapper.change.steps.wait import Explain, WaitUntilIdle, WaitUntilStopped
from pcs_wrapper.errors import ChangedMeanwhile, ClusterError, Interrupted, UsageError
from pcs_wrapper.health import diagnosis
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

_ATTEMPTS = 5


@dataclass(frozen=True)
class Rollback:
    """A rollback, before it is made.

    Attributes:
        undone: The checkpoints that are taken back, the newest first.
        state: The state of the cluster before the rollback.
        live: The live CIB.
        target: The CIB after the rollback.
        changes: The IDs of the objects that differ.
        touched: The IDs of the objects that somebody else has changed since. Those changes that
            conflict with the rollback are lost.
        stops: The IDs of the resources that the rollback removes, and that are stopped before.
        failed: The IDs of the resources whose failures are cleared, so that they start again.
        readiness: Whether the cluster can carry the rollback out.
    """

    undone: tuple[Checkpoint, ...]
    state: ClusterState
    live: etree._Element
    target: etree._Element
    changes: ChangedIds
    touched: tuple[str, ...]
    stops: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    readiness: Readiness = field(default_factory=Readiness)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the checkpoints that are taken back."""
        return tuple(each.number for each in self.undone)


@dataclass(frozen=True)
class RolledBack:
    """The result of a rollback.

    Attributes:
        checkpoint: The number of the rollback's own checkpoint; None if nothing had to be pushed.
        undone: The numbers of the checkpoints that it took back.
        changes: The IDs of the objects that were changed.
        touched: As in `Rollback`.
        services: The state of every service after the rollback.
        stopped_fencing: The fencing devices that do not run, each with the reason.
    """

    checkpoint: int | None
    undone: tuple[int, ...]
    changes: ChangedIds
    touched: tuple[str, ...]
    services: tuple[diagnosis.Service, ...]
    stopped_fencing: dict[str, str]

    @property
    def failed(self) -> bool:
        """Whether something does not run that should."""
        return bool(self.stopped_fencing) or not all(
            service.is_running or service.is_disabled for service in self.services
        )


def prepare(
    machine: Machine,
    number: int | None = None,
    failed: Iterable[str] = (),
    *,
    patient: bool = False,
    alone: bool = False,
) -> Rollback:
    """Find out what a rollback has to change; nothing is changed.

    Args:
        machine: This machine.
        number: The number of the oldest checkpoint to take back; None for the last change that is
            in the cluster.
        failed: The IDs of the resources that have failed since.
        patient: Whether to wait a few moments if something holds the cluster up that passes by
            itself.
        alone: Whether later changes stay, which other nodes may have made.

    Raises:
        ClusterError: There is nothing to take back, or this checkpoint cannot be taken back.
        NotApplicable: Two resources would have the same disk, mount point or address.
        ClusterUnreachable: No cluster runs here.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
    """
    if patient:
        let_pass(machine)
    live = cib.read_cib(machine)
    checkpoints = Checkpoints.of(machine, live)
    undone = _undone(checkpoints, number, alone=alone)
    target = live
    touched: list[str] = []
    for checkpoint in undone:
        before, after = checkpoints.cibs(checkpoint)
        touched += cib.same_objects(changed_ids(before, after), changed_ids(after, target))
        target = cib.undone(machine, target, before, after)
    state = read_state(machine)
    # What it gives back may be what another resource has, which does not stop.
    gone = stopping.gone_before(live, target, state)
    preconditions.require(machine, preconditions.passed_exclusives(live, target, gone))
    return Rollback(
        undone=tuple(undone),
        state=state,
        live=live,
        target=target,
        changes=changed_ids(live, target),
        touched=tuple(dict.fromkeys(touched)),
        stops=stopping.to_stop_before(live, target, state),
        failed=tuple(name for name in failed if _has(target, name)),
        readiness=readiness(machine, state, live, target),
    )


def _has(cib_: etree._Element, resource: str) -> bool:
    return any(each.get("id") == resource for each in cib_.iterfind("configuration/resources//*"))


def _kind(target: etree._Element, resource: str) -> cib.ResourceKind:
    devices = target.iterfind("configuration/resources/primitive[@class='stonith']")
    return "stonith" if any(each.get("id") == resource for each in devices) else "resource"


def resolve_unfinished(machine: Machine) -> None:
    """Warn of commands on this node that were interrupted, and of changes that were not confirmed.

    Raises:
        ProgramError: The live CIB cannot be read.
        ClusterError: A file in the folder of checkpoints is not a checkpoint.
    """
    live = cib.query(machine)
    interruption.warn_of_unfinished(machine, live)
    checkpoints = Checkpoints.of(machine, live)
    for finding in timeline.waiting(machine, checkpoints.all()):
        machine.console.warning(f"{finding.message}. {finding.hint}")


def unless_confirmed(machine: Machine, number: int | None) -> Rollback | str:
    """Return the rollback of a change that was not confirmed in time, or why there is none.

    Interrupted commands are resolved before. The lock must be held.

    Args:
        machine: This machine.
        number: The checkpoint's number.

    Raises:
        UsageError: The number is None.
        ClusterError: There is no checkpoint with that number.
        TakeoverError: As `prepare`.
    """
    if number is None:
        raise UsageError("--unless-confirmed needs the number of a checkpoint")
    live = cib.read_cib(machine)
    for sentence in interruption.resolve_interrupted(machine, live):
        machine.console.warning(sentence)
    checkpoints = Checkpoints.of(machine, live)
    late = checkpoints.get(number)
    if late.state != "unconfirmed":
        return f"checkpoint {number} does not wait to be confirmed; there is nothing to do"
    planned = prepare(machine, number, alone=True)
    later = _later(checkpoints, late)
    if not later and not planned.touched:
        return planned
    reasons = [f"{describe(each)} has been made since" for each in later]
    if planned.touched:
        reasons.append(f"somebody has changed {', '.join(planned.touched)} since")
    note = f"not confirmed in time, and not rolled back, because {'; '.join(reasons)}"
    cib.push_record(machine, shared.become([number], "unconfirmed", note))
    with told_if_not_written(machine):
        checkpoints.keep(late, note=note)
    return (
        f"checkpoint {number} was {note}. To keep it: takeover confirm {number}; to take it back: "
        f"takeover rollback {number}"
    )


def _later(checkpoints: Checkpoints, late: Checkpoint) -> list[Checkpoint]:
    """Return the changes that were made after one, and are in the cluster, but for its second push.

    A change that removes resources has two pushes, and the timer of the first rolls both back.
    """
    return [
        each
        for each in checkpoints.all()
        if each.number > late.number and each.in_effect and each.stopped_by != late.number
    ]


def _undone(
    checkpoints: Checkpoints, number: int | None, *, alone: bool = False
) -> list[Checkpoint]:
    in_effect = [each for each in checkpoints.all() if each.in_effect]
    if number is None:
        if not in_effect:
            raise ClusterError(
                "there is nothing to roll back: no change that Takeover knows of is in the cluster "
                "(`takeover history` shows its checkpoints)"
            )
        # The stop of a rollback that was interrupted is taken back together with the apply.
        newest = next((each for each in in_effect if each.command != "rollback"), in_effect[0])
        return _with_its_stop(in_effect, newest.number)
    chosen = checkpoints.get(number)
    if chosen.undoes:
        raise ClusterError(
            f"checkpoint {number} is a rollback, which cannot be rolled back: to make the change "
            "again, apply its description"
        )
    if chosen.passes:
        raise ClusterError(
            f"checkpoint {number} is a `{chosen.command}`, which has left nothing in the "
            "configuration that could be taken back; to move a service: takeover service move"
        )
    if not chosen.in_effect:
        raise ClusterError(
            f"checkpoint {number} is {chosen.state}: its change is not in the cluster, so there is "
            "nothing to roll back"
        )
    if alone:
        ours = {number, chosen.stopped_by}
        in_effect = [each for each in in_effect if each.number in ours or each.stopped_by == number]
    return _with_its_stop(in_effect, number)


def _with_its_stop(in_effect: list[Checkpoint], number: int) -> list[Checkpoint]:
    """Return the checkpoints from a number on, and the one that stopped what the oldest removed."""
    undone = [each for each in in_effect if each.number >= number]
    stopped_by = undone[-1].stopped_by
    return undone + [each for each in in_effect if each.number == stopped_by]


def steps(
    machine: Machine, rollback: Rollback, message: str = "", *, asks: bool = True
) -> list[Step]:
    """Return the steps of a rollback; nothing is changed.

    Resources that the rollback removes are stopped before. If one of them does not stop within its
    time limit, it is removed all the same.

    Args:
        machine: This machine.
        rollback: The rollback.
        message: The reason, for the history.
        asks: Whether the nodes are asked before whether what the services had then is still free.
    """
    numbers = rollback.numbers
    number = Checkpoints.of(machine, rollback.live).next_number()
    live = rollback.live
    planned: list[Step] = []
    if not rollback.changes:
        planned.append(MarkRolledBack(numbers))
    else:
        checkpoint = _checkpoint(machine, rollback, message, number)
        question = conflicts.question_of(live, rollback.target) if asks else None
        if question is not None:
            planned.append(AskNodes(question, adopt=False))
        planned.append(SaveConfiguration(str(cib.PUSH_FILES.old)))
        files = cib.PUSH_FILES
        if rollback.stops:
            live = stopping.stopped(live, rollback.stops)
            planned += _stop_steps(rollback, live, checkpoint)
            checkpoint = replace(
                checkpoint,
                number=number + 1,
                changes=changed_ids(live, rollback.target),
                undoes=(number, *numbers),
            )
            files = cib.files_after_stop(rollback.live, live)
        title = f"rolling back {checkpoints_listed(numbers)}"
        planned += [
            KeepCheckpoint(checkpoint, live, rollback.target),
            Push(checkpoint.number, live, rollback.target, title, files),
            Finish(checkpoint.number),
        ]
    return [
        *planned,
        *(
            StopTimer(each.number)
            for each in rollback.undone
            if each.confirm_by and each.node in ("", machine.host)
        ),
        *(CleanUp(name, _kind(rollback.target, name)) for name in rollback.failed),
        WaitUntilIdle(
            settling.timeout_of(live, rollback.target), patience=patience(rollback.readiness)
        ),
        *forget_steps(live, rollback.target),
        Explain(),
    ]


def _stop_steps(rollback: Rollback, stopped: etree._Element, checkpoint: Checkpoint) -> list[Step]:
    """Return the steps that stop the resources that a rollback removes.

    Their checkpoint remains `pushing` until the resources are removed, so that the next command
    warns of a rollback that was interrupted in between.
    """
    stop = replace(
        checkpoint,
        changes=changed_ids(rollback.live, stopped),
        undoes=(),
        stops=rollback.stops,
        note=stopping.note(rollback.stops),
    )
    title = f"pushing the stop of {', '.join(rollback.stops)}, to be removed afterwards"
    return [
        KeepCheckpoint(stop, rollback.live, stopped),
        Push(stop.number, rollback.live, stopped, title, cib.STOP_FILES),
        WaitUntilStopped(
            stopped,
            rollback.stops,
            required=False,
            passing=bool(passed(rollback.live, rollback.target)),
        ),
    ]


def _checkpoint(machine: Machine, rollback: Rollback, message: str, number: int) -> Checkpoint:
    return Checkpoint(
        number=number,
        at="",
        user=machine.user,
        command="rollback",
        message=message,
        cluster=rollback.undone[-1].cluster,
        changes=rollback.changes,
        undoes=rollback.numbers,
        seen_through=False,
        node=machine.host,
        cluster_id=cluster_id(machine.corosync_conf),
    )


def roll_back(
    machine: Machine,
    rollback: Rollback,
    message: str = "",
    *,
    unchanged: str = "nothing was changed",
    asks: bool = True,
) -> RolledBack:
    """Run the steps of a rollback, and return its result.

    The lock must be held.

    Args:
        machine: This machine.
        rollback: The rollback.
        message: The reason, for the history.
        unchanged: What is said if somebody interrupts it before it has changed anything.
        asks: As in `steps`. What is taken back by itself comes so soon, or is so urgent, that
            nobody is asked.

    Raises:
        NotApplicable: What a service had then is somebody else's now; nothing was pushed.
        InvalidCib: Pacemaker's schema rejects the result; nothing was pushed.
        ChangedMeanwhile: Somebody has changed the same objects since it was prepared.
        TakeoverError: A step has failed.
    """
    planned = steps(machine, rollback, message, asks=asks)
    if rollback.stops:
        # Check the whole rollback before something is stopped for it.
        cib.check(machine, rollback.target)
    run = Run(machine, before=rollback.state, state=rollback.state, unchanged=unchanged)
    execute(planned, run)
    numbers = [step.checkpoint.number for step in planned if isinstance(step, KeepCheckpoint)]
    with told_if_not_written(machine):
        for number in numbers:
            run.checkpoints.keep(run.checkpoints.get(number), seen_through=True)
    state = run.known_state()
    return RolledBack(
        checkpoint=numbers[-1] if numbers else None,
        undone=rollback.numbers,
        changes=rollback.changes,
        touched=rollback.touched,
        services=diagnosis.services(state),
        stopped_fencing=diagnosis.stopped_fencing(state),
    )


def take_back(
    machine: Machine, checkpoint: Checkpoint, failed: Iterable[str], reason: str
) -> RolledBack:
    """Take a change back, and prepare the rollback again if somebody edits the CIB meanwhile.

    Args:
        machine: This machine.
        checkpoint: The checkpoint of the change.
        failed: The IDs of the resources that have failed since.
        reason: The reason, for the history.

    Raises:
        NotApplicable: This partition has no quorum; nothing was pushed.
        TakeoverError: As `prepare` and `roll_back`.
    """
    still_there = (
        f"checkpoint {checkpoint.number} is still in the cluster; to take it back: "
        f"takeover rollback {checkpoint.number}"
    )
    for attempt in range(_ATTEMPTS):
        rollback = prepare(machine, checkpoint.number, failed, alone=True)
        require_decision(rollback.readiness)
        try:
            return roll_back(machine, rollback, message=reason, unchanged=still_there, asks=False)
        except ChangedMeanwhile:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def start_again(machine: Machine, stopped_by: Checkpoint, reason: str) -> None:
    """Start resources again that were stopped and then not removed, and warn of it.

    Args:
        machine: This machine.
        stopped_by: The checkpoint that stopped them.
        reason: The reason why they were not removed.
    """
    names = ", ".join(stopped_by.stops)
    try:
        take_back(machine, stopped_by, (), reason)
    except Interrupted:
        raise
    except TakeoverError as error:
        machine.console.warning(
            f"{names}: stopped but not removed, and could not be started again: {error}\n"
            f"to try again: takeover rollback {stopped_by.number}"
        )
    else:
        machine.console.warning(f"{names}: stopped but not removed, and now started again")
