"""`takeover cluster stop`: stop the cluster on all nodes, or on some of them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from lxml import etree

from cib_templates.findings import Finding
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.outages import outage
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain
from pcs_wrapper.errors import CommandFailed, NotApplicable
from pcs_wrapper.health import diagnosis
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import wait_until
from pcs_wrapper.nodes.effects import Effect
from pcs_wrapper.nodes.pausing import Outcome, fenced_meanwhile
from pcs_wrapper.nodes.running import pcsd
from pcs_wrapper.nodes.running.leaving import Leaving, leaving
from pcs_wrapper.nodes.running.starting import WaitUntilSettled, members_of, state_of
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.corosync import ClusterConfig
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.pacemaker.votes import read_votes

# How long services may take to stop if the cluster does not run here to tell it, in seconds.
_UNKNOWN = 1800
# The time by which the process's limit exceeds that of the services, in seconds.
_GRACE = 300.0
# In which a node has left when pcs says that its cluster is stopped, in seconds.
_LEAVING = 60.0
_POLL = 0.5
_ASKING = 120.0
_SBD_RUNS = re.compile(r"^(\S+): +\S+ \| +\S+ \| +(YES|NO)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Stop:
    """A stop of the cluster on nodes, before it is made.

    Attributes:
        config: The configuration of the cluster.
        nodes: The nodes on which it is stopped.
        every: Whether these are all nodes of the cluster.
        strangers: Those to which this node has to be authenticated first.
        silent: Those that are no members, as far as is known, and on which pcsd does not answer:
            they are left as they are.
        is_seen: Whether the cluster on this machine goes on, so that it sees what becomes of it.
        leaving: What happens to services; None if no cluster runs on this machine.
        timeout: How long the services may take to stop, in seconds.
        state: The state of the cluster; None if none runs on this machine.
    """

    config: ClusterConfig
    nodes: tuple[str, ...]
    every: bool
    strangers: tuple[str, ...]
    silent: tuple[Finding, ...]
    is_seen: bool
    leaving: Leaving | None
    timeout: int
    state: ClusterState | None

    @property
    def loses_quorum(self) -> bool:
        """Whether those that stay then have no quorum."""
        return self.leaving is not None and self.leaving.quorum is not None

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What happens to services, as far as is known."""
        return () if self.leaving is None else self.leaving.effects


@dataclass(frozen=True)
class Stopped:
    """What became of a stop.

    Attributes:
        planned: What was to be done.
        outcomes: What happened to the services that it was to have an effect on, if the cluster
            goes on here.
        harm: What is not as it should be, a sentence each.
    """

    planned: Stop
    outcomes: tuple[Outcome, ...]
    harm: tuple[str, ...]


def prepare(machine: Machine, names: Sequence[str]) -> Stop:
    """Find out what a stop of the cluster on nodes does; nothing is changed.

    Args:
        machine: This machine.
        names: The names of the nodes; without any, all of them.

    Raises:
        UsageError: There is no such node.
        ClusterError: This machine belongs to no cluster.
        NotApplicable: pcsd does not answer on a member of the cluster.
        ProgramError: A program is missing, fails or hangs.
    """
    config = pcsd.read_config(machine)
    wanted = pcsd.chosen(config, names)
    state, live = _seen(machine)
    members = members_of(state)
    answers = pcsd.ask(machine, wanted)
    silent = {name: pcsd.silence(name) for name in answers.silent}
    if unreached := [finding for name, finding in silent.items() if name in members]:
        raise NotApplicable(unreached)
    nodes = tuple(name for name in wanted if name not in silent)
    if not nodes:
        raise NotApplicable(tuple(silent.values()))
    found, timeout = None, _UNKNOWN
    if state is not None and live is not None:
        state = replace(state, votes=read_votes(machine))
        timeout = settling.timeout_of(live)
        leave = [name for name in nodes if name in members]
        found = leaving(machine, state, live, leave) if leave else Leaving()
    return Stop(
        config,
        nodes,
        set(nodes) == set(config.nodes),
        answers.strangers,
        tuple(silent.values()),
        state is not None and machine.host not in nodes,
        found,
        timeout,
        state,
    )


def _seen(machine: Machine) -> tuple[ClusterState | None, etree._Element | None]:
    """Return the state of the cluster, and the live CIB; None if it does not run on this machine.

    It may stop here in this moment, as a command that was killed has begun it.
    """
    state = state_of(machine)
    if state is None:
        return None, None
    try:
        return state, cib.query(machine)
    except CommandFailed:
        return None, None


