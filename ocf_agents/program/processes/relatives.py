"""The processes of an application that are no longer where it keeps its processes.

A container's processes get a cgroup of their own, as does what `su` or `systemd-run --scope` runs.
They are still known by their parents, by the session of the first process, and by a variable that
only the application's own processes have inherited.
"""

from __future__ import annotations

import os

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.process import PARENT, SESSION, START_TIME, STATE, THREADS, identify

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
    session = mark.own_session().encode()
    since = int(mark.since) if _is_number(mark.since) else 0
    found: set[int] = set()
    strangers: list[int] = []
    children: dict[int, list[int]] = {}
    this = os.getpid()  # it is none of them, whoever has started it
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or not (fields := _fields(entry)) or (pid := int(entry)) == this:
            continue
        children.setdefault(int(fields[PARENT]), []).append(pid)
        if session and fields[SESSION] == session:
            found.add(pid)
        # What started earlier has not inherited anything; nor have the kernel's own processes.
        elif int(fields[START_TIME]) >= since and fields[SESSION] != b"0" and pid not in known:
            strangers.append(pid)
    if mark.mark and strangers:
        found.update(_marked(mark.mark, strangers, deadline))
    waiting = [*found, *known]
    while waiting:
        below = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(below)
        waiting += below
    return sorted(found.difference(known))


def descendants(known: Collection[int]) -> list[int]:
    """Return the children of processes, these children's children, and so on."""
    found: set[int] = set()
    waiting = list(known)
    try:
        while waiting:
            below = set(_children(waiting.pop())) - found
            found |= below
            waiting += below
    except FileNotFoundError:  # a kernel without these files (CONFIG_PROC_CHILDREN)
        return relatives(Mark("", "", ""), known, Deadline(0))
    return sorted(found.difference(known))


def _fields(pid: str) -> list[bytes]:
    """Return what `stat` does, up to the start time: for all processes it is to be quick."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return []  # it has ended
    try:
        text = os.read(descriptor, 1024)
    except OSError:
        return []
    finally:
        os.close(descriptor)
    fields = text[text.rfind(b")") + 2 :].split(b" ", START_TIME + 1)
    dead = fields[STATE] in (b"Z", b"X") and int(fields[THREADS]) <= 1
    return [] if dead else fields


def _children(pid: int) -> list[int]:
    """Return the children of a process, none if it has ended.

    Raises:
        FileNotFoundError: The kernel does not tell.
    """
    found: list[int] = []
    for task in _tasks(pid):
        try:
            with open(f"/proc/{pid}/task/{task}/children", "rb", buffering=0) as file:
                found += map(int, file.read().split())
        except OSError:
            if task in _tasks(pid):
                raise
    return found


def _tasks(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []  # it has ended


def _marked(mark: str, pids: Collection[int], deadline: Deadline) -> list[int]:
    """Return those of some processes that have inherited the variable."""
    from ocf_agents.runtime.bounded import bounded
    from ocf_agents.runtime.journal import WARNING, log

    wanted = f"{VARIABLE}={mark}".encode()

    def read() -> str:
        return " ".join(str(pid) for pid in pids if wanted in _variables(pid))

    limit = Deadline(min(PATIENCE, deadline.left()))
    try:
        return [int(word) for word in bounded(read, limit, "reading variables").split()]
    except AgentError as error:
        log(f"{error}: processes are only known by parent and session", WARNING)
        return []


def _variables(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read(LONGEST).split(b"\0")
    except OSError:  # it has ended; or it is in a namespace of somebody else's
        return []


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS
