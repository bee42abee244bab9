"""`takeover apply`: change the running cluster to match the description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from lxml import etree

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.errors import TakeoverError
from cib_templates.findings import Finding
from cib_templates.model.description import Description
from pcs_wrapper.change import rolling_back, stopping, verification
from pcs_wrapper.change.execution import execute, telling_if_interrupted
from pcs_wrapper.change.history import confirmation, interruption
from pcs_wrapper.change.history.checkpoints import (
    Checkpoint,
    Checkpoints,
    cluster_id,
    told_if_not_written,
)
from pcs_wrapper.change.judging import adopting, conflicts, preconditions, readiness
from pcs_wrapper.change.looking.condition import tell
from pcs_wrapper.change.prepare import Change, prepare
from pcs_wrapper.change.saved_plan import SavedPlan
from pcs_wrapper.change.services import passing
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
from pcs_wrapper.change.steps.survey import AskNodes, TakeOutSurvey
from pcs_wrapper.change.steps.wait import Explain, Verify, WaitUntilIdle, WaitUntilStopped
from pcs_wrapper.errors import Interrupted
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.health.obstacles import obstacles
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, survey
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state
from pcs_wrapper.pacemaker.simulation import simulate


@dataclass(frozen=True)
class Options:
    """The options of an apply.

    Attributes:
        message: The reason for the change, for the history.
        rollback: Whether the change is rolled back if it does harm.
        confirm: The time within which the change must be confirmed, or else it is rolled back; None
            if it need not be confirmed.
        adopt: Whether resources with the description's IDs that others made are taken over.
        with_changes: Whether a change that takes something over may also change something.
        saved: The saved plan that the change must not differ from; None if there is none.
        even_so: Whether the change is made although something holds the cluster up.
        over_others: Whether it may undo what others have applied since the description was applied,
            or be made while a change of others waits to be confirmed.
    """

    message: str = ""
    rollback: bool = True
    confirm: timedelta | None = None
    adopt: bool = False
    saved: SavedPlan | None = None
    even_so: bool = False
    with_changes: bool = False
    over_others: bool = False


@dataclass(frozen=True)
class Applied:
    """The result of an apply.

    Attributes:
        changes: The IDs of the objects that were changed in the CIB.
        services: The state of each service of the description after the apply.
        stopped_fencing: The fencing devices that do not run, each with the reason.
        checkpoint: The number of the checkpoint whose rollback takes all of the change back; None
            if there was nothing to change.
        harm: The harm that the change did: a sentence for each service that it did not make run,
            or that it hurt.
        rolled_back: The result of the rollback; None if there was none.
        rollback_failure: The reason why the rollback failed, or a part of it; empty if it did not.
        confirm_by: The time at which the change is rolled back unless it is confirmed; None if it
            need not be confirmed.
        findings: What was not well with the cluster before the change.
    """

    changes: ChangedIds
    services: tuple[diagnosis.Service, ...]
    stopped_fencing: dict[str, str]
    checkpoint: int | None = None
    harm: tuple[str, ...] = ()
    rolled_back: rolling_back.RolledBack | None = None
    rollback_failure: str = ""
    confirm_by: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether something does not run that should."""
        return bool(self.harm or self.stopped_fencing) or not all(
            service.is_running or service.is_disabled for service in self.services
        )


def prepared(machine: Machine, description: Description, options: Options) -> Change:
    """Find out what an apply has to change, and refuse it if it takes over more than it may.

    Args:
        machine: This machine.
        description: The description of the cluster.
        options: The options of the apply.

    Raises:
        NotApplicable: What others made would be taken over, and something would be changed or
            happen; or as `prepare`.
        TakeoverError: As `prepare`.
    """
    change = prepare(machine, description, adopt=options.adopt, saved=options.saved)
    if change.adopts and not options.with_changes:
        actions = simulate(machine, change.old, change.new)
        preconditions.require(machine, adopting.obstacles(change.old, change.new, actions))
    return change


def steps(machine: Machine, change: Change, options: Options) -> list[Step]:
    """Return the steps of an apply; nothing is changed.

    The list begins with the remaining steps of earlier changes whose commands were interrupted. If
    the change removes resources that run, a push of its own stops them before.

    Args:
        machine: This machine.
        change: The change.
        options: The options of the apply.
    """
    checkpoints = Checkpoints.of(machine, change.old)
    unfinished = interruption.pushed_and_unfinished(checkpoints, change.old)
    remaining = [
        step
        for checkpoint in unfinished
        for step in _remaining_steps(checkpoints, checkpoint, change.old)
    ]
    remaining = [*map(TakeOutSurvey, survey.left_in(change.old)), *remaining]
    if not change.changes:
        return remaining
    question = conflicts.question_of(change.old, change.new)
    if question is not None:
        # After what an earlier command has left to do, and before anything is changed.
        remaining.append(AskNodes(question, options.adopt))
    number = checkpoints.next_number()
    save = SaveConfiguration(str(cib.PUSH_FILES.old))
    if change.stops:
        removal = _once_stopped(change)
        # The timer of the first push rolls both back.
        without_timer = replace(options, confirm=None)
        stop = _stop_steps(machine, change, removal, options, number)
        files = cib.files_after_stop(change.old, removal.old)
        push = _push_steps(
            machine, removal, without_timer, number + 1, files=files, stopped_by=number
        )
        return [*remaining, save, *stop, *push]
    # An earlier apply may have stopped what this one removes, and then have been interrupted.
    stopped_by = interruption.stop_of(unfinished, change.changes.removed)
    push = _push_steps(
        machine, change, options, number, files=cib.PUSH_FILES, stopped_by=stopped_by
    )
    return [*remaining, save, *push]


