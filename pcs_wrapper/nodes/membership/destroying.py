"""`takeover cluster destroy`: every node leaves for good, and nothing of the cluster is left."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from cib_templates.findings import Finding
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.history import aside
from pcs_wrapper.change.history.rolling import RollingRecord
from pcs_wrapper.change.history.upgrade import UpgradeRecord
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import CommandFailed, NotApplicable, NotDestroyed
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting
from pcs_wrapper.nodes.running import pcsd
from pcs_wrapper.nodes.running.leaving import Leaving, leaving
from pcs_wrapper.nodes.running.starting import members_of, state_of
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.corosync import ClusterConfig

# How long services may take to stop if the cluster does not run here to tell it, in seconds.
_UNKNOWN = 1800
# pcs talks to every node several times, and waits up to 60 s for each.
_GRACE = 600.0


@dataclass(frozen=True)
class Destruction:
    """A destruction of the cluster, before it is made.

    Attributes:
        config: The configuration of the cluster.
        nodes: The nodes on which it is destroyed.
        strangers: Those to which this node has to be authenticated first.
        silent: Those on which pcsd does not answer, so that their configuration stays.
        leaving: What happens to services; None if no cluster runs on this machine.
        timeout: How long the services may take to stop, in seconds.
    """

    config: ClusterConfig
    nodes: tuple[str, ...]
    strangers: tuple[str, ...]
    silent: tuple[Finding, ...]
    leaving: Leaving | None
    timeout: int


@dataclass
class Destroyed:
    """What became of a destruction.

    Attributes:
        planned: What was to be done.
        nodes: The nodes on which the cluster was destroyed.
        history: Where the changes that this node keeps were put; empty if it has kept none.
        harm: What is not as it should be, a sentence each.
    """

    planned: Destruction
    nodes: tuple[str, ...] = ()
    history: str = ""
    harm: list[str] = field(default_factory=list)


def prepare(machine: Machine) -> Destruction:
    """Find out what a destruction of the cluster does; nothing is changed.

    Args:
        machine: This machine.

    Raises:
        ClusterError: This machine belongs to no cluster.
        NotApplicable: pcsd answers on no node.
        ProgramError: A program is missing, fails or hangs.
    """
    config = pcsd.read_config(machine)
    answers = pcsd.ask(machine, tuple(config.nodes))
    silent = tuple(pcsd.silence(name) for name in answers.silent)
    nodes = tuple(name for name in config.nodes if name not in answers.silent)
    if not nodes:
        raise NotApplicable(silent)
    state, found, timeout = state_of(machine), None, _UNKNOWN
    if state is not None:
        live = cib.query(machine)
        timeout = settling.timeout_of(live)
        found = leaving(machine, state, live, members_of(state))
    return Destruction(config, nodes, answers.strangers, silent, found, timeout)


def require(planned: Destruction, *, even_so: bool) -> None:
    """Refuse a destruction that would leave the configuration on a node.

    Args:
        planned: The destruction.
        even_so: Whether it is to be made all the same.

    Raises:
        NotDestroyed: pcsd does not answer on a node; nothing was changed.
    """
    if planned.silent and not even_so:
        raise NotDestroyed(planned.silent)


@dataclass(frozen=True)
class Destroy(Step):
    """Stop the cluster on all nodes, and destroy its configuration there.

    Attributes:
        destroyed: What becomes of it.
    """

    destroyed: Destroyed
    changes = True
    announced = True

    _command = ("pcs", "cluster", "destroy", "--all")

    @property
    def summary(self) -> str:
        """The step in a clause."""
        planned = self.destroyed.planned
        names = ", ".join(planned.nodes)
        return (
            f"stopping the cluster {planned.config.name} and destroying its configuration on "
            f"{names}: services may take up to {planned.timeout} s to stop"
        )

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that does it."""
        return (shlex.join(self._command),)

    def run(self, run: Run) -> None:
        """Destroy it, and note on which nodes it is."""
        planned = self.destroyed.planned
        with shown_as_waiting(run.machine, "pcs destroys the cluster"):
            try:
                done = run.machine.runner.run(*self._command, timeout=planned.timeout + _GRACE)
                said = f"{done.stdout}\n{done.stderr}"
            except CommandFailed as error:
                said = error.output
                if "Successfully destroyed cluster" not in said:
                    raise
        self.destroyed.nodes = tuple(
            name
            for name in planned.config.nodes
            if f"{name}: Successfully destroyed cluster" in said
        )
        self.destroyed.harm += [
            f"the configuration of the cluster is still on {name}: before it may run again, run on "
            "it, without a network: pcs cluster destroy"
            for name in planned.config.nodes
            if name not in self.destroyed.nodes
        ]


@dataclass(frozen=True)
class EndHistory(Step):
    """Put aside what this node keeps of the cluster: the next one begins with a new history.

    Attributes:
        destroyed: What becomes of the destruction.
    """

    destroyed: Destroyed
    changes = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "putting the history of the cluster aside"

    def run(self, run: Run) -> None:
        """Put it aside, unless the cluster is still there."""
        machine = run.machine
        if machine.corosync_conf.exists():
            return
        RollingRecord(machine.state).forget()
        UpgradeRecord(machine.state).forget()
        put = aside.put_aside(machine, self.destroyed.planned.config.name)
        self.destroyed.history = "" if put is None else str(put)


def steps(planned: Destruction) -> tuple[list[Step], Destroyed]:
    """Return the steps of a destruction, and what they will say of it; nothing is changed.

    Args:
        planned: The destruction.
    """
    destroyed = Destroyed(planned)
    made: list[Step] = [
        *pcsd.authentication(planned.config, planned.strangers),
        Destroy(destroyed),
        EndHistory(destroyed),
    ]
    return made, destroyed


def make(machine: Machine, planned: Destruction, password: Callable[[], str]) -> Destroyed:
    """Run the steps of a destruction, and return its result; the lock must be held.

    Args:
        machine: This machine.
        planned: The destruction.
        password: A function that asks for the password of the user hacluster, which is called only
            if this node is not authenticated yet.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: A step has failed.
    """
    made, destroyed = steps(planned)
    run = Run(
        machine,
        password=cache(password),
        go_on="The same command goes on, on a node that still belongs to the cluster; on one that "
        "is left alone: pcs cluster destroy",
    )
    execute(made, run)
    return destroyed
