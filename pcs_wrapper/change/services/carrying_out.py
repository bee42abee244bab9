"""Carrying out a command about one service: its steps, and what became of the service."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.errors import TakeoverError
from cib_templates.findings import Finding, error
from pcs_wrapper.change import outages, verification
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.history import confirmation, interruption, shared
from pcs_wrapper.change.history.checkpoints import (
    Checkpoint,
    Checkpoints,
    cluster_id,
    told_if_not_written,
)
from pcs_wrapper.change.judging import readiness
from pcs_wrapper.change.services.passing import ends_by_itself
from pcs_wrapper.change.services.prepared import Prepared, Stage
from pcs_wrapper.change.steps.clean_up import CleanUp
from pcs_wrapper.change.steps.push import Finish, KeepCheckpoint, Push, SaveConfiguration
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain, WaitUntilIdle
from pcs_wrapper.errors import NotApplicable
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.lookout import Lookout
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Operation

NOT_AGREED = error("not-agreed", "A command would hurt others, and nobody has agreed to that.")


# For how long a service is given time to start when its restart was interrupted, in seconds.
_MOMENTS = 15
_NOTHING_LEFT = "nothing of it is left in the configuration"


@dataclass(frozen=True)
class Done:
    """What became of a command about one service.

    Attributes:
        prepared: What was to be done.
        service: The service afterwards.
        checkpoint: The number of its checkpoint; None if nothing was pushed.
        gap: The time in which the service was not served; None if it was served all the time.
        harm: What is not as it should be, a sentence for each service.
    """

    prepared: Prepared
    service: diagnosis.Service
    checkpoint: int | None = None
    gap: outages.Gap | None = None
    harm: tuple[str, ...] = ()


@dataclass(frozen=True)
class PushNext(Step):
    """Change the live configuration again, in the course of the same command.

    Attributes:
        stage: The change.
        files: The names of its files.
        ends: The number of the checkpoint of which nothing is left then; None if something is.
    """

    stage: Stage
    files: cib.PushFiles
    ends: int | None = None
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return self.stage.title

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that make and push the difference."""
        return cib.push_lines(self.files)

    def run(self, run: Run) -> None:
        """Push it, whatever others have changed since."""
        _push(run.machine, self.stage, self.files, self.ends)


@dataclass(frozen=True)
class WaitUntilPartsStop(Step):
    """Wait until the parts have stopped that are to be started again.

    Attributes:
        prepared: What is to be done.
        timeout: The longest time to wait, in seconds.
    """

    prepared: Prepared
    timeout: int
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {self.timeout} s for {self.prepared.subject.words} to stop"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that waits, for a user who types the commands of the steps."""
        return (shlex.join(cib.wait_command(self.timeout)),)

    def run(self, run: Run) -> None:
        """Wait."""
        waited = settling.wait_until_idle(
            run.machine,
            run.known_state(),
            self.timeout,
            give_up=lambda now: "" if self._running(now) else "they have stopped",
            look=Lookout(run.machine),
        )
        run.state = waited.state
        for part in self._running(waited.state):
            because = f": {waited.stopped}" if waited.cannot_act else ""
            run.harm.append(f"{part}: does not stop{because}")

    def _running(self, state: ClusterState) -> list[str]:
        subject = self.prepared.subject
        parts = subject.parts_in(subject.in_state(state))
        return [part.id for part in parts if part.role != "Stopped" or part.nodes]


