"""`takeover cluster restart`: restart the cluster on one node after another.

A node's services leave first, and the next node's turn comes when the one before is back and all is
well. The services leave because the node is in standby for as long as its cluster runs: a node
attribute that a restart of the cluster takes away, whatever becomes of the command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from lxml import etree

from cib_templates.findings import Finding
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.history.checkpoints import cluster_id
from pcs_wrapper.change.history.rolling import Rolling, RollingRecord
from pcs_wrapper.change.looking.condition import condition_of
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError, NotApplicable, NotRestarted, UsageError
from pcs_wrapper.health import condition
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.health.obstacles import no_decision
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes.pausing import NOWHERE_TO_RUN, WOULD_BE_FENCED
from pcs_wrapper.nodes.running import pcsd
from pcs_wrapper.nodes.running.leaving import Leaving, leaving
from pcs_wrapper.nodes.running.starting import members_of
from pcs_wrapper.nodes.running.turn import (
    Begin,
    Drain,
    RequireWell,
    StartThere,
    StopThere,
    Turn,
    WaitUntilBack,
    WaitUntilDrained,
    WaitUntilWhole,
)
from pcs_wrapper.nodes.verification import runs_on
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.corosync import ClusterConfig
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.pacemaker.pauses import has_transient

# What an administrator has decided is no reason not to restart; what it means for a service is told
# of each service. Nor is it one that a node could not be fenced before.
_ALLOWED = frozenset(
    each.code
    for each in (
        *(condition.SERVICE_DISABLED, condition.FENCING_FAILED, condition.SERVICE_PINNED),
        *(condition.SERVICE_BANNED, condition.SERVICE_UNMANAGED),
    )
)


@dataclass(frozen=True)
class Restart:
    """A rolling restart, before it is made.

    Attributes:
        config: The configuration of the cluster.
        turns: The nodes in the order of their turns, and what becomes of each.
        skipped: The nodes that were asked for, and on which no cluster runs.
        leaving: For each node what happens to services if its turn came now; empty while a node
            is away that an interrupted restart has left so.
        strangers: The nodes to which this one has to be authenticated first.
        findings: What is in the way.
        interrupted: The restart that is continued; None if this is a new one.
        state: The state of the cluster.
        settling: The longest time that the cluster takes to settle, in seconds.
    """

    config: ClusterConfig
    turns: tuple[Turn, ...]
    skipped: tuple[str, ...]
    leaving: dict[str, Leaving]
    strangers: tuple[str, ...]
    findings: tuple[Finding, ...]
    interrupted: Rolling | None
    state: ClusterState
    settling: int


def prepare(machine: Machine, names: Sequence[str]) -> Restart:
    """Plan a rolling restart, and find out what would be in its way; nothing is changed.

    Args:
        machine: This machine.
        names: The names of the nodes, in the order of their turns; without any, all of them, or
            those that an interrupted restart has left.

    Raises:
        UsageError: There is no such node.
        ClusterError: This machine belongs to no cluster; or a restart was interrupted, and nodes
            were named.
        NotApplicable: This part of the cluster decides nothing.
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A program is missing, fails or hangs.
    """
    config = pcsd.read_config(machine)
    machine.runner.require("cibadmin", "crm_attribute", "crm_simulate")
    interrupted = interrupted_of(machine)
    if names and interrupted is not None:
        raise ClusterError(
            f"{interrupted.text}. To go on with it, name no node; to leave it: takeover cluster "
            "restart --forget"
        )
    wanted = pcsd.chosen(config, names)
    state = read_explained_state(machine)
    undecided = no_decision(state)
    if undecided is not None:
        raise NotApplicable([undecided.finding])
    live = cib.query(machine)
    members = members_of(state)
    turns = _turns(state, live, members, wanted, interrupted, in_order=bool(names))
    if not turns:
        raise ClusterError(
            f"no cluster runs on {', '.join(wanted)}, so there is nothing to restart; to start it: "
            f"takeover cluster start {' '.join(wanted)}"
        )
    answers = pcsd.ask(machine, [turn.node for turn in turns])
    current = "" if interrupted is None else interrupted.node
    # While a node is away, what the others would do is something else than when it is back.
    nodes = [] if current else [turn.node for turn in turns]
    found = {node: leaving(machine, state, live, (node,)) for node in nodes}
    return Restart(
        config,
        turns,
        tuple(name for name in wanted if name not in members and interrupted is None),
        found,
        answers.strangers,
        (
            *map(pcsd.silence, answers.silent),
            *pcsd.other_configurations(machine, answers.online),
            *(each for each in not_well(machine, state, live) if current not in each.path),
            *would_hurt(found),
        ),
        interrupted,
        state,
        settling.timeout_of(live),
    )


def interrupted_of(machine: Machine) -> Rolling | None:
    """Return the restart on this node that was interrupted; None if there is none.

    Args:
        machine: This machine.
    """
    return RollingRecord(machine.state).read(cluster_id(machine.corosync_conf))


def _turns(
    state: ClusterState,
    live: etree._Element,
    members: Sequence[str],
    wanted: Sequence[str],
    interrupted: Rolling | None,
    *,
    in_order: bool,
) -> tuple[Turn, ...]:
    if interrupted is not None:
        known = {node.name for node in state.nodes}
        left = [name for name in interrupted.left if name in known]
        return tuple(Turn(name, _begin(live, members, name, interrupted)) for name in left)
    chosen = [name for name in wanted if name in members]
    if not in_order:
        # What leaves a node then goes to one that was restarted already, and need not go again.
        chosen.sort(key=lambda name: (len(list(runs_on(state, name))), name == state.dc))
    return tuple(Turn(name, "drain") for name in chosen)


def _begin(live: etree._Element, members: Sequence[str], node: str, interrupted: Rolling) -> Begin:
    """Return with what an interrupted restart goes on."""
    if node != interrupted.node:
        return "drain"
    if node not in members:
        return "start"
    if not interrupted.stopping:
        return "drain"
    # Without the standby, the cluster there was stopped since, and started again. With it, it may
    # be leaving just now, as the program goes on that a killed command has begun.
    return "stop" if has_transient(live, node) else "wait"


def not_well(machine: Machine, state: ClusterState, live: etree._Element) -> tuple[Finding, ...]:
    """Return what is not well, so that no node may leave.

    Args:
        machine: This machine.
        state: The state of the cluster.
        live: The live CIB.
    """
    found = condition_of(machine, state, live).findings
    return tuple(each for each in found if each.code not in _ALLOWED)


def would_hurt(found: dict[str, Leaving]) -> list[Finding]:
    """Return what would hurt if the turns of nodes came.

    Args:
        found: For each node what happens to services then.
    """
    hurt = []
    for node, leaves in found.items():
        hurt += [
            NOWHERE_TO_RUN.at(
                (effect.service,),
                f"{effect.service} would stop until {node} is back: no other node may run it",
            )
            for effect in leaves.effects
            if effect.kind == "stops" and leaves.quorum is None
        ]
        hurt += [WOULD_BE_FENCED.at((name,), f"{name} would be fenced") for name in leaves.fenced]
        hurt += leaves.alone
        if leaves.quorum is not None:
            hurt.append(leaves.quorum)
    return list(dict.fromkeys(hurt))


def require(machine: Machine, planned: Restart, *, even_so: bool) -> None:
    """Refuse a restart if something is in its way, or warn of it.

    Args:
        machine: This machine.
        planned: The restart.
        even_so: Whether it is to be made all the same.

    Raises:
        NotRestarted: Something is in its way; nothing was changed.
    """
    impossible = [each for each in planned.findings if each.code == pcsd.PCSD_SILENT.code]
    if impossible or (planned.findings and not even_so):
        raise NotRestarted(planned.findings, can_be_forced=not impossible)
    for each in planned.findings:
        machine.console.warning(str(each))


def steps(machine: Machine, planned: Restart) -> list[Step]:
    """Return the steps of a restart; nothing is changed.

    Args:
        machine: This machine.
        planned: The restart.
    """
    known = frozenset((each.code, each.path) for each in planned.findings)
    rolling = planned.interrupted or Rolling(
        cluster_id(machine.corosync_conf),
        machine.user,
        machine.now().isoformat(timespec="seconds"),
        tuple(turn.node for turn in planned.turns),
    )

    def unknown(found: Iterable[Finding]) -> list[str]:
        return [str(each) for each in found if (each.code, each.path) not in known]

    def unwell(state: ClusterState) -> list[str]:
        return unknown(not_well(machine, state, cib.query(machine)))

    def in_the_way(state: ClusterState, node: str) -> list[str]:
        live = cib.query(machine)
        now = {node: leaving(machine, state, live, (node,))}
        return unknown((*not_well(machine, state, live), *would_hurt(now)))

    current = rolling.node
    made: list[Step] = [*pcsd.authentication(planned.config, planned.strangers)]
    for turn in planned.turns:
        leaves = planned.leaving.get(turn.node, Leaving())
        alone = tuple(str(each.path[0]) for each in leaves.alone)
        before = replace(rolling, done=(*rolling.done, *_before(planned.turns, turn)))
        if turn.begin == "drain":
            if turn.node != current:
                made.append(RequireWell(turn, in_the_way))
            made += [
                Drain(turn, before),
                WaitUntilDrained(turn, planned.settling, alone),
            ]
        if turn.begin in ("drain", "stop"):
            force = leaves.quorum is not None
            made.append(StopThere(turn, before, planned.settling, force=force))
        if turn.begin != "wait":
            made.append(StartThere(turn))
        made += [WaitUntilBack(turn), WaitUntilWhole(turn, before, planned.settling, unwell)]
    return made


def _before(turns: Sequence[Turn], turn: Turn) -> tuple[str, ...]:
    return tuple(each.node for each in turns[: turns.index(turn)])


def make(machine: Machine, planned: Restart, password: Callable[[], str]) -> list[Turn]:
    """Restart one node after another, and return what became of each, up to the first harm.

    The lock must be held.

    Args:
        machine: This machine.
        planned: The restart.
        password: A function that asks for the password of the user hacluster, which is called only
            if this node is not authenticated yet.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: A step has failed.
    """
    run = Run(
        machine,
        before=planned.state,
        state=planned.state,
        password=cache(password),
        go_on="`takeover cluster restart` says how far it has come, and goes on",
    )
    execute(steps(machine, planned), run)
    if not run.harm:
        RollingRecord(machine.state).forget()
    return [turn for turn in planned.turns if turn.begun is not None]


def forget(machine: Machine) -> Rolling:
    """Forget an interrupted restart; nothing is changed in the cluster. The lock must be held.

    Args:
        machine: This machine.

    Returns:
        How far it had come.

    Raises:
        UsageError: No restart was interrupted on this node.
    """
    found = interrupted_of(machine)
    if found is None:
        raise UsageError(
            "no rolling restart was interrupted on this node: there is nothing to forget"
        )
    RollingRecord(machine.state).forget()
    return found
