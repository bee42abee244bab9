"""The step that runs one program, such as pcs."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import CommandFailed
from pcs_wrapper.machine.waiting import shown_as_waiting


@dataclass(frozen=True)
class RunProgram(Step):
    """Run a program.

    Attributes:
        title: The step in a clause, for the user.
        command: The program and its arguments.
        timeout: The time limit of the program, in seconds.
        hint: The advice for the user if the program fails; may be empty.
        password: Whether the program reads the password of the user hacluster.
        name: What is at work, for whoever waits; the beginning of the command if it is empty.
    """

    title: str
    command: tuple[str, ...]
    timeout: float
    hint: str = ""
    password: bool = False
    name: str = ""
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return self.title

    @property
    def commands(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return (shlex.join(self.command),)

    def run(self, run: Run) -> None:
        """Run the program."""
        # pcs reads the password from its standard input, where no other process can see it.
        stdin = f"{run.password()}\n" if self.password else ""
        machine = run.machine
        try:
            name = self.name or shlex.join(self.command[:3])
            with shown_as_waiting(machine, f"{name} is at work"):
                machine.runner.run(*self.command, timeout=self.timeout, stdin=stdin, hint=self.hint)
        except CommandFailed as error:
            if not self.password:
                raise
            # pcs asks for the password even if nobody sees the question.
            said = "\n".join(line for line in error.output.splitlines() if line != "Password:")
            said = said.replace("Password: ", "")
            raise CommandFailed(error.command, error.status, said, self.hint) from None