@dataclass(frozen=True)
class VerifyService(Step):
    """Verify that the service is as it should be, and that no other was hurt.

    Attributes:
        prepared: What was to be done.
        scope: What the change is about.
    """

    prepared: Prepared
    scope: verification.Scope

    @property
    def summary(self) -> str:
        """The step in a clause."""
        wanted = {"running": "runs", "stopped": "has stopped", "as it was": "is as it was"}
        where = f" on {self.prepared.node}" if self.prepared.node else ""
        word = wanted[self.prepared.wanted]
        return f"verifying that {self.prepared.subject.words} {word}{where}"

    def run(self, run: Run) -> None:
        """Verify it, and add what is wrong to the harm."""
        now = run.known_state()
        harm = [*self._own(run.before or now, now)]
        agreed = {str(each.path[0]) for each in self.prepared.objections if each.path}
        hurt = verification.hurt_others(run.before or now, now, self.scope)
        harm += [f"{each.path[0]}: {each.message}" for each in hurt if each.path[0] not in agreed]
        if run.given_up and not harm and self.prepared.wanted != "as it was":
            harm.append(run.given_up)
        run.harm += harm

    def _own(self, before: ClusterState, now: ClusterState) -> Sequence[str]:
        prepared, name = self.prepared, self.prepared.subject.name
        service = prepared.subject.in_state(now)
        parts = prepared.subject.parts_in(service)
        failures = verification.new_failures(before, now)
        known = {part.id for part in service.parts}
        new = [each for each in failures if each.resource.partition(":")[0] in known]
        because = "; ".join(diagnosis.describe(new))
        if prepared.wanted == "stopped":
            running = [part.id for part in parts if part.nodes or part.role != "Stopped"]
            return [f"{each}: does not stop{f': {because}' if because else ''}" for each in running]
        if prepared.wanted == "as it was":
            return [f"{name}: {because}"] if because else []
        up = all(part.nodes and not part.failed for part in parts)
        if not (service.is_running if prepared.subject.is_whole else up):
            return [f"{name}: {service.state} — {because or service.why}"]
        if prepared.node and service.nodes != (prepared.node,):
            where = ", ".join(service.nodes)
            why = because or "it is not known why"
            return [f"{name}: runs on {where}, not on {prepared.node}: {why}"]
        return [f"{name}: runs on {', '.join(service.nodes)}, but {because}"] if because else []


def steps(machine: Machine, prepared: Prepared, message: str = "") -> list[Step]:
    """Return the steps of a command about one service; nothing is changed.

    Args:
        machine: This machine.
        prepared: What is to be done.
        message: The reason, for the history.
    """
    if prepared.nothing:
        return []
    live, name = prepared.live, prepared.subject.name
    changes = changed_ids(live, prepared.first)
    named = replace(changes, changed=tuple(dict.fromkeys((*changes.changed, name))))
    scope = verification.scope_of(named, live, prepared.first)
    timeout = settling.timeout_of(live)
    planned: list[Step] = []
    number = Checkpoints.of(machine, live).next_number()
    if prepared.stages:
        first, *later = prepared.stages
        files = _files(prepared)
        planned += [
            SaveConfiguration(str(files[0].old)),
            KeepCheckpoint(
                _checkpoint(machine, prepared, changes, message, number), live, prepared.first
            ),
            Push(number, live, prepared.first, f"{first.title} (checkpoint {number})", files[0]),
        ]
    else:
        later, files = [], []
    if prepared.cleans_up:
        planned.append(CleanUp(name, "resource"))
    wait = WaitUntilIdle(timeout, scope, patience=readiness.patience(prepared.readiness))
    stops = bool(prepared.stages) and prepared.stages[0].until_stopped
    planned.append(WaitUntilPartsStop(prepared, timeout) if stops else wait)
    for stage, names in zip(later, files[1:], strict=True):
        ends = number if prepared.passes and stage is later[-1] else None
        # A failure that is known already does not end this wait: what comes of it is waited for.
        planned += [PushNext(stage, names, ends), replace(wait, scope=None)]
    planned += [Explain(), VerifyService(prepared, scope)]
    note = _NOTHING_LEFT if prepared.passes else ""
    return [*planned, *([Finish(number, note)] if prepared.stages else [])]


