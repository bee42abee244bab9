"""`takeover node pause` and `resume`: a node runs nothing, or takes nothing new, and again all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from cib_templates.comparing.changes import ChangedIds, changed_ids
from cib_templates.findings import error
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.history import confirmation
from pcs_wrapper.change.history.checkpoints import (
    Checkpoint,
    Checkpoints,
    cluster_id,
    told_if_not_written,
)
from pcs_wrapper.change.judging import readiness
from pcs_wrapper.change.outages import outage
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.push import Finish, KeepCheckpoint, Push, SaveConfiguration
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain, WaitUntilIdle
from pcs_wrapper.change.verification import new_failures
from pcs_wrapper.errors import NotApplicable, UsageError
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.condition import properties_of
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes.effects import Effect, effects, fenced
from pcs_wrapper.nodes.verification import VerifyDrained, VerifyUsable, runs_on
from pcs_wrapper.pacemaker import cib, pauses, settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FencingEvent, Node, read_state, time_of
from pcs_wrapper.pacemaker.pauses import Pause, pause_of
from pcs_wrapper.pacemaker.simulation import Action, simulate

NOWHERE_TO_RUN = error("nowhere-to-run", "A service would stop, because no node may run it then.")
WOULD_BE_FENCED = error(
    "would-be-fenced", "A node would be fenced because of what is to be changed."
)

_TIMEOUT = 30.0
# By how much the nodes' clocks may differ, in seconds.
_CLOCKS = 5.0
# Within how many seconds two nodes say that the same fencing has ended.
_SAME = 1.0


@dataclass(frozen=True)
class Options:
    """How a node is paused or resumed.

    Attributes:
        message: The reason, for the history.
        wait: For how long to wait, in seconds; None for as long as its actions may take.
        even_so: Whether it is done although a service would have nowhere to run, or something
            holds the cluster up.
        over_others: Whether it is done while a change of others waits to be confirmed.
        command: The command that it is the end of, for the history; empty if it is none.
        note: A remark for the history; may be empty.
    """

    message: str = ""
    wait: int | None = None
    even_so: bool = False
    over_others: bool = False
    command: str = ""
    note: str = ""


@dataclass(frozen=True)
class Planned:
    """A pause of a node, or its end, before it is made.

    Attributes:
        command: The command, `node pause` or `node resume`.
        node: The node.
        before: The pause that the node has now; None if it has none.
        pause: The pause that it shall have; None if it is resumed.
        state: The state of the cluster.
        live: The live CIB.
        new: The CIB afterwards.
        changes: The IDs of the objects that differ.
        has_transient: Whether it is in standby until its cluster is restarted, beside that.
        kept: The IDs of the services that stay on the node.
        effects: What happens to services.
        fenced: The nodes that would be fenced.
        readiness: Whether the cluster can carry it out.
    """

    command: str
    node: Node
    before: Pause | None
    pause: Pause | None
    state: ClusterState
    live: etree._Element
    new: etree._Element
    changes: ChangedIds
    has_transient: bool
    kept: tuple[str, ...]
    effects: tuple[Effect, ...]
    fenced: tuple[str, ...]
    readiness: readiness.Readiness

    @property
    def is_anything(self) -> bool:
        """Whether there is anything to change."""
        return bool(self.changes) or (self.pause is None and self.has_transient)


@dataclass(frozen=True)
class Outcome:
    """What happened to a service.

    Attributes:
        service: The service afterwards.
        outage: For how long it was not served, in a clause; empty if it was.
    """

    service: diagnosis.Service
    outage: str


@dataclass(frozen=True)
class Done:
    """The result of a pause or of its end.

    Attributes:
        planned: What was planned.
        node: The node afterwards.
        checkpoint: The number of its checkpoint; None if the configuration was as it should be.
        outcomes: What happened to the services that it was to have an effect on.
        running: The IDs of the services on the node afterwards.
        harm: What is not as it should be, a sentence for each.
    """

    planned: Planned
    node: Node
    checkpoint: int | None
    outcomes: tuple[Outcome, ...]
    running: tuple[str, ...]
    harm: tuple[str, ...]


def prepare_pause(
    machine: Machine, name: str, *, keep: bool, until: datetime | None, patient: bool = True
) -> Planned:
    """Find out what a pause of a node changes; nothing is changed.

    Args:
        machine: This machine.
        name: The node's name.
        keep: Whether it keeps what it runs.
        until: When the pause ends by itself; None if it does not.
        patient: Whether to wait a few moments for what passes by itself.

    Raises:
        UsageError: The cluster has no such node.
        ClusterUnreachable: No cluster runs here.
        ProgramError: A program is missing, fails or hangs.
    """
    seen = _look(machine, name, patient=patient)
    kept = tuple(runs_on(seen.state, name)) if keep else ()
    pause = Pause(keep, until)
    new = pauses.with_pause(seen.live, name, pause, kept=kept, is_remote=seen.node.remote)
    return _planned(machine, seen, new, pause, kept)


def prepare_resume(machine: Machine, name: str, *, patient: bool = True) -> Planned:
    """Find out what the end of a node's pause changes; nothing is changed.

    Args:
        machine: This machine.
        name: The node's name.
        patient: Whether to wait a few moments for what passes by itself.

    Raises:
        TakeoverError: As `prepare_pause`.
    """
    seen = _look(machine, name, patient=patient)
    return _planned(machine, seen, pauses.without_pause(seen.live, name), None)


@dataclass(frozen=True)
class _Seen:
    state: ClusterState
    node: Node
    live: etree._Element


def _look(machine: Machine, name: str, *, patient: bool) -> _Seen:
    machine.runner.require("pcs", "cibadmin", "crm_diff", "crm_mon", "crm_resource", "crm_simulate")
    state = readiness.let_pass(machine) if patient else read_state(machine)
    return _Seen(state, node_of(state, name), cib.read_cib(machine))


def node_of(state: ClusterState, name: str) -> Node:
    """Return a node by its name.

    Raises:
        UsageError: The cluster has no such node.
    """
    found = next((node for node in state.nodes if node.name == name), None)
    if found is None:
        names = ", ".join(node.name for node in state.nodes)
        raise UsageError(f"there is no node {name!r} in this cluster: its nodes are {names}")
    return found


def _planned(
    machine: Machine,
    seen: _Seen,
    new: etree._Element,
    pause: Pause | None,
    kept: tuple[str, ...] = (),
) -> Planned:
    state, node, live = seen.state, seen.node, seen.live
    has_transient = pauses.has_transient(live, node.name)
    changes = changed_ids(live, new)
    actions: tuple[Action, ...] = ()
    ready = readiness.readiness(machine, state, live, new)
    if changes or (pause is None and has_transient):
        cib.check(machine, new)
        after = pauses.without_transient(new, node.name) if pause is None else new
        actions = simulate(machine, live, after)
    return Planned(
        command="node resume" if pause is None else "node pause",
        node=node,
        before=pause_of(live, node.name, machine.now()),
        pause=pause,
        state=state,
        live=live,
        new=new,
        changes=changes,
        has_transient=has_transient,
        kept=kept,
        effects=effects(state, live, actions),
        fenced=fenced(actions),
        readiness=ready,
    )


def require(machine: Machine, planned: Planned, options: Options) -> None:
    """Refuse what would hurt, or what the cluster cannot carry out.

    Args:
        machine: This machine.
        planned: What is planned.
        options: Its options.

    Raises:
        NotApplicable: A service would have nowhere to run, a node would be fenced, or this
            partition decides nothing; nothing was changed.
        HeldUp: Something else holds the cluster up; nothing was changed.
        ClusterError: An earlier change waits to be confirmed; nothing was changed.
    """
    readiness.require(machine, planned.readiness, even_so=options.even_so)
    name = planned.node.name
    when = "no node may run it then"
    if planned.pause is not None:
        when = f"no other node may run it while {name} is paused"
    hurt = [
        NOWHERE_TO_RUN.at(
            (effect.service,),
            f"{effect.service} would stop: {when}",
            "Bring another node back first (takeover node list). Nothing was changed; to do it all "
            "the same: --even-so",
        )
        for effect in planned.effects
        if effect.kind == "stops"
    ]
    hurt += [
        WOULD_BE_FENCED.at(
            (node,),
            f"{node} would be fenced",
            "`takeover status` shows why. Nothing was changed; to do it all the same: --even-so",
        )
        for node in planned.fenced
    ]
    if hurt and not options.even_so:
        raise NotApplicable(hurt)
    if planned.changes:
        confirmation.check_none_waits(
            machine,
            Checkpoints.of(machine, planned.live),
            over_others=options.over_others,
        )


def steps(machine: Machine, planned: Planned, options: Options) -> list[Step]:
    """Return the steps of a pause, or of its end; nothing is changed.

    Args:
        machine: This machine.
        planned: What is planned.
        options: Its options.
    """
    name = planned.node.name
    timeout = options.wait or settling.timeout_of(planned.live, planned.new)
    verify = (
        VerifyUsable(name)
        if planned.pause is None
        else VerifyDrained(name, planned.kept, timeout, only_new=planned.pause.keeps)
    )
    waiting = WaitUntilIdle(timeout, patience=readiness.patience(planned.readiness))
    return [*changing(machine, planned, options), waiting, Explain(), verify]


def changing(machine: Machine, planned: Planned, options: Options) -> list[Step]:
    """Return those of the steps that change something; nothing is changed.

    Args:
        machine: This machine.
        planned: What is planned.
        options: Its options.
    """
    name = planned.node.name
    found: list[Step] = []
    if planned.changes:
        number = Checkpoints.of(machine, planned.live).next_number()
        found += [
            SaveConfiguration(str(cib.PUSH_FILES.old)),
            KeepCheckpoint(
                _checkpoint(machine, planned, options, number), planned.live, planned.new
            ),
            Push(number, planned.live, planned.new, f"{_title(planned)} (checkpoint {number})"),
            Finish(number),
        ]
    if planned.pause is None and planned.has_transient:
        found.append(
            RunProgram(
                f"ending the standby of {name} that would end with a restart of its cluster",
                (
                    *("crm_attribute", "--node", name, "--name", "standby"),
                    *("--lifetime", "reboot", "--delete"),
                ),
                _TIMEOUT,
            )
        )
    return found


def _title(planned: Planned) -> str:
    name, pause = planned.node.name, planned.pause
    if pause is None:
        return f"ending the pause of {name}"
    what = "keeping what it runs" if pause.keeps else "draining it"
    return f"pausing {name}, {what}"


def _checkpoint(machine: Machine, planned: Planned, options: Options, number: int) -> Checkpoint:
    return Checkpoint(
        number=number,
        at="",
        user=machine.user,
        command=options.command or planned.command,
        message=options.message,
        cluster=properties_of(planned.live).get("cluster-name", ""),
        changes=planned.changes,
        seen_through=False,
        node=machine.host,
        cluster_id=cluster_id(machine.corosync_conf),
        note="; ".join(filter(None, (_note(planned), options.note))),
    )


def _note(planned: Planned) -> str:
    pause = planned.pause
    if pause is None:
        return planned.node.name
    kept = "; keeps what it runs" if pause.keeps else ""
    until = "" if pause.until is None else f"; until {pause.until.isoformat(timespec='seconds')}"
    return f"{planned.node.name}{kept}{until}"


def make(machine: Machine, planned: Planned, options: Options) -> Done:
    """Run the steps of a pause or of its end, and return its result; the lock must be held.

    Args:
        machine: This machine.
        planned: What is planned.
        options: Its options.

    Raises:
        ChangedMeanwhile: Somebody has changed the same objects since it was prepared.
        Interrupted: Somebody has interrupted it; the message says what was changed.
        TakeoverError: A step has failed.
    """
    name = planned.node.name
    planned_steps = steps(machine, planned, options)
    back = f"to end the pause: takeover node resume {name}" if planned.pause else ""
    look = "`takeover node list` shows how far it has come"
    run = Run(
        machine,
        before=planned.state,
        state=planned.state,
        go_on=f"{look}; {back}" if back else look,
    )
    execute(planned_steps, run)
    numbers = [step.checkpoint.number for step in planned_steps if isinstance(step, KeepCheckpoint)]
    with told_if_not_written(machine):
        for number in numbers:
            run.checkpoints.keep(run.checkpoints.get(number), seen_through=True)
    state = run.known_state()
    outcomes = tuple(_outcomes(planned, state))
    stopped_before = {each.service for each in planned.effects if each.kind == "stops"}
    harm = list(run.harm)
    for outcome in outcomes:
        service = outcome.service
        if not service.is_running and not service.is_disabled and service.id not in stopped_before:
            harm.append(f"{service.id} is {service.state}: {service.why}")
    harm += fenced_meanwhile(planned.state, state)
    if run.given_up and not harm:
        harm.append(run.given_up)
    return Done(
        planned,
        node_of(state, name),
        numbers[-1] if numbers else None,
        outcomes,
        tuple(runs_on(state, name)),
        tuple(harm),
    )


def fenced_meanwhile(
    before: ClusterState, after: ClusterState, since: float = 0.0
) -> Iterator[str]:
    """Yield that a node was fenced meanwhile, as one is whose service does not stop.

    Args:
        before: The state of the cluster before.
        after: Its state now.
        since: When that began, in seconds since 1970: a node that has just joined knows nothing of
            what was fenced earlier, and learns it from the others a moment later.
    """
    for event in after.fencing_history:
        if event.status != "success" or event.action == "on":
            continue
        ended = time_of(event.at)
        is_old = ended is not None and ended < since - _CLOCKS
        if not (is_old or any(_is_same(event, each) for each in before.fencing_history)):
            at = f" at {event.at}" if event.at else ""
            failed = [each for each in new_failures(before, after) if each.node == event.target]
            because = "; ".join(diagnosis.describe(failed))
            yield f"{event.target} was fenced{at}{f': {because}' if because else ''}"


def _is_same(one: FencingEvent, other: FencingEvent) -> bool:
    """Tell whether two nodes, or one before and after it was restarted, tell of the same event."""
    if (one.target, one.action, one.status) != (other.target, other.action, other.status):
        return False
    times = time_of(one.at), time_of(other.at)
    if times[0] is None or times[1] is None:
        return one.at == other.at
    return abs(times[0] - times[1]) < _SAME


def _outcomes(planned: Planned, state: ClusterState) -> list[Outcome]:
    concerned = {each.service: each for each in planned.effects}
    return [
        Outcome(service, _served(concerned[service.id], service, planned.state, state))
        for service in diagnosis.services(state)
        if service.id in concerned
    ]


def _served(
    effect: Effect, service: diagnosis.Service, before: ClusterState, after: ClusterState
) -> str:
    """Return for how long a service was not served; a copy that ends elsewhere is no outage."""
    if effect.goes_on or effect.kind == "starts":
        return ""
    return outage(service, before, after)
