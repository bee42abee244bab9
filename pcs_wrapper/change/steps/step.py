"""A step of a change, and what is known while the steps are run."""

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
    raise AssertionError("a step asks for a password, and nobody was said to know one")


def _take_back_nothing(_checkpoint: Checkpoint, _why: str) -> None:
    """Take nothing back: where a change is itself a rollback, its stop stays."""


def _note_nothing(_step: Step) -> None:
    """Note nothing: checkpoints tell how far a change has come."""


@dataclass
class Run:
    """What is known of a change while its steps are run, one after another.

    Attributes:
        machine: This machine.
        before: How the cluster was before the first step; None where there was no cluster.
        state: How it was at the last look.
        harm: What the change did not make run, and what it hurt, a sentence each. Once there is
            something, no further step is run.
        idle: Whether the cluster had nothing left to do when the last wait ended.
        given_up: Why the last wait was given up early; empty if it was not.
        password: Asks for the password of the user hacluster, for the steps that need it.
        take_back: Takes a pushed checkpoint back, and is told why.
        note: Is told of each step that was run.
    """

    machine: Machine
    before: ClusterState | None = None
    state: ClusterState | None = None
    harm: list[str] = field(default_factory=list)
    idle: bool = False
    given_up: str = ""
    password: Callable[[], str] = _no_password
    take_back: Callable[[Checkpoint, str], None] = _take_back_nothing
    note: Callable[[Step], None] = _note_nothing

    def known_state(self) -> ClusterState:
        """Return how the cluster was at the last look; it is asked if nobody has looked yet."""
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
        announced: Whether the user is told of it when it begins: of what takes its time.
        atomic: Whether nothing was changed if it fails, so that the steps before it can be taken
            back. After any other failure the cluster is as far as it came, and the next command
            goes on from there.
    """

    announced: ClassVar[bool] = False
    atomic: ClassVar[bool] = False

    @property
    @abstractmethod
    def what(self) -> str:
        """What it does, in a clause such as `pushing the changes (checkpoint 3)`."""

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that it runs, as somebody would type them; reads are left out."""
        return ()

    @abstractmethod
    def run(self, run: Run) -> None:
        """Do it.

        Args:
            run: What is known so far; it is added to.

        Raises:
            TakeoverError: It cannot be done.
        """

    def take_back(self, run: Run, error: TakeoverError) -> None:  # noqa: B027 - most do nothing
        """Undo it, because a later step failed; for most steps there is nothing to undo.

        Args:
            run: What is known so far.
            error: Why the later step failed.
        """
