"""The steps of a node's turn in a rolling restart, each of which can be repeated."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from pcs_wrapper.change import outages
from pcs_wrapper.change.history.rolling import Rolling, RollingRecord
from pcs_wrapper.change.steps.members import WaitForNodes
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain, WaitUntilIdle
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import wait_until
from pcs_wrapper.nodes.pausing import fenced_meanwhile
from pcs_wrapper.nodes.running.starting import start_on
from pcs_wrapper.nodes.running.stopping import stop_on
from pcs_wrapper.nodes.verification import VerifyDrained
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

Begin = Literal["drain", "stop", "start", "wait"]
Unwell = Callable[[ClusterState], list[str]]

_TIMEOUT = 30.0
# In which all must be well when the node is back, beside the cluster's own actions, in seconds.
_WHOLE = 120.0
_POLL = 0.5


@dataclass(frozen=True)
class Wait:
    """For how long the clients of a service waited, when it left a node or came back.

    Attributes:
        service: The ID of the service.
        nodes: Where it runs afterwards.
        seconds: For how long, about.
        returning: Whether it moved when the node was back already.
    """

    service: str
    nodes: tuple[str, ...]
    seconds: float
    returning: bool


@dataclass(eq=False)
class Turn:
    """A node's turn in a rolling restart; times are in seconds since it began.

    Attributes:
        node: The node's name.
        begin: With what it begins: draining the node, or what an interrupted restart has left.
        drained: When the node ran nothing any more; None if it did not come to that.
        stopped: When its cluster was stopped; None if it was not.
        back: When it was a member again; None if it was not.
        whole: When all was well again; None if it was not.
        waits: For how long clients of services waited.
        harm: What went wrong, a sentence each.
        begun: The time of its begin, of the clock that never jumps; None if it did not begin.
    """

    node: str
    begin: Begin
    drained: float | None = None
    stopped: float | None = None
    back: float | None = None
    whole: float | None = None
    waits: list[Wait] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)
    begun: float | None = None

    def elapsed(self, machine: Machine) -> float:
        """Return the time since the turn began, which it does with the first call."""
        if self.begun is None:
            self.begun = machine.clock()
        return machine.clock() - self.begun

    def fails(self, run: Run, *sentences: str) -> None:
        """Note what went wrong, which ends the restart."""
        self.harm += sentences
        run.harm += sentences


@dataclass(frozen=True)
class RequireWell(Step):
    """Make sure that all is well before a node leaves.

    Attributes:
        turn: The node's turn.
        in_the_way: Returns what is in the way of a node's turn, beside what was known.
    """

    turn: Turn
    in_the_way: Callable[[ClusterState, str], list[str]]

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"making sure that all is well before {self.turn.node} leaves"

    def run(self, run: Run) -> None:
        """Look at the cluster once more."""
        self.turn.elapsed(run.machine)
        run.before = run.state = read_explained_state(run.machine)
        found = self.in_the_way(run.state, self.turn.node)
        if found:
            self.turn.fails(run, f"{self.turn.node} was left as it is: {found[0]}")


@dataclass(frozen=True)
class Drain(Step):
    """Put a node into standby until its cluster is restarted.

    Attributes:
        turn: The node's turn.
        rolling: How far the restart has come.
    """

    turn: Turn
    rolling: Rolling
    changes = True
    announced = True

    @property
    def _command(self) -> tuple[str, ...]:
        return (
            *("crm_attribute", "--node", self.turn.node, "--name", "standby"),
            *("--lifetime", "reboot", "--update", "on"),
        )

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"draining {self.turn.node}, by a standby that ends with the restart"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that does it."""
        return (shlex.join(self._command),)

    def run(self, run: Run) -> None:
        """Note whose turn it is, and drain the node."""
        RollingRecord(run.machine.state).begins(self.rolling, self.turn.node)
        run.machine.runner.run(*self._command, timeout=_TIMEOUT)


@dataclass(frozen=True)
class WaitUntilDrained(Step):
    """Wait until a node runs nothing any more, and measure for how long clients waited.

    Attributes:
        turn: The node's turn.
        timeout: The longest time to wait, in seconds.
        alone: The IDs of the services that go on running there.
    """

    turn: Turn
    timeout: int
    alone: Collection[str]
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {self.timeout} s until {self.turn.node} runs nothing any more"

    def run(self, run: Run) -> None:
        """Wait, and verify it."""
        turn = self.turn
        before = run.before or run.known_state()
        for step in (
            WaitUntilIdle(self.timeout),
            Explain(),
            VerifyDrained(turn.node, self.alone, self.timeout, only_new=False),
        ):
            step.run(run)
        state = run.known_state()
        turn.waits += _waits(before, state, turn.node, returning=False)
        harm = [*run.harm, *fenced_meanwhile(before, state)]
        if harm:
            run.harm.clear()
            turn.fails(
                run,
                *harm,
                f"the cluster on {turn.node} was not stopped; to let it run things again: takeover "
                f"node resume {turn.node}",
            )
            return
        turn.drained = turn.elapsed(run.machine)
        run.machine.console.detail(f"{turn.drained:5.1f} s  {turn.node}: drained")


