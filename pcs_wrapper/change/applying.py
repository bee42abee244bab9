"""`takeover apply`: make the running cluster what the description says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from lxml import etree

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.errors import TakeoverError
from cib_templates.model.description import Description
from pcs_wrapper.change import preconditions, rolling_back, stopping, verification
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.history import confirmation, interruption
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.change.prepare import Change, prepare
from pcs_wrapper.change.saved_plan import SavedPlan
from pcs_wrapper.change.steps.clean_up import clean_up_steps, forget_steps
from pcs_wrapper.change.steps.push import (
    Finish,
    KeepCheckpoint,
    Push,
    SaveConfiguration,
    SeeThrough,
    StartTimer,
)
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain, Verify, WaitUntilIdle, WaitUntilStopped
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState


@dataclass(frozen=True)
class Options:
    """How a change shall be made.

    Attributes:
        message: Why, for the history.
        rollback: Whether it is rolled back when it does harm.
        confirm: In what time it must be confirmed, so that it is not rolled back; None if it
            need not be.
        adopt: Whether resources with the description's IDs that others made are taken over.
        saved: The plan that was looked at: nothing else is applied.
    """

    message: str = ""
    rollback: bool = True
    confirm: timedelta | None = None
    adopt: bool = False
    saved: SavedPlan | None = None


@dataclass(frozen=True)
class Applied:
    """What became of an apply.

    Attributes:
        changes: What was changed in the CIB.
        services: How each service of the description is now.
        stopped_fencing: The fencing devices that do not run, and why.
        checkpoint: The number of the checkpoint whose rollback takes all of it back; None if there
            was nothing to change.
        harm: What the change did not make run, and what it hurt, a sentence each.
        rolled_back: What became of the rollback, if there was one.
        rollback_failure: What of the rollback itself failed, and why; empty if nothing did.
        confirm_by: When it is rolled back unless it is confirmed.
    """

    changes: ChangedIds
    services: tuple[diagnosis.Service, ...]
    stopped_fencing: dict[str, str]
    checkpoint: int | None = None
    harm: tuple[str, ...] = ()
    rolled_back: rolling_back.RolledBack | None = None
    rollback_failure: str = ""
    confirm_by: str | None = None

    @property
    def failed(self) -> bool:
        """Return whether something does not run that should."""
        return bool(self.harm or self.stopped_fencing) or not all(
            service.is_running or service.is_disabled for service in self.services
        )


def steps(machine: Machine, change: Change, options: Options) -> list[Step]:
    """Return what an apply does, step by step; nothing is changed.

    What is left to do of changes whose command was interrupted comes first. What the change
    removes is stopped by a push of its own.

    Args:
        machine: This machine.
        change: What is to be changed.
        options: How.
    """
    checkpoints = Checkpoints(machine.state)
    unfinished = interruption.pushed_and_unfinished(checkpoints, change.old)
    left = [
        step
        for checkpoint in unfinished
        for step in _steps_left(checkpoints, checkpoint, change.old)
    ]
    if not change.changes:
        return left
    number = checkpoints.next_number()
    save = SaveConfiguration(str(cib.PUSH_FILES.old))
    if change.stops:
        rest = _once_stopped(change)
        unconfirmed = replace(options, confirm=None)
        stop = _stop_steps(machine, change, rest, options, number)
        files = cib.files_after_stop(change.old, rest.old)
        push = _push_steps(machine, rest, unconfirmed, number + 1, files=files, stopped_by=number)
        return [*left, save, *stop, *push]
    # What it removes may have been stopped by an apply that was then interrupted.
    stopped_by = interruption.stop_of(unfinished, change.changes.removed)
    push = _push_steps(
        machine, change, options, number, files=cib.PUSH_FILES, stopped_by=stopped_by
    )
    return [*left, save, *push]


def _steps_left(
    checkpoints: Checkpoints, unfinished: Checkpoint, live: etree._Element
) -> list[Step]:
    """Return the steps after the push of a command that was interrupted.

    Args:
        checkpoints: All of them.
        unfinished: The checkpoint of its push.
        live: The live CIB.
    """
    before, after = checkpoints.cibs(unfinished)
    present = live.iterfind("configuration/resources/primitive[@class='stonith']")
    devices = {device.get("id", "") for device in present}
    changed = tuple(name for name in unfinished.changes.changed if name in devices)
    return [
        *clean_up_steps(changed),
        *forget_steps(before, after),
        SeeThrough(unfinished.number),
    ]


def _once_stopped(change: Change) -> Change:
    """Return what is left to change when what it removes has stopped.

    It is judged by the same state, from before all of it.
    """
    old = stopping.stopped(change.old, change.stops)
    return replace(change, old=old, changes=changed_ids(old, change.new), stops=())


def _stop_steps(
    machine: Machine, change: Change, rest: Change, options: Options, number: int
) -> list[Step]:
    """Return the steps that stop what a change removes."""
    checkpoint = replace(
        _checkpoint(machine, change, options, number),
        changes=changed_ids(change.old, rest.old),
        stops=change.stops,
        note=stopping.note(change.stops),
    )
    title = f"pushing the stop of {', '.join(change.stops)}, which is then removed"
    return [
        KeepCheckpoint(checkpoint, change.old, rest.old, options.confirm),
        *([StartTimer(machine, number, options.confirm)] if options.confirm else []),
        Push(
            number,
            change.old,
            rest.old,
            f"{title} (checkpoint {number})",
            cib.STOP_FILES,
            start_again=True,
        ),
        WaitUntilStopped(rest.old, change.stops, required=True),
    ]


def _push_steps(
    machine: Machine,
    change: Change,
    options: Options,
    number: int,
    *,
    files: cib.PushFiles,
    stopped_by: int | None,
) -> list[Step]:
    """Return the steps that push a change, and see it through."""
    checkpoint = replace(_checkpoint(machine, change, options, number), stopped_by=stopped_by)
    scope = verification.scope_of(change.changes, change.old, change.new)
    title = f"pushing the changes (checkpoint {number})"
    return [
        KeepCheckpoint(checkpoint, change.old, change.new, options.confirm),
        *([StartTimer(machine, number, options.confirm)] if options.confirm else []),
        Push(number, change.old, change.new, title, files),
        *clean_up_steps(change.changed_fencing),
        WaitUntilIdle(change.timeout, scope if options.rollback else None),
        *forget_steps(change.old, change.new),
        Explain(),
        Verify(scope, change.services, change.timeout),
        Finish(number),
    ]


def _checkpoint(machine: Machine, change: Change, options: Options, number: int) -> Checkpoint:
    return Checkpoint(
        number=number,
        at="",
        user=machine.user,
        command="apply",
        message=options.message,
        cluster=change.cluster,
        changes=change.changes,
        seen_through=False,
    )


def apply(machine: Machine, description: Description, options: Options | None = None) -> Applied:
    """Make the running cluster what the description says, and wait until it is.

    Args:
        machine: This machine.
        description: What the cluster shall be.
        options: How the change shall be made.

    Raises:
        NotApplicable: This partition has no quorum; nothing was pushed.
        ClusterError: An earlier change waits to be confirmed; nothing was pushed.
        ChangedMeanwhile: Somebody has changed the same objects; nothing was pushed.
        PushUncertain: The cluster did not answer; the next command compares.
        InvalidCib: The schema rejects the result; nothing was pushed.
        ProgramError: A program is missing, fails or hangs; it says what that means.
        TakeoverError: As `prepare`.
    """
    machine.require_root()
    options = options or Options()
    with lock.held(machine, "takeover apply"):
        change = prepare(machine, description, adopt=options.adopt, saved=options.saved)
        planned = steps(machine, change, options)
        for sentence in interruption.resolve_interrupted(machine, change.old):
            machine.console.warning(sentence)
        if change.changes:
            preconditions.require(machine, preconditions.missing_quorum(change.state))
            confirmation.check_none_waits(Checkpoints(machine.state))
            if change.stops:
                # Nothing is stopped for a change that would then be refused.
                cib.check(machine, change.new)
        else:
            machine.console.step("nothing to change")
        run = execute(planned, _new_run(machine, change))
        if not change.changes:
            return _applied(change, read_explained_state(machine))
        return _conclude(machine, change, options, planned, run)


def _new_run(machine: Machine, change: Change) -> Run:
    return Run(
        machine,
        before=change.state,
        state=change.state,
        take_back=lambda checkpoint, why: rolling_back.start_again(machine, checkpoint, why),
    )


def _conclude(
    machine: Machine, change: Change, options: Options, planned: Sequence[Step], run: Run
) -> Applied:
    """Tell what became of a change, and take it back if it did harm."""
    numbers = [step.checkpoint.number for step in planned if isinstance(step, KeepCheckpoint)]
    kept = [each for each in run.checkpoints.all() if each.number in numbers]
    kept = [run.checkpoints.keep(each, seen_through=True) for each in kept]
    newest, oldest = kept[0], kept[-1]
    state = run.known_state()
    if newest.number == numbers[-1]:
        applied = _applied(change, state, oldest, run.harm)
    else:
        # What it removes did not stop: the change itself was not pushed.
        stop = replace(change, changes=newest.changes, services=())
        applied = _applied(stop, state, oldest, run.harm)
    if not run.harm:
        return applied
    if options.rollback:
        return _roll_back(machine, newest, applied, _failed(change, state))
    interruption.finish(run.checkpoints, newest, note="; ".join(run.harm))
    return applied


def _failed(change: Change, state: ClusterState) -> list[str]:
    """Return the IDs of what has failed since a change was prepared."""
    return sorted({each.resource for each in verification.new_failures(change.state, state)})


def _roll_back(
    machine: Machine, checkpoint: Checkpoint, applied: Applied, failed: list[str]
) -> Applied:
    for sentence in applied.harm:
        machine.console.detail(sentence)
    checkpoints = Checkpoints(machine.state)
    checkpoint = checkpoints.keep(checkpoint, note="; ".join(applied.harm))
    try:
        rolled_back = rolling_back.take_back(
            machine, checkpoint, failed, why=f"checkpoint {checkpoint.number} did harm"
        )
    except TakeoverError as error:
        if checkpoints.get(checkpoint.number).state == "rolled back":
            failure = f"the configuration was rolled back, but then: {error}"
            return replace(applied, rollback_failure=failure, confirm_by=None)
        interruption.finish(checkpoints, checkpoint)
        failure = f"it was not rolled back: {error}\nto try again: takeover rollback "
        return replace(applied, rollback_failure=f"{failure}{checkpoint.number}")
    return replace(applied, rolled_back=rolled_back, confirm_by=None)


def _applied(
    change: Change,
    state: ClusterState,
    checkpoint: Checkpoint | None = None,
    harm: Sequence[str] = (),
) -> Applied:
    present = {service.id: service for service in diagnosis.services(state)}
    return Applied(
        change.changes,
        tuple(present.get(name) or _unknown(name) for name in change.services),
        diagnosis.stopped_fencing(state),
        checkpoint=checkpoint.number if checkpoint else None,
        harm=tuple(harm),
        confirm_by=checkpoint.confirm_by if checkpoint else None,
    )


def _unknown(name: str) -> diagnosis.Service:
    return diagnosis.Service(name, "stopped", (), "Pacemaker does not show it", ())
