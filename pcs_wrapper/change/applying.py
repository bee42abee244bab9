"""`takeover apply`: make the running cluster what the description says."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from lxml import etree

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.errors import TakeoverError
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from pcs_wrapper.change import leftovers, preconditions, rolling_back, stopping, verification
from pcs_wrapper.change.history import confirmation, interruption
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.change.saved_plan import SavedPlan
from pcs_wrapper.errors import PushUncertain
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.explanation import explain, read_explained_state
from pcs_wrapper.machine import lock
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_cluster_config
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state


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


@dataclass(frozen=True)
class Change:
    """What an apply is going to do.

    Attributes:
        state: How the cluster is.
        config: What Corosync's configuration says.
        old: The live CIB.
        new: What it shall be.
        changes: The difference.
        changed_fencing: IDs of the fencing devices that were there before, and other than they
            shall be.
        cluster: The cluster's name.
        services: IDs of the services that shall run.
        stops: IDs of what it removes, and is stopped before.
    """

    state: ClusterState
    config: ClusterConfig
    old: etree._Element
    new: etree._Element
    changes: ChangedIds
    changed_fencing: tuple[str, ...]
    cluster: str
    services: tuple[str, ...]
    stops: tuple[str, ...]

    @property
    def timeout(self) -> int:
        """Return for how long the cluster may be busy with it, in seconds."""
        return settling.timeout_of(self.old, self.new)

    def once_stopped(self) -> Change:
        """Return the plan for what is left to do when that has stopped.

        It is judged by the same state, from before all of it.
        """
        old = stopping.stopped(self.old, self.stops)
        return replace(self, old=old, changes=changed_ids(old, self.new), stops=())


def plan(
    machine: Machine,
    description: Description,
    *,
    adopt: bool = False,
    saved: SavedPlan | None = None,
) -> Change:
    """Find out what there is to do; nothing is changed.

    Args:
        machine: This machine.
        description: What the cluster shall be.
        adopt: Whether resources with its IDs that others made are taken over.
        saved: The plan that was made before; what there is to do must still be the same.

    Raises:
        NotRoot: This is not root.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
        ClusterUnreachable: No cluster runs here.
        NotApplicable: The cluster has another name or other nodes, an agent is not installed
            here, or a disk would pass from one resource to another: all that is found of these.
        ClusterError: It is not the saved plan.
        OwnershipError: Something that is not Takeover's is in the way.
    """
    machine.require_root()
    machine.runner.require("pcs", "cibadmin", "crm_diff", "crm_mon", "crm_resource")
    state = read_state(machine)
    config = read_cluster_config(machine.runner)
    found = [
        *preconditions.check_cluster(description, state, config),
        *preconditions.check_fence_agents(machine, description),
    ]
    old = cib.read_cib(machine)
    try:
        new = merge(old, description, adopt=adopt)
        if saved:
            saved.check(old, new)
    except TakeoverError:
        # That it is another cluster says more than what of it is in the way.
        preconditions.require(machine, found)
        raise
    found += preconditions.check_agents(machine, new)
    found += preconditions.check_exclusive(old, new)
    preconditions.require(machine, found)
    differences = changed_ids(old, new)
    devices = {device.resource_id(name) for name, device in description.fencing.items()}
    return Change(
        state=state,
        config=config,
        old=old,
        new=new,
        changes=differences,
        changed_fencing=tuple(name for name in differences.changed if name in devices),
        cluster=description.cluster.name,
        services=tuple(description.services),
        stops=stopping.first(old, new, state),
    )


def commands(machine: Machine, planned: Change, options: Options) -> list[str]:
    """Return the commands of an apply, as somebody would type them.

    Args:
        machine: This machine.
        planned: What it is going to do.
        options: How.
    """
    if not planned.changes:
        return []
    checkpoints = Checkpoints(machine.state).all()
    number = checkpoints[0].number + 1 if checkpoints else 1
    timer = (
        [shlex.join(confirmation.timer_command(machine, number, options.confirm))]
        if options.confirm
        else []
    )
    old, stop = stopping.commands(planned.old, planned.stops, Path("old.xml"))
    return [
        "pcs cluster cib old.xml",
        *timer,
        *stop,
        *cib.push_lines(old, Path("new.xml"), Path("patch.xml")),
        *(shlex.join(cib.cleanup_command(device, "stonith")) for device in planned.changed_fencing),
        shlex.join(cib.wait_command(planned.timeout)),
    ]


def apply(machine: Machine, description: Description, options: Options | None = None) -> Applied:
    """Make the running cluster what the description says, and wait until it is.

    Raises:
        TakeoverError: As `plan`, and as `carry_out`.
    """
    machine.require_root()
    with lock.held(machine, "takeover apply"):
        options = options or Options()
        planned = plan(machine, description, adopt=options.adopt, saved=options.saved)
        return carry_out(machine, planned, options)


def carry_out(machine: Machine, planned: Change, options: Options) -> Applied:
    """Push a change, wait, look at what became of it, and take it back if it did harm.

    What it removes is stopped by a push of its own, which is taken back with the other one. The
    lock must be held.

    Args:
        machine: This machine.
        planned: The change.
        options: How it shall be made.

    Raises:
        ClusterError: This partition has no quorum (NotApplicable), or an earlier change waits to
            be confirmed; nothing was pushed.
        ChangedMeanwhile: Somebody has changed the same objects; nothing was pushed.
        PushUncertain: The cluster did not answer; the next command compares.
        InvalidCib: The schema rejects the result; nothing was pushed.
        ProgramError: A program is missing, fails or hangs; it says what that means.
    """
    for sentence in interruption.resolve_interrupted(machine, planned.old):
        machine.console.warning(sentence)
    if not planned.changes:
        machine.console.step("nothing to change")
        state = read_explained_state(machine)
        return _applied(planned, state)
    preconditions.require(machine, preconditions.check_quorum(planned.state))
    checkpoints = Checkpoints(machine.state)
    confirmation.check_none_waits(checkpoints)
    if not planned.stops:
        return _make(machine, planned, options, planned.state)
    # Nothing is stopped for a change that would then be refused.
    cib.check(machine, planned.new)
    rest = planned.once_stopped()
    to_stop = changed_ids(planned.old, rest.old)
    stop = replace(planned, new=rest.old, changes=to_stop, changed_fencing=(), services=())
    stopped_by = _begin(machine, checkpoints, stop, options)
    stopped_by = _push(machine, checkpoints, stopped_by, stop, options)
    state = stopping.wait(machine, rest.old, planned.stops, planned.state)
    still = stopping.still_running(state, planned.stops)
    if still:
        harm = (*(f"{name}: does not stop" for name in still), "so nothing was removed")
        applied = _applied(stop, explain(machine, state), stopped_by, harm)
        return _conclude(machine, stopped_by, applied, _failed(stop, state), options)
    applied = _make(machine, rest, replace(options, confirm=None), state, stopped_by)
    # The first checkpoint's timer and rollback are for both.
    confirm_by = checkpoints.get(stopped_by.number).confirm_by
    return replace(
        applied, changes=planned.changes, checkpoint=stopped_by.number, confirm_by=confirm_by
    )


def _make(
    machine: Machine,
    planned: Change,
    options: Options,
    state: ClusterState,
    stopped_by: Checkpoint | None = None,
) -> Applied:
    """Push a change, and see it through.

    Args:
        machine: This machine.
        planned: The change.
        options: How it shall be made.
        state: How the cluster is now.
        stopped_by: The checkpoint that stopped what it removes, if something had to stop.
    """
    checkpoints = Checkpoints(machine.state)
    checkpoint = _begin(machine, checkpoints, planned, options, stopped_by)
    checkpoint = _push(machine, checkpoints, checkpoint, planned, options)
    scope = verification.scope_of(planned.changes, planned.old, planned.new)
    machine.console.step(f"waiting up to {planned.timeout} s for the cluster to settle")
    settled = settling.wait_until_idle(
        machine,
        state,
        planned.timeout,
        lambda now: (
            verification.first_failure(planned.state, now, scope) if options.rollback else ""
        ),
    )
    leftovers.forget(machine, planned.old, planned.new)
    state = explain(machine, settled.state)
    verdict = verification.verify(planned.state, state, scope, planned.services)
    applied = _applied(planned, state, checkpoint, _harm(verdict, settled, planned))
    return _conclude(machine, checkpoint, applied, _failed(planned, state), options)


def _failed(planned: Change, state: ClusterState) -> list[str]:
    """Return the IDs of what has failed since a change was planned."""
    return sorted({each.resource for each in verification.new_failures(planned.state, state)})


def _conclude(
    machine: Machine,
    checkpoint: Checkpoint,
    applied: Applied,
    failed: list[str],
    options: Options,
) -> Applied:
    """Take a change back if it did harm, or else write down that it is in the cluster."""
    if applied.harm and options.rollback:
        return _roll_back(machine, checkpoint, applied, failed)
    note = "; ".join(applied.harm)
    interruption.finish(Checkpoints(machine.state), checkpoint, note=note)
    return applied


def _begin(
    machine: Machine,
    checkpoints: Checkpoints,
    planned: Change,
    options: Options,
    stopped_by: Checkpoint | None = None,
) -> Checkpoint:
    now = machine.now()
    by = (now + options.confirm).isoformat(timespec="seconds") if options.confirm else None
    begun = checkpoints.begin(
        lambda number: Checkpoint(
            number=number,
            at=now.isoformat(timespec="seconds"),
            user=machine.user,
            command="apply",
            message=options.message,
            cluster=planned.cluster,
            changes=planned.changes,
            confirm_by=by,
            stopped_by=stopped_by.number if stopped_by else None,
            note=stopping.note(planned.stops),
        ),
        planned.old,
        planned.new,
    )
    if stopped_by:
        # Not before: else nobody would be told of a stop after which apply was interrupted.
        interruption.finish(checkpoints, stopped_by)
    return begun


def _push(
    machine: Machine,
    checkpoints: Checkpoints,
    checkpoint: Checkpoint,
    planned: Change,
    options: Options,
) -> Checkpoint:
    """Push the change; whatever is not pushed has no timer either."""
    try:
        if options.confirm:
            confirmation.start_timer(machine, checkpoint.number, options.confirm)
        stop = f"stop of {', '.join(planned.stops)}, which is then removed"
        what = stop if planned.stops else "changes"
        machine.console.step(f"pushing the {what} (checkpoint {checkpoint.number})")
        pushed = cib.push(machine, planned.old, planned.new)
    except PushUncertain:
        # The checkpoint stays `pushing`: the next command compares.
        raise
    except TakeoverError as error:
        checkpoints.keep(checkpoint, state="failed", confirm_by=None, note=str(error))
        if options.confirm:
            confirmation.stop_timer(machine, checkpoint.number)
        if checkpoint.stopped_by is not None:
            rolling_back.start_again(machine, checkpoint.stopped_by, checkpoint.number)
        raise
    for device in planned.changed_fencing:
        cib.cleanup(machine, device, "stonith")
    return checkpoints.keep(checkpoint, epoch_before=pushed.before, epoch_after=pushed.after)


def _harm(
    verdict: verification.Verdict, settled: settling.Settled, planned: Change
) -> tuple[str, ...]:
    sentences = verdict.sentences()
    if settled.stopped and not sentences:
        sentences.append(settled.stopped)
    if not settled.done and not settled.stopped:
        sentences.append(f"the cluster was still busy after {planned.timeout} s")
    return tuple(sentences)


def _roll_back(
    machine: Machine, checkpoint: Checkpoint, applied: Applied, failed: list[str]
) -> Applied:
    for sentence in applied.harm:
        machine.console.detail(sentence)
    checkpoints = Checkpoints(machine.state)
    checkpoint = checkpoints.keep(checkpoint, note="; ".join(applied.harm))
    try:
        rolled_back = rolling_back.by_itself(
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
    planned: Change,
    state: ClusterState,
    checkpoint: Checkpoint | None = None,
    harm: tuple[str, ...] = (),
) -> Applied:
    present = {service.id: service for service in diagnosis.services(state)}
    return Applied(
        planned.changes,
        tuple(present.get(name) or _unknown(name) for name in planned.services),
        diagnosis.stopped_fencing(state),
        checkpoint=checkpoint.number if checkpoint else None,
        harm=harm,
        confirm_by=checkpoint.confirm_by if checkpoint else None,
    )


def _unknown(name: str) -> diagnosis.Service:
    return diagnosis.Service(name, "stopped", (), "Pacemaker does not show it", ())
