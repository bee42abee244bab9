"""A step of a change, and the data that the steps share while they are run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from cib_templates.errors import TakeoverError
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state


def _no_password() -> str:
    raise AssertionError("a step asks for a password, but this run has no source of passwords")


def _take_back_nothing(_checkpoint: Checkpoint, _reason: str) -> None:
    """Take nothing back: if a rollback fails after its stop, the resources remain stopped."""


def _note_nothing(_step: Step) -> None:
    """Record nothing: the checkpoints show how far an apply or a rollback has come."""


@dataclass
class Run:
    """The data that the steps of a change share while they are run, one after another.

    Attributes:
        machine: This machine.
        before: The state of the cluster before the first step; None if there was no cluster.
        state: The state of the cluster when it was last read; None if it was not read yet.
        harm: The harm that the change did, a sentence for each service. If there is any, no further
            step is run.
        idle: Whether the cluster had nothing left to do when the last wait ended.
        given_up: The reason why the last wait was ended early; empty if it was not.
        unchanged: What is said if somebody interrupts before anything was changed.
        go_on: What to do if somebody interrupts after that, in a sentence.
        password: A function that asks for the password of the user hacluster.
        take_back: A function that takes a pushed checkpoint back, for the reason that it is given.
        note: A function that is called with each step that was run.
    """

    machine: Machine
    before: ClusterState | None = None
    state: ClusterState | None = None
    harm: list[str] = field(default_factory=list)
    idle: bool = False
    given_up: str = ""
    unchanged: str = "nothing was changed"
    go_on: str = "`takeover status` shows how the cluster is"
    password: Callable[[], str] = _no_password
    take_back: Callable[[Checkpoint, str], None] = _take_back_nothing
    note: Callable[[Step], None] = _note_nothing

    def known_state(self) -> ClusterState:
        """Return the state of the cluster when it was last read; read it if it never was."""
        if self.state is None:
            self.state = read_state(self.machine)
        return self.state

    @property
    def checkpoints(self) -> Checkpoints:
        """The checkpoints of this machine."""
        return Checkpoints(self.machine.state)


class Step(ABC):
    """One thing that a change does.

    Attributes:
        changes: Whether the step changes the cluster, or the nodes.
        announced: Whether the step is shown to the user when it begins, because it takes time.
        atomic: Whether the step has changed nothing if it fails, so that the steps before it can be
            taken back. After the failure of another step the cluster stays as it is then, and the
            next command continues from there.
    """

    changes: ClassVar[bool] = False
    announced: ClassVar[bool] = False
    atomic: ClassVar[bool] = False

    @property
    @abstractmethod
    def summary(self) -> str:
        """The step in a clause, such as `pushing the changes (checkpoint 3)`."""

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that the step runs, as a user would type them, without those that read."""
        return ()

    @abstractmethod
    def run(self, run: Run) -> None:
        """Run the step.

        Args:
            run: The data of the run, which the step updates.

        Raises:
            TakeoverError: The step has failed.
        """

    def take_back(self, run: Run, error: TakeoverError) -> None:  # noqa: B027 - most do nothing
        """Undo the step, because a later step failed; for most steps there is nothing to undo.

        Args:
            run: The data of the run.
            error: The failure of the later step.
        """