def _remaining_steps(
    checkpoints: Checkpoints, unfinished: Checkpoint, live: etree._Element
) -> list[Step]:
    """Return the steps after the push of a command that was interrupted.

    Args:
        checkpoints: The checkpoints of this machine.
        unfinished: The checkpoint of that push.
        live: The live CIB.
    """
    before, after = checkpoints.cibs(unfinished)
    fencing = live.iterfind("configuration/resources/primitive[@class='stonith']")
    devices = {device.get("id", "") for device in fencing}
    changed = tuple(name for name in unfinished.changes.changed if name in devices)
    return [
        *clean_up_steps(changed),
        *forget_steps(before, after),
        SeeThrough(unfinished.number),
    ]


def _once_stopped(change: Change) -> Change:
    """Return the rest of a change, after the resources that it removes have stopped.

    Its `state` remains that from before the stop, because verification compares with it.
    """
    old = stopping.stopped(change.old, change.stops)
    return replace(change, old=old, changes=changed_ids(old, change.new), stops=())


def _stop_steps(
    machine: Machine, change: Change, removal: Change, options: Options, number: int
) -> list[Step]:
    """Return the steps that stop the resources that a change removes."""
    checkpoint = replace(
        _checkpoint(machine, change, options, number),
        changes=changed_ids(change.old, removal.old),
        stops=change.stops,
        note=stopping.note(change.stops),
    )
    title = f"pushing the stop of {', '.join(change.stops)}, to be removed afterwards"
    return [
        KeepCheckpoint(checkpoint, change.old, removal.old, options.confirm),
        *([StartTimer(machine, number, options.confirm)] if options.confirm else []),
        Push(
            number,
            change.old,
            removal.old,
            f"{title} (checkpoint {number})",
            cib.STOP_FILES,
            start_again=True,
        ),
        WaitUntilStopped(removal.old, change.stops, required=True),
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
    """Return the steps that push a change, and those that follow its push."""
    checkpoint = replace(_checkpoint(machine, change, options, number), stopped_by=stopped_by)
    scope = verification.scope_of(change.changes, change.old, change.new)
    title = f"pushing the changes (checkpoint {number})"
    return [
        KeepCheckpoint(checkpoint, change.old, change.new, options.confirm),
        *([StartTimer(machine, number, options.confirm)] if options.confirm else []),
        Push(number, change.old, change.new, title, files),
        *clean_up_steps(change.changed_fencing),
        WaitUntilIdle(
            change.timeout,
            scope if options.rollback else None,
            patience=readiness.patience(change.readiness),
        ),
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
        node=machine.host,
        cluster_id=cluster_id(machine.corosync_conf),
        description=change.description,
    )


def apply(machine: Machine, description: Description, options: Options | None = None) -> Applied:
    """Change the running cluster to match the description, and wait until it has settled.

    Args:
        machine: This machine.
        description: The description of the cluster.
        options: The options of the apply.

    Raises:
        NotApplicable: This partition has no quorum, or something that a service shall have is
            taken; nothing was pushed.
        HeldUp: Something else holds the cluster up; nothing was pushed.
        Interrupted: Somebody has interrupted it; the message says what was changed.
        ClusterError: An earlier change waits to be confirmed; nothing was pushed.
        ChangedMeanwhile: Somebody has changed the same objects; nothing was pushed.
        PushUncertain: The cluster did not answer; the next command finds out what happened.
        InvalidCib: Pacemaker's schema rejects the result; nothing was pushed.
        ProgramError: A program is missing, fails or hangs.
        TakeoverError: As `prepare`.
    """
    machine.require_root()
    options = options or Options()
    with lock.held(machine, "takeover apply"):
        if not options.even_so:
            readiness.refuse_at_once(machine, description, adopt=options.adopt)
        change = prepared(machine, description, options)
        if any(passing.left_in(change.old)):
            passing.take_out(machine, change.old)
            change = prepared(machine, description, options)
        tell(machine, change.condition)
        if options.over_others:
            tell(machine, change.outdated)
        else:
            preconditions.require(machine, change.outdated)
        planned = steps(machine, change, options)
        for sentence in interruption.resolve_interrupted(machine, change.old):
            machine.console.warning(sentence)
        if change.changes:
            readiness.require(machine, change.readiness, even_so=options.even_so)
            checkpoints = Checkpoints.of(machine, change.old)
            confirmation.check_none_waits(machine, checkpoints, over_others=options.over_others)
            if change.stops:
                # Check the whole change before something is stopped for it.
                cib.check(machine, change.new)
        else:
            machine.console.step("nothing to change")
        number = Checkpoints(machine.state).next_number()
        run = execute(planned, _new_run(machine, change, number))
        if not change.changes:
            return _applied(change, read_explained_state(machine))
        with telling_if_interrupted(f"checkpoint {number} is in the cluster. {run.go_on}"):
            return _result(machine, change, options, planned, run)


def _new_run(machine: Machine, change: Change, number: int) -> Run:
    return Run(
        machine,
        before=change.state,
        state=change.state,
        take_back=lambda checkpoint, reason: rolling_back.start_again(machine, checkpoint, reason),
        go_on="`takeover status` shows what has become of it; to take it back: takeover rollback "
        f"{number}",
    )


def _result(
    machine: Machine, change: Change, options: Options, planned: Sequence[Step], run: Run
) -> Applied:
    """Return the result of a change after its steps, and take it back if it did harm."""
    numbers = [step.checkpoint.number for step in planned if isinstance(step, KeepCheckpoint)]
    kept = [each for each in run.checkpoints.all() if each.number in numbers]
    with told_if_not_written(machine):
        kept = [run.checkpoints.keep(each, seen_through=True) for each in kept]
    newest, oldest = kept[0], kept[-1]
    state = run.known_state()
    if newest.number == numbers[-1]:
        applied = _applied(change, state, oldest, run.harm)
    else:
        # Only the stop was pushed: the resources to remove did not stop.
        stop = replace(change, changes=newest.changes, services=())
        applied = _applied(stop, state, oldest, run.harm)
    if not run.harm:
        return applied
    if options.rollback and not (options.even_so and obstacles(state)):
        if not run.given_up:
            # Else the reason was told when the wait was given up for it.
            for sentence in applied.harm:
                machine.console.detail(sentence)
        rolled_back = _roll_back(machine, newest, applied, _failed_resources(change, state))
        return _with_later_harm(machine, change, rolled_back)
    interruption.finish(run.checkpoints, newest, note="; ".join(run.harm))
    return applied


def _with_later_harm(machine: Machine, change: Change, applied: Applied) -> Applied:
    """Return the result with the harm to others that only the time after the verification shows.

    A change is taken back as soon as one of its services fails. What it does to others may begin
    just then, and end with the rollback.
    """
    try:
        now = read_state(machine)
    except TakeoverError:
        return applied
    scope = verification.scope_of(change.changes, change.old, change.new)
    known = {sentence.partition(":")[0] for sentence in applied.harm}
    later = verification.Verdict(
        tuple(
            each
            for each in verification.hurt_others(change.state, now, scope)
            if str(each.path[0]) not in known
        )
    ).sentences()
    for sentence in later:
        machine.console.detail(sentence)
    return replace(applied, harm=(*applied.harm, *later))


def _failed_resources(change: Change, state: ClusterState) -> list[str]:
    """Return the IDs of the resources that have failed since a change was prepared."""
    return sorted({each.resource for each in verification.new_failures(change.state, state)})


def _roll_back(
    machine: Machine, checkpoint: Checkpoint, applied: Applied, failed: list[str]
) -> Applied:
    checkpoints = Checkpoints(machine.state)
    checkpoint = checkpoints.keep(checkpoint, note="; ".join(applied.harm))
    try:
        rolled_back = rolling_back.take_back(
            machine, checkpoint, failed, reason=f"checkpoint {checkpoint.number} did harm"
        )
    except Interrupted:
        raise
    except TakeoverError as error:
        if checkpoints.get(checkpoint.number).state == "rolled back":
            failure = f"the configuration was rolled back, but a later step failed: {error}"
            return replace(applied, rollback_failure=failure, confirm_by=None)
        interruption.finish(checkpoints, checkpoint)
        failure = f"the change was not rolled back: {error}\nto try again: takeover rollback "
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
        tuple(present.get(name) or _not_shown(name) for name in change.services),
        diagnosis.stopped_fencing(state),
        checkpoint=checkpoint.number if checkpoint else None,
        harm=tuple(harm),
        confirm_by=checkpoint.confirm_by if checkpoint else None,
        findings=(*change.condition, *change.outdated),
    )


def _not_shown(name: str) -> diagnosis.Service:
    return diagnosis.Service(name, "stopped", (), "Pacemaker does not show it", ())
