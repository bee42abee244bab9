"""Turn a child process into another program, after steps that only the child itself can take.

Such a step is to give root's privileges up: what runs between the fork and the program is this
code alone, and it has none of the program's variables in its environment.
"""

from __future__ import annotations

import os
import select

from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from ocf_agents.runtime.agent import Deadline

FIRST_FREE = 3  # the descriptor after standard input, output and error
PROBLEM = 4096  # bytes of the words for what went wrong
LONGEST = 86400.0  # seconds; poll(2) takes no more than some weeks
MOMENT = 0.1  # seconds that a killed child has before it is left behind


def execute(
    command: list[str],
    environment: dict[str, str],
    output: tuple[int, int],
    prepare: Callable[[], None],
    deadline: Deadline,
) -> int:
    """Run a program in a child process, which the caller has to reap, and return its number.

    The child has no input, no descriptor of this process but its output, and signals as usual.

    Args:
        command: The program, as an absolute path, and its arguments.
        environment: Its environment.
        output: Descriptors for its standard output and standard error.
        prepare: What the child does before it becomes the program.
        deadline: When it has to run: a folder or a program on a dead disk holds the child up.

    Raises:
        AgentError: It does not run (ERR_INSTALLED).
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        _become(command, environment, output, prepare, writer)
    os.close(writer)
    try:
        # The end of the pipe comes when the program is executed.
        if not select.select([reader], [], [], min(deadline.left(), LONGEST))[0]:
            leave_behind(pid)
            raise AgentError(f"{command[0]} could not be started in time")
        problem = os.read(reader, PROBLEM)
    finally:
        os.close(reader)
    if problem:
        os.waitpid(pid, 0)
        raise AgentError(
            f"cannot start {command[0]}: {problem.decode(errors='replace')}", Code.ERR_INSTALLED
        )
    return pid


def leave_behind(pid: int) -> None:
    """Kill a child, and reap it if it ends soon: what waits for a dead disk does not."""
    descriptor = os.pidfd_open(pid)
    try:
        os.kill(pid, signals.KILL)
        if select.select([descriptor], [], [], MOMENT)[0]:
            os.waitpid(pid, 0)
    finally:
        os.close(descriptor)


def _become(
    command: list[str],
    environment: dict[str, str],
    output: tuple[int, int],
    prepare: Callable[[], None],
    problems: int,
) -> NoReturn:
    """Turn this process, a fork of the agent, into the program."""
    try:
        # Pacemaker waits until the last process has closed the agent's output.
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, descriptor in enumerate(output, 1):
            os.dup2(descriptor, number)
        problems = _keep_only(problems)
        signals.reset_all()
        prepare()
        os.execve(command[0], command, environment)
    except OSError as error:
        where = "" if error.filename in (None, command[0]) else f": {os.fsdecode(error.filename)}"
        text = f"{error.strerror or error}{where}"
        os.write(problems, text.encode(errors="replace")[:PROBLEM])
    except BaseException as error:
        os.write(problems, str(error).encode(errors="replace")[:PROBLEM] or b"unknown")
    os._exit(127)


def _keep_only(descriptor: int) -> int:
    """Close all but the standard descriptors and this one; return its new number."""
    if descriptor != FIRST_FREE:
        os.dup2(descriptor, FIRST_FREE, inheritable=False)
    os.closerange(FIRST_FREE + 1, os.sysconf("SC_OPEN_MAX"))
    return FIRST_FREE
