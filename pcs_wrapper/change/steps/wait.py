"""The steps that wait, and look at what has become of the change."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from cib_templates.errors import TakeoverError
from pcs_wrapper.change import stopping, verification
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.health.explanation import explain
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState


@dataclass(frozen=True)
class WaitUntilStopped(Step):
    """Wait until resources have stopped that are then removed.

    Attributes:
        live: The CIB by which they shall stop.
        names: Their IDs, of such that are in no other.
        required: Whether nothing is removed if they do not stop. A rollback is not given up: what
            does not stop in its time is removed all the same.
    """

    live: etree._Element
    names: tuple[str, ...]
    required: bool
    announced = True

    @property
    def _timeout(self) -> int:
        return settling.timeout_of(self.live, only=self.names)

    @property
    def what(self) -> str:
        """What it does."""
        return f"waiting up to {self._timeout} s for {', '.join(self.names)} to stop"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that waits, for whoever types the steps."""
        return (shlex.join(cib.wait_command(self._timeout)),)

    def run(self, run: Run) -> None:
        """Wait, and look what still runs."""
        try:
            self._wait(run)
        except TakeoverError:
            if self.required:
                raise
            return
        still = stopping.still_running(run.known_state(), self.names) if self.required else []
        if still:
            run.harm += [f"{name}: does not stop" for name in still]
            run.harm.append("so nothing was removed")
            run.state = explain(run.machine, run.known_state())

    def _wait(self, run: Run) -> None:
        def are_stopped(now: ClusterState) -> str:
            return "" if stopping.still_running(now, self.names) else "they have stopped"

        waited = settling.wait_until_idle(
            run.machine, run.known_state(), self._timeout, are_stopped
        )
        run.state = waited.state


@dataclass(frozen=True)
class WaitUntilIdle(Step):
    """Wait until the cluster has nothing left to do.

    Attributes:
        timeout: For how long at most, in seconds.
        scope: What the change is about: the wait is given up as soon as something of that fails;
            None if it is not.
    """

    timeout: int
    scope: verification.Scope | None = None
    announced = True

    @property
    def what(self) -> str:
        """What it does."""
        return f"waiting up to {self.timeout} s for the cluster to settle"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that waits, for whoever types the steps."""
        return (shlex.join(cib.wait_command(self.timeout)),)

    def run(self, run: Run) -> None:
        """Wait."""
        waited = settling.wait_until_idle(
            run.machine, run.known_state(), self.timeout, lambda now: self._failure(run, now)
        )
        run.state, run.idle, run.given_up = waited.state, waited.done, waited.stopped

    def _failure(self, run: Run, now: ClusterState) -> str:
        if self.scope is None or run.before is None:
            return ""
        return verification.first_failure(run.before, now, self.scope)


@dataclass(frozen=True)
class Explain(Step):
    """Find out why what does not run does not."""

    @property
    def what(self) -> str:
        """What it does."""
        return "looking how everything is"

    def run(self, run: Run) -> None:
        """Look."""
        run.state = explain(run.machine, run.known_state())


@dataclass(frozen=True)
class Verify(Step):
    """Look whether the services of the change run, and nobody else was hurt.

    Attributes:
        scope: What the change is about.
        services: IDs of the services that shall run.
        timeout: For how long the cluster had time, in seconds.
    """

    scope: verification.Scope
    services: Collection[str]
    timeout: int

    @property
    def what(self) -> str:
        """What it does."""
        return "verifying that the services of the change run, and that no other was hurt"

    def run(self, run: Run) -> None:
        """Look, and add what is not well to the harm."""
        now = run.known_state()
        verdict = verification.verify(run.before or now, now, self.scope, tuple(self.services))
        run.harm += verdict.sentences()
        if run.given_up and not run.harm:
            run.harm.append(run.given_up)
        if not run.idle and not run.given_up:
            run.harm.append(f"the cluster was still busy after {self.timeout} s")
