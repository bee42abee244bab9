"""Do what may hang, such as to read a disk, in a child process with a time limit.

A process that waits for a dead disk or server cannot be interrupted, often not even killed: then
the child is left behind, and the agent itself goes on.
"""

from __future__ import annotations

import os
import select

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.children.execution import LONGEST, leave_behind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

DONE, FAILED = b"+", b"-"  # first byte of what the child answers
ANSWER = 1 << 20  # bytes; what is longer is cut
PIECE = 1 << 16
SIZE = 4  # bytes of the size of an answer, which precedes it


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
        answer = b""
        while not _whole(answer):
            if not select.select([answers], [], [], min(deadline.left(), LONGEST))[0]:
                leave_behind(pid)
                raise TimedOut(f"no answer within {seconds:.1f} s ({what})")
            piece = os.read(answers, PIECE)
            if not piece:
                break
            answer += piece
    finally:
        os.close(answers)
    os.waitpid(pid, 0)
    verdict = answer[SIZE : SIZE + 1]
    text = answer[SIZE + 1 :].decode(errors="surrogateescape")
    if verdict != DONE or not _whole(answer):
        raise AgentError(f"{text or 'the process was killed'} ({what} failed)")
    return text


def _whole(answer: bytes) -> bool:
    return len(answer) >= SIZE + int.from_bytes(answer[:SIZE], "big") > SIZE


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
        # With its size, since a process that the work has left behind keeps the pipe open.
        answer = len(answer[:ANSWER]).to_bytes(SIZE, "big") + answer[:ANSWER]
        while answer:
            answer = answer[os.write(answers, answer) :]
    finally:
        os._exit(0)
