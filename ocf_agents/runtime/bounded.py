"""Do what may hang, such as to read a disk, in a child process with a time limit.

A process that waits for a dead disk or server cannot be interrupted, often not even killed: then
the child is left behind, and the agent itself goes on.
"""

from __future__ import annotations

import os
import select

from ocf_agents.runtime.agent import AgentError, Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SIGKILL = 9  # not from `signal`, which loads `enum`: half as long as Python itself
DONE, FAILED = b"+", b"-"  # first byte of what the child answers
ANSWER = 65536  # bytes; a pipe takes as many without a reader
GRACE = 0.05  # seconds that a killed child has before it is left behind


class TimedOut(AgentError):
    """Something was not done within its time limit."""


def bounded(work: Callable[[], str], deadline: Deadline, what: str) -> str:
    """Do something in a child process and return its answer.

    Args:
        work: What to do.
        deadline: When it has to be done.
        what: What is done, for the reason of a failure, such as "reading /dev/sdb".

    Raises:
        TimedOut: It was not done at the deadline; the child is left behind.
        AgentError: The work raised an AgentError or an OSError, whose words it has.
    """
    seconds = deadline.left()
    answers, child_end = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if not pid:
        _work_in_child(work, child_end)
    os.close(child_end)
    try:
        if not select.select([answers], [], [], seconds)[0]:
            _leave_behind(pid)
            raise TimedOut(f"no answer within {seconds:.1f} s ({what})")
        answer = os.read(answers, ANSWER)
    finally:
        os.close(answers)
    os.waitpid(pid, 0)
    text = answer[1:].decode(errors="surrogateescape")
    if answer[:1] != DONE:
        raise AgentError(f"{text or 'the process was killed'} ({what} failed)")
    return text


def _work_in_child(work: Callable[[], str], answers: int) -> None:
    """Do the work, answer, and end, whatever happens."""
    try:
        os.setsid()  # so that a signal to the agent's group does not reach it, nor the other way
        # The agent's output must not stay open, or its caller waits as long as this child hangs.
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        try:
            answer = DONE + work().encode(errors="surrogateescape")
        except OSError as error:
            answer = FAILED + (error.strerror or str(error)).encode()
        except AgentError as error:
            answer = FAILED + str(error).encode(errors="replace")
        os.write(answers, answer[:ANSWER])
    finally:
        os._exit(0)


def _leave_behind(pid: int) -> None:
    """Kill a child, and reap it if it ends soon."""
    descriptor = os.pidfd_open(pid)
    os.kill(pid, SIGKILL)
    if select.select([descriptor], [], [], GRACE)[0]:
        os.waitpid(pid, 0)
    os.close(descriptor)
