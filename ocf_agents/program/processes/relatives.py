"""The processes of an application that are no longer where it keeps its processes.

A container's processes get a cgroup of their own, as does what `su` or `systemd-run --scope` runs.
They are still known by their parents, by the session of the first process, and by a variable that
only the application's own processes have inherited.
"""

from __future__ import annotations

import os

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.process import PARENT, SESSION, START_TIME, identify, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

VARIABLE = "TAKEOVER_APP"  # its value is a secret of the application's: others cannot pretend
PATIENCE = 2.0  # seconds; the variables of a process that waits for a dead disk cannot be read
INIT = 1  # its session, and that of the kernel's own processes (0), are nobody's
DIGITS = 19  # of a number of the kernel's
LONGEST = 2 << 20  # bytes of the variables of one process; the kernel's own limit


class Mark:
    """What tells the relatives of one program from all other processes.

    Args:
        mark: The value of the variable, "" if there is none.
        session: The first process of the program's session, "" if it is not known.
        since: When that process started, in the kernel's clock ticks since the boot.
    """

    def __init__(self, mark: str, session: str, since: str) -> None:
        self.mark = mark
        self.session = session
        self.since = since

    @classmethod
    def new(cls) -> Mark:
        """Return a mark that no program has yet."""
        return cls(os.urandom(16).hex(), "", "")

    @classmethod
    def recall(cls, values: Mapping[str, str]) -> Mark:
        """Return the mark that is in a state file."""
        session = values.get("session") or values.get("pid", "")
        since = values.get("session_started") or values.get("started", "")
        return cls(values.get("mark", ""), session, since)

    def values(self) -> dict[str, str]:
        """Return what to write to a state file beside the first process."""
        return {"mark": self.mark}

    def own_session(self) -> str:
        """Return the session, "" if it has ended.

        While it lives, its number is not used again. So a process with the number of a dead leader
        is the leader of a later session.
        """
        if not _is_number(self.session) or int(self.session) <= INIT:
            return ""
        leader = identify(int(self.session))
        return "" if leader and leader.started != self.since else self.session


def relatives(mark: Mark, known: Collection[int], deadline: Deadline) -> list[int]:
    """Return the processes that belong to a program, besides those that are known to.

    Args:
        mark: What they have in common.
        known: Processes of the program, whose descendants belong to it.
        deadline: When they have to be known.
    """
    if not (mark.mark or mark.session or known):
        return []
    from functools import partial

    from ocf_agents.runtime.bounded import bounded
    from ocf_agents.runtime.journal import WARNING, log

    limit = Deadline(min(PATIENCE, deadline.left()))
    try:
        answer = bounded(partial(_find, mark, known), limit, "looking at /proc")
    except AgentError as error:
        log(f"{error}: processes are only known by parent and session", WARNING)
        answer = _find(Mark("", mark.session, mark.since), known)  # which cannot hang
    return [int(word) for word in answer.split()]


def _find(mark: Mark, known: Collection[int]) -> str:
    """Return the numbers of the processes, with blanks between them."""
    session = mark.own_session()
    wanted = f"{VARIABLE}={mark.mark}".encode() if mark.mark else b""
    since = int(mark.since) if _is_number(mark.since) else 0
    # This process and the agent are none of them, whoever has started the agent.
    others = {os.getpid(), os.getppid()}
    found = set()
    children: dict[str, list[int]] = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        fields = stat(pid)
        if not fields or pid in others:
            continue
        children.setdefault(fields[PARENT], []).append(pid)
        # What started earlier has not inherited anything.
        if (session and fields[SESSION] == session) or (
            wanted and int(fields[START_TIME]) >= since and wanted in _variables(pid)
        ):
            found.add(pid)
    waiting = [*found, *known]
    while waiting:
        for pid in children.get(str(waiting.pop()), ()):
            if pid not in found:
                found.add(pid)
                waiting.append(pid)
    return " ".join(str(pid) for pid in sorted(found - set(known)))


def _variables(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read(LONGEST).split(b"\0")
    except OSError:  # it has ended; or it is in a namespace of somebody else's
        return []


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS
