"""The steps that wait for the cluster, and verify the result of a change."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from cib_templates.errors import TakeoverError
from pcs_wrapper.change import stopping, verification
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.health.explanation import explain
from pcs_wrapper.health.lookout import Lookout
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState


@dataclass(frozen=True)
class WaitUntilStopped(Step):
    """Wait until resources have stopped that are to be removed.

    Attributes:
        live: The CIB with which they stop.
        names: The IDs of these outermost resources.
        required: Whether nothing is removed if one of them does not stop in time. A rollback
            removes it all the same.
        passing: Whether something of theirs passes to another resource, so that a rollback, too,
            removes nothing that still runs.
    """

    live: etree._Element
    names: tuple[str, ...]
    required: bool
    passing: bool = False
    announced = True

    @property
    def _timeout(self) -> int:
        return settling.timeout_of(self.live, only=self.names)

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {self._timeout} s for {', '.join(self.names)} to stop"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that waits, for a user who types the commands of the steps."""
        return (shlex.join(cib.wait_command(self._timeout)),)

    def run(self, run: Run) -> None:
        """Wait, and find out which of the resources still run."""
        try:
            cannot_act = self._wait(run)
        except TakeoverError:
            if self.required or self.passing:
                raise
            return
        running = stopping.still_running(run.known_state(), self.names)
        if running and self.required:
            because = f": {cannot_act}" if cannot_act else ""
            run.harm += [f"{name}: does not stop{because}" for name in running]
            run.harm.append("nothing was removed, because it has to stop first")
            run.state = explain(run.machine, run.known_state())
        elif running and (cannot_act or self.passing):
            # Removed now, it would be stopped in any order as soon as the cluster can act again,
            # and beside the start of what gets its disk.
            because = cannot_act or "what it has would pass to another resource"
            raise ClusterError(
                f"{', '.join(running)}: does not stop, and was not removed: {because}"
            )

    def _wait(self, run: Run) -> str:
        """Wait, and return why the cluster cannot do it; empty if it can."""

        def are_stopped(now: ClusterState) -> str:
            return "" if stopping.still_running(now, self.names) else "they have stopped"

        waited = settling.wait_until_idle(
            run.machine,
            run.known_state(),
            self._timeout,
            give_up=are_stopped,
            look=Lookout(run.machine),
        )
        run.state = waited.state
        return waited.stopped if waited.cannot_act else ""


@dataclass(frozen=True)
class WaitUntilIdle(Step):
    """Wait until the cluster has nothing left to do.

    Attributes:
        timeout: The longest time to wait, in seconds.
        scope: The resources that the change is about: the wait ends as soon as one of them fails.
            None if a failure does not end it.
        patience: For how long the wait goes on after it is known that the cluster cannot finish, in
            seconds; None for the usual time.
    """

    timeout: int
    scope: verification.Scope | None = None
    patience: float | None = None
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {self.timeout} s for the cluster to settle"

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
            give_up=lambda now: self._failure(run, now),
            look=Lookout(run.machine),
            patience=self.patience,
        )
        run.state, run.idle, run.given_up = waited.state, waited.done, waited.stopped

    def _failure(self, run: Run, now: ClusterState) -> str:
        if self.scope is None or run.before is None:
            return ""
        return verification.first_failure(run.before, now, self.scope)


@dataclass(frozen=True)
class Explain(Step):
    """Find the reasons for failures that Pacemaker does not record."""

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "finding the reasons for failures"

    def run(self, run: Run) -> None:
        """Find the reasons, and add them to the state of the cluster."""
        run.state = explain(run.machine, run.known_state())


@dataclass(frozen=True)
class Verify(Step):
    """Verify that the services of the change run, and that no other service was hurt.

    Attributes:
        scope: The resources that the change is about.
        services: The IDs of the services that should run.
        timeout: The time that the cluster had to settle, in seconds.
    """

    scope: verification.Scope
    services: Collection[str]
    timeout: int

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "verifying that the services of the change run, and that no other was hurt"

    def run(self, run: Run) -> None:
        """Verify it, and add what is wrong to the harm."""
        now = run.known_state()
        verdict = verification.verify(run.before or now, now, self.scope, tuple(self.services))
        run.harm += verdict.sentences()
        if run.given_up and not run.harm:
            run.harm.append(run.given_up)
        if not run.idle and not run.given_up:
            run.harm.append(f"the cluster was still busy after {self.timeout} s")
