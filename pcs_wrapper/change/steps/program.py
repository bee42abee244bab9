"""The step that runs one program: pcs, most of the time."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from pcs_wrapper.change.steps.step import Run, Step


@dataclass(frozen=True)
class RunProgram(Step):
    """Run a program.

    Attributes:
        title: What it does, for the user.
        command: Program and arguments.
        timeout: The time that it may take, in seconds.
        hint: What to do if it fails.
        password: Whether it reads hacluster's password.
    """

    title: str
    command: tuple[str, ...]
    timeout: float
    hint: str = ""
    password: bool = False
    announced = True

    @property
    def what(self) -> str:
        """What it does."""
        return self.title

    @property
    def commands(self) -> tuple[str, ...]:
        """The command."""
        return (shlex.join(self.command),)

    def run(self, run: Run) -> None:
        """Run it."""
        # pcs asks for the password and reads it from its standard input, where nobody sees it.
        stdin = f"{run.password()}\n" if self.password else ""
        run.machine.runner.run(*self.command, timeout=self.timeout, stdin=stdin, hint=self.hint)