@dataclass(frozen=True)
class StopThere(Step):
    """Stop the cluster on the node.

    Attributes:
        turn: The node's turn.
        rolling: How far the restart has come.
        timeout: How long its services may take to stop, in seconds.
        force: Whether it is done although the others then have no quorum.
    """

    turn: Turn
    rolling: Rolling
    timeout: int
    force: bool
    changes = True
    announced = True

    @property
    def _program(self) -> Step:
        return stop_on((self.turn.node,), timeout=self.timeout, force=self.force)

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return self._program.summary

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that stops it."""
        return self._program.commands

    def run(self, run: Run) -> None:
        """Note it, and stop it."""
        turn = self.turn
        RollingRecord(run.machine.state).begins(self.rolling, turn.node, stopping=True)
        self._program.run(run)
        turn.stopped = turn.elapsed(run.machine)
        run.machine.console.detail(f"{turn.stopped:5.1f} s  {turn.node}: stopped")


@dataclass(frozen=True)
class StartThere(Step):
    """Start the cluster on the node.

    Attributes:
        turn: The node's turn.
    """

    turn: Turn
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return start_on(self.turn.node).summary

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that starts it."""
        return start_on(self.turn.node).commands

    def run(self, run: Run) -> None:
        """Start it."""
        self.turn.elapsed(run.machine)
        start_on(self.turn.node).run(run)


@dataclass(frozen=True)
class WaitUntilBack(Step):
    """Wait until the node is a member of the cluster again.

    Attributes:
        turn: The node's turn.
    """

    turn: Turn

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting until {self.turn.node} is a member again"

    def run(self, run: Run) -> None:
        """Wait."""
        turn = self.turn
        turn.elapsed(run.machine)
        WaitForNodes((turn.node,)).run(run)
        turn.back = turn.elapsed(run.machine)
        run.machine.console.detail(f"{turn.back:5.1f} s  {turn.node}: back")


@dataclass(frozen=True)
class WaitUntilWhole(Step):
    """Wait until the cluster has nothing left to do, and all is as well as before.

    Attributes:
        turn: The node's turn.
        rolling: How far the restart had come before it; None if it is no part of one.
        timeout: The longest time that the cluster takes to settle, in seconds.
        unwell: Returns what is not well, beside what was known.
    """

    turn: Turn
    rolling: Rolling | None
    timeout: int
    unwell: Unwell
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting until all is well again with {self.turn.node}"

    def run(self, run: Run) -> None:
        """Wait, and measure for how long the clients waited of what came back."""
        machine, turn = run.machine, self.turn
        before = run.known_state()
        run.state = read_state(machine)
        WaitUntilIdle(self.timeout).run(run)
        missing = wait_until(machine, lambda: self._missing(run), seconds=_WHOLE, pause=_POLL)
        state = run.known_state()
        turn.waits += _waits(before, state, turn.node, returning=True)
        since = machine.now().timestamp() - turn.elapsed(machine)
        harm = [*([missing] if missing else []), *fenced_meanwhile(before, state, since)]
        if harm:
            turn.fails(run, *harm)
            return
        turn.whole = turn.elapsed(machine)
        machine.console.detail(f"{turn.whole:5.1f} s  all is well")
        if self.rolling is None:
            return
        done = (*self.rolling.done, turn.node)
        RollingRecord(machine.state).keep(
            Rolling(
                self.rolling.cluster_id,
                self.rolling.user,
                self.rolling.at,
                self.rolling.nodes,
                done,
            )
        )

    def _missing(self, run: Run) -> str:
        run.state = read_explained_state(run.machine)
        return next(iter(self.unwell(run.state)), "")


def _waits(before: ClusterState, now: ClusterState, node: str, *, returning: bool) -> list[Wait]:
    """Return for how long clients waited of services that have stopped and started meanwhile."""
    were = {each.id: each for each in diagnosis.services(before)}
    found = []
    for service in diagnosis.services(now):
        was = were.get(service.id)
        if was is None or not was.is_running:
            continue
        # A copy elsewhere has served meanwhile.
        if len(was.nodes) > 1 or (not returning and node not in was.nodes):
            continue
        gap = outages.gap(service, before, now)
        if gap is not None and gap.seconds is not None:
            found.append(Wait(service.id, service.nodes, gap.seconds, returning))
    return found
