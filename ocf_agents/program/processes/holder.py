"""A program of the system's that waits until it is told to end: it keeps something for us."""

from __future__ import annotations

import os
import select
from contextlib import suppress

from ocf_agents.runtime.agent import AgentError
from ocf_agents.runtime.children.execution import LONGEST, leave_behind
from ocf_agents.runtime.command import ENVIRONMENT, cause, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.runtime.agent import Deadline

GREETING = b"\n"  # what cat(1) repeats once it runs
MOST = 4096  # bytes of what is said instead


class Holder:
    """A cat(1) that runs behind another program, and ends with us if not before.

    Args:
        command: The program that runs it, and its arguments.
        deadline: When it has to run.

    Raises:
        AgentError: It does not run.
    """

    def __init__(self, command: list[str], deadline: Deadline) -> None:
        program = find(command[0])
        input_end, self._input = os.pipe2(os.O_CLOEXEC)
        self._output, output_end = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = os.posix_spawn(
                program,
                [*command, find("cat")],
                ENVIRONMENT,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, input_end, 0),
                    (os.POSIX_SPAWN_DUP2, output_end, 1),
                    (os.POSIX_SPAWN_DUP2, output_end, 2),
                ],
                setsid=True,
            )
        finally:
            os.close(input_end)
            os.close(output_end)
        with suppress(BrokenPipeError):  # it has ended, and said why
            os.write(self._input, GREETING)
        ready = select.select([self._output], [], [], min(deadline.left(), LONGEST))[0]
        said = os.read(self._output, MOST) if ready else b"no answer in time"
        if said != GREETING:
            self.end()
            why = cause(said.decode(errors="replace")) or "it has ended"
            raise AgentError(f"{why} ({command[0]} failed)")

    def end(self) -> None:
        """End it."""
        os.close(self._input)
        os.close(self._output)
        leave_behind(self._pid)