@dataclass(frozen=True)
class WaitUntilAway(Step):
    """Wait until nodes whose cluster was stopped are no members any more.

    Attributes:
        nodes: Their names.
    """

    nodes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {_LEAVING:g} s until {', '.join(self.nodes)} left the cluster"

    def run(self, run: Run) -> None:
        """Wait."""
        left = wait_until(
            run.machine, lambda: self._still_there(run), seconds=_LEAVING, pause=_POLL
        )
        if left:
            run.harm.append(f"{left} {_LEAVING:g} s after its cluster was stopped")

    def _still_there(self, run: Run) -> str:
        run.state = state_of(run.machine) or run.state
        there = [name for name in self.nodes if name in members_of(run.state)]
        return f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} still there" * bool(there)


@dataclass(frozen=True)
class VerifyStopped(Step):
    """Verify that nothing of the cluster runs on nodes any more: SBD would reset a node.

    Attributes:
        nodes: Their names.
        has_sbd: Whether SBD is installed here.
    """

    nodes: tuple[str, ...]
    has_sbd: bool
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"verifying that nothing of the cluster runs on {', '.join(self.nodes)}"

    def run(self, run: Run) -> None:
        """Verify it, and add what still runs to the harm."""
        machine = run.machine
        if machine.host in self.nodes and state_of(machine) is not None:
            run.harm.append(f"Pacemaker still runs on {machine.host}")
        if self.has_sbd:
            command = ("pcs", "stonith", "sbd", "status")
            said = machine.runner.run(*command, timeout=_ASKING, ok=range(256)).stdout
            runs = dict(_SBD_RUNS.findall(said))
            run.harm += [
                f"SBD still runs on {name}, and resets it when it misses the cluster; to stop it "
                "there: systemctl stop corosync sbd"
                if name in runs
                else f"it is not known whether SBD still runs on {name}: {shlex.join(command)}"
                for name in self.nodes
                if runs.get(name) != "NO"
            ]


def stop_on(
    nodes: Sequence[str], *, every: bool = False, timeout: int = _UNKNOWN, force: bool = False
) -> RunProgram:
    """Return the step that stops the cluster on nodes.

    Args:
        nodes: Their names.
        every: Whether these are all.
        timeout: How long their services may take to stop, in seconds.
        force: Whether it is done although the others then have no quorum.
    """
    names = ("--all",) if every else tuple(nodes)
    return RunProgram(
        f"stopping the cluster on {', '.join(nodes)}: up to {timeout} s",
        ("pcs", "cluster", "stop", *names, *(("--force",) if force else ())),
        timeout + _GRACE,
        "Look at `journalctl -u pacemaker` there; what was stopped is not started again by itself",
    )


def steps(machine: Machine, planned: Stop) -> list[Step]:
    """Return the steps of a stop; nothing is changed.

    Args:
        machine: This machine.
        planned: What is to be done.
    """
    found: list[Step] = [
        *pcsd.authentication(planned.config, planned.strangers),
        stop_on(
            planned.nodes,
            every=planned.every,
            timeout=planned.timeout,
            force=planned.loses_quorum,
        ),
    ]
    if planned.is_seen:
        found += [WaitUntilAway(planned.nodes), WaitUntilSettled(), Explain()]
    return [*found, VerifyStopped(planned.nodes, machine.runner.find("sbd") is not None)]


def make(machine: Machine, planned: Stop, password: Callable[[], str]) -> Stopped:
    """Run the steps of a stop, and return its result; the lock must be held.

    Args:
        machine: This machine.
        planned: What is to be done.
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
        go_on="The same command stops what still runs; takeover cluster start starts it again",
    )
    execute(steps(machine, planned), run)
    if not planned.is_seen or planned.state is None:
        return Stopped(planned, (), tuple(run.harm))
    state, before = run.known_state(), planned.state
    harm = [*run.harm, *fenced_meanwhile(before, state)]
    concerned = {each.service: each for each in planned.effects}
    outcomes = []
    for service in diagnosis.services(state):
        effect = concerned.get(service.id)
        if effect is None:
            continue
        served = effect.goes_on or effect.kind == "starts"
        outcomes.append(Outcome(service, "" if served else outage(service, before, state)))
        expected = effect.kind == "stops" or service.is_disabled or planned.loses_quorum
        if not service.is_running and not expected:
            harm.append(f"{service.id} is {service.state}: {service.why}")
    return Stopped(planned, tuple(outcomes), tuple(harm))
