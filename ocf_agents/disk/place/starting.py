"""Which programs a start has at work, so that a stop finds those that a killed start has left.

The kernel may be busy with one, replaying the journal for example, and cannot be interrupted: the
filesystem would appear after the stop, or be repaired while the next node has it. All that a start
runs inherits a file of root's that it has locked. So nobody's process is taken for such a program
by its name, and none is missed because the agent was killed before it could note its number.
"""

from __future__ import annotations

import fcntl
import os

from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.journal import log
from ocf_agents.runtime.process import name, processes

FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
PAUSE = 0.02  # seconds between two looks


class Starting:
    """A `with` block whose programs a later stop finds, unless it ends well.

    Args:
        path: The path of the file, in a folder that is root's alone.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> None:
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        self._descriptor = os.open(self._path, FLAGS, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        os.set_inheritable(self._descriptor, True)

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        os.close(self._descriptor)
        if kind is None:  # what serves the filesystem from now on, as FUSE's programs do, may stay
            os.unlink(self._path)


def end_leftovers(path: str, deadline: Deadline) -> None:
    """End what an interrupted start has left at work.

    Args:
        path: The path of the start's file.
        deadline: The end of the time for it.

    Raises:
        AgentError: Something still works at the deadline.
    """
    try:
        descriptor = os.open(path, FLAGS & ~os.O_CREAT)
    except FileNotFoundError:
        return
    try:
        while not _is_free(descriptor):
            left = _users(descriptor)
            for pid in left:
                log(f"SIGKILL to {name(pid)} ({pid}): a start has left it working")
                _kill(pid)
            if not deadline.pause(PAUSE):
                names = ", ".join(f"{name(pid)} ({pid})" for pid in left) or "a program"
                raise AgentError(f"{names}, left by a start, still works and cannot be killed")
        os.unlink(path)
    finally:
        os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _users(descriptor: int) -> list[int]:
    """Return the processes that have the file of a descriptor open."""
    wanted, own = _file_of(f"/proc/self/fdinfo/{descriptor}"), os.fstat(descriptor)
    path = os.readlink(f"/proc/self/fd/{descriptor}")

    def is_it(folder: str, number: str) -> bool:
        try:
            # The name first: to ask for another file could hang on a dead server.
            return (
                os.readlink(f"{folder}/fd/{number}") == path
                and _file_of(f"{folder}/fdinfo/{number}") == wanted
                and os.path.samestat(os.stat(f"{folder}/fd/{number}"), own)
            )
        except OSError:
            return False  # it is closed by now

    def numbers(folder: str) -> list[str]:
        try:
            return os.listdir(f"{folder}/fd")
        except OSError:
            return []  # it has ended

    folders = {pid: f"/proc/{pid}" for pid in processes() if pid != os.getpid()}
    return [
        pid
        for pid, folder in folders.items()
        if any(is_it(folder, number) for number in numbers(folder))
    ]


def _file_of(fdinfo: str) -> list[str]:
    """Return the mount and, since Linux 5.14, the inode of a descriptor; it asks no filesystem."""
    with open(fdinfo, encoding="ascii", errors="replace") as file:
        return [line for line in file if line.startswith(("mnt_id:", "ino:"))]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signals.KILL)
    except ProcessLookupError:
        return