def carry_out(
    machine: Machine,
    prepared: Prepared,
    message: str = "",
    *,
    even_so: bool = False,
    agreed: bool = False,
) -> Done:
    """Run the steps of a command about one service, and find out what became of it.

    The lock must be held. Whatever happens, nothing is left in the configuration that is there for
    a while only; if the command is killed, it ends by itself, and the next command takes it out.

    Args:
        machine: This machine.
        prepared: What is to be done.
        message: The reason, for the history.
        even_so: Whether it is done although something holds the cluster up.
        agreed: Whether it is done although others are affected.

    Raises:
        NotApplicable: The cluster decides nothing, or others would be affected; nothing was
            changed.
        HeldUp: Something else holds the cluster up; nothing was changed.
        ClusterError: An earlier change waits to be confirmed; nothing was changed.
        Interrupted: Somebody has interrupted it; the message says what was changed.
        TakeoverError: A step has failed.
    """
    if prepared.nothing:
        return Done(prepared, prepared.subject.service)
    # To leave a service alone hurts nobody, and what holds the cluster up is often the reason.
    lenient = even_so or prepared.wanted == "as it was"
    readiness.require(machine, prepared.readiness, even_so=lenient)
    if prepared.objections and not agreed:
        raise NotApplicable([*prepared.objections, _not_agreed()])
    checkpoints = Checkpoints.of(machine, prepared.live)
    if not prepared.passes and prepared.stages:
        confirmation.check_none_waits(machine, checkpoints, over_others=agreed, option="--yes")
    number = checkpoints.next_number()
    operations: dict[Operation, None] = {}
    run = Run(machine, before=prepared.state, state=prepared.state, go_on=_go_on(prepared, number))

    def note(_step: Step) -> None:
        # A start on the same node replaces the record of the stop before it.
        operations.update(dict.fromkeys(run.state.operations if run.state else ()))

    run.note = note
    try:
        execute(steps(machine, prepared, message), run)
    except (TakeoverError, KeyboardInterrupt):
        if prepared.passes:
            _put_away(machine, prepared, number, f"interrupted, or failed; {_NOTHING_LEFT}")
        raise
    if run.harm and prepared.stages:
        if prepared.passes:
            _put_away(machine, prepared, number, "; ".join(run.harm))
            run.state = _settled(run, settling.timeout_of(prepared.live))
        else:
            interruption.finish(run.checkpoints, run.checkpoints.get(number), "; ".join(run.harm))
    state = run.known_state()
    note(Explain())
    service = prepared.subject.in_state(state)
    every = replace(state, operations=tuple(operations))
    was_served = prepared.subject.service.is_running
    return Done(
        prepared,
        service,
        number if prepared.stages else None,
        outages.gap(service, prepared.state, every) if was_served else None,
        tuple(run.harm),
    )


def _not_agreed() -> Finding:
    return NOT_AGREED.at((), "nothing was changed", "To do it all the same: --yes")


def _go_on(prepared: Prepared, number: int) -> str:
    if prepared.passes:
        return (
            "nothing of it stays in the configuration; `takeover status` shows how the service is"
        )
    return (
        "`takeover status` shows what has become of it; to take it back: takeover rollback "
        f"{number}"
    )


def _put_away(machine: Machine, prepared: Prepared, number: int, note: str) -> None:
    """Take out what is in the configuration for a while, when a step has failed.

    What a restart has stopped is started first, while it is still held on its node.
    """
    checkpoints = Checkpoints(machine.state)
    _, *between, last = prepared.stages
    try:
        live = cib.query(machine)
        if changed_ids(live, last.edit(live)):
            for stage in between:
                _push(machine, stage, cib.PUSH_FILES, None)
                cib.wait_for_pacemaker(machine, _MOMENTS)
            _push(machine, last, cib.PUSH_FILES, number)
        kept = checkpoints.find(number)
        if kept is not None and kept.epoch_after is not None:
            with told_if_not_written(machine):
                interruption.finish(checkpoints, kept, note=note)
    except TakeoverError as error_:
        machine.console.warning(
            f"what was put into the configuration for a while could not be taken out: {error_}. It "
            "ends by itself; the next command that changes the cluster takes it out before"
        )


def _push(machine: Machine, stage: Stage, files: cib.PushFiles, ends: int | None) -> None:
    """Make a change of the live configuration, whatever others have changed since."""
    live = cib.query(machine)
    numbers = () if ends is None else (ends,)
    record = shared.become(numbers, "applied", _NOTHING_LEFT)
    cib.push(machine, live, stage.edit(live), files, record=record)


def _settled(run: Run, timeout: int) -> ClusterState:
    """Return the state of the cluster when nothing holds the service any more."""
    WaitUntilIdle(timeout).run(run)
    Explain().run(run)
    return run.known_state()


def _files(prepared: Prepared) -> list[cib.PushFiles]:
    """Return the names of the files of each push, which begins where the one before has ended."""
    count = len(prepared.stages)
    names = ["old.xml", *(f"new{at or ''}.xml" for at in range(count))]
    if prepared.passes:
        # In the end the configuration is as it was.
        names[-1] = names[0]
    return [
        cib.PushFiles(Path(names[at]), Path(names[at + 1]), Path(f"patch{at or ''}.xml"))
        for at in range(count)
    ]


def _checkpoint(
    machine: Machine, prepared: Prepared, changes: ChangedIds, message: str, number: int
) -> Checkpoint:
    names = prepared.live.xpath("string(//nvpair[@name='cluster-name']/@value)")
    return Checkpoint(
        number=number,
        at="",
        user=machine.user,
        command=prepared.command,
        message=f"{prepared.what}: {message}" if message else prepared.what,
        cluster=str(names),
        changes=changes,
        node=machine.host,
        cluster_id=cluster_id(machine.corosync_conf),
        note=ends_by_itself(prepared.ends) if prepared.ends else "",
    )
