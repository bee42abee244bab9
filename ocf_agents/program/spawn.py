"""Start a program that outlives the agent: detached, contained, remembered."""

from __future__ import annotations

import os

from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError
from ocf_agents.runtime.process import Process, identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from ocf_agents.program.containment import Containment
    from ocf_agents.program.limits import Limit
    from ocf_agents.runtime.state import State

FIRST_FREE = 3  # the descriptor after standard input, output and error


class Program:
    """A program to start.

    Args:
        command: The program and its arguments; the first word is an absolute path.
        environment: Its environment.
        folder: Its working folder.
        umask: Its umask.
        limits: Its limits.
        output: Descriptors for its standard output and standard error.
    """

    def __init__(
        self,
        command: list[str],
        *,
        environment: dict[str, str],
        folder: str,
        umask: int,
        limits: list[Limit],
        output: tuple[int, int],
    ) -> None:
        self.command = command
        self.environment = environment
        self.folder = folder
        self.umask = umask
        self.limits = limits
        self.output = output


def spawn(program: Program, containment: Containment, state: State) -> Process:
    """Start a program in a session and a containment of its own, and return its process.

    The caller has to reap it.

    Args:
        program: The program.
        containment: What keeps its processes together.
        state: Where to remember its process.

    Raises:
        AgentError: It cannot be started.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _become(program, containment, state, writer)
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as pipe:
        problem = pipe.read()  # the end of the file comes when the program is executed
    process = identify(pid)
    if problem:
        os.waitpid(pid, 0)
        raise AgentError(f"cannot start {program.command[0]}: {problem}")
    return process or Process(pid, "")


def _become(program: Program, containment: Containment, state: State, problems: int) -> NoReturn:
    """Turn this process, a fork of the agent, into the program."""
    try:
        # The child remembers itself before it leaves the process group in which Pacemaker would
        # kill it with the agent: there is no moment at which it lives on and nobody knows of it.
        this = identify(os.getpid())
        if this is not None:
            state.write({"pid": str(this.pid), "started": this.started})
        os.setsid()
        containment.enter()
        # Pacemaker waits until the last process has closed the agent's output.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, descriptor in enumerate(program.output, 1):
            os.dup2(descriptor, number)
        problems = _keep_only(problems)
        signals.reset_all()
        os.umask(program.umask)
        os.chdir(program.folder)
        if program.limits:
            from ocf_agents.program.limits import apply

            apply(program.limits)
        os.execve(program.command[0], program.command, program.environment)
    except BaseException as error:
        os.write(problems, str(error).encode(errors="replace"))
    os._exit(127)


def _keep_only(descriptor: int) -> int:
    """Close all but the standard descriptors and this one; return its new number."""
    if descriptor != FIRST_FREE:
        os.dup2(descriptor, FIRST_FREE, inheritable=False)
    os.closerange(FIRST_FREE + 1, os.sysconf("SC_OPEN_MAX"))
    return FIRST_FREE
