"""What actions leave running: every process that comes from an agent, even a daemon."""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


@dataclass(frozen=True)
class Process:
    """A process, with what tells it from a later one of the same number.

    Attributes:
        pid: Its number.
        started: When it started, in clock ticks since boot.
        parent: The number of its parent.
        name: Its name, at most 15 bytes.
        is_zombie: Whether it has ended.
    """

    pid: int
    started: str
    parent: int
    name: str
    is_zombie: bool

    @property
    def label(self) -> str:
        """Name and number."""
        return f"{self.name} ({self.pid})"


class Offspring:
    """The processes that come from this one since the beginning.

    As a "subreaper" (prctl(2)) this process becomes the parent of every orphan below it, so that a
    daemon does not escape by forking twice. It has to do then what init does: `bury` the dead, or
    agents that wait for the end of a process would find it there for ever.
    """

    def __init__(self) -> None:
        _set_subreaper(1)
        self._before = {(each.pid, each.started) for each in _descendants()}

    def alive(self) -> list[Process]:
        """Return the processes that live."""
        self.bury()
        return [each for each in self._since() if not each.is_zombie]

    def bury(self, but: int = 0) -> None:
        """Collect the children that have ended.

        Args:
            but: The number of one that somebody else waits for.
        """
        if not _has_children_besides(but):
            return
        for each in self._since():
            if each.is_zombie and each.parent == os.getpid() and each.pid != but:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(each.pid, os.WNOHANG)

    def release(self) -> None:
        """Be a process like any other again."""
        _set_subreaper(0)

    def _since(self) -> list[Process]:
        return [each for each in _descendants() if (each.pid, each.started) not in self._before]


def holders(pipes: set[int]) -> list[Process]:
    """Return the processes that have a pipe open, but this one.

    Args:
        pipes: The inode numbers of the pipes.
    """
    names = {f"pipe:[{number}]" for number in pipes}
    return [
        process
        for process in _processes()
        if process.pid != os.getpid() and names & set(_links(PROC / str(process.pid) / "fd"))
    ]


def working_folder(process: Process) -> str:
    """Return the folder that a process works in; "" if it has ended."""
    try:
        return str((PROC / str(process.pid) / "cwd").readlink())
    except OSError:
        return ""


def _links(folder: Path) -> list[str]:
    found = []
    with contextlib.suppress(OSError):  # it has ended, or is another user's
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                found.append(str(entry.readlink()))
    return found


def _has_children_besides(pid: int) -> bool:
    """Tell whether this process may have more children than one; quicker than to look at all."""
    try:
        found = [(task / "children").read_text() for task in (PROC / "self/task").iterdir()]
    except OSError:  # a kernel without CONFIG_PROC_CHILDREN
        return True
    return bool(set(" ".join(found).split()) - {str(pid)})


def _descendants() -> list[Process]:
    processes = _processes()
    family = {os.getpid()}
    while more := {p.pid for p in processes if p.parent in family} - family:
        family |= more
    return [process for process in processes if process.pid in family - {os.getpid()}]


def _processes() -> list[Process]:
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                found.append(_parse((folder / "stat").read_text(errors="replace")))
    return found


def _parse(stat: str) -> Process:
    """Read /proc/PID/stat (proc(5)); the name may contain blanks and parentheses."""
    pid, _, rest = stat.partition(" (")
    name, _, fields = rest.rpartition(") ")
    state, parent, *more = fields.split()
    return Process(int(pid), more[17], int(parent), name, state in "ZX")


def _set_subreaper(value: int) -> None:
    # Where it is not allowed, daemons are overlooked, and nothing else changes.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, value, 0, 0, 0)
