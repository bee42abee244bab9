"""A process, known by its number and its start time: numbers are used again."""

from __future__ import annotations

import os

from ocf_agents.runtime import signals
from ocf_agents.runtime.parameters import decimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEAD = ("Z", "X")  # a zombie waits for its parent to read its exit code (proc_pid_stat(5))
MOST = 1 << 22  # PID_MAX_LIMIT (linux/threads.h)
STATE, START_TIME, THREADS = 0, 19, 17  # fields of /proc/PID/stat from the third on
PARENT, SESSION = 1, 3  # further ones


class Process:
    """A process that runs now, or did when it was identified.

    Args:
        pid: Its number.
        started: When it started, in the kernel's clock ticks since the boot.
    """

    def __init__(self, pid: int, started: str) -> None:
        self.pid = pid
        self.started = started

    @property
    def alive(self) -> bool:
        """Tell whether this very process still runs."""
        now = identify(self.pid)
        return now is not None and now.started == self.started

    def send(self, *numbers: int) -> None:
        """Send signals to this very process, if it is alive."""
        with Handle(self) as descriptor:
            for number in numbers if self.alive else ():
                try:
                    signals.send(descriptor, number)
                except ProcessLookupError:
                    return  # it has ended in this moment

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most so many seconds."""
        with Handle(self) as descriptor:
            if self.alive:
                pause((descriptor,), seconds)


class Handle:
    """A `with` block in which a process has a descriptor that is readable once it has ended.

    The descriptor is -1 if there is no such process. The number may have been given to another
    process before: compare the start times within the block.

    Args:
        process: The process.
    """

    def __init__(self, process: Process) -> None:
        self._pid = process.pid
        self._descriptor = -1

    def __enter__(self) -> int:
        try:
            self._descriptor = os.pidfd_open(self._pid)
        except ProcessLookupError:
            return -1
        return self._descriptor

    def __exit__(self, *error: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def pause(descriptors: Iterable[int], seconds: float) -> None:
    """Sleep so many seconds, or until one of the descriptors is readable."""
    import select

    poll = select.poll()  # select(2) takes no descriptor above 1023
    for descriptor in descriptors:
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
    poll.poll(max(0.0, seconds) * 1000)


def processes() -> list[int]:
    """Return the numbers of all processes that are there now."""
    return [pid for entry in os.listdir("/proc") if (pid := decimal(entry)) is not None]


def identify(pid: int) -> Process | None:
    """Return the process with this number; None if it is dead."""
    fields = stat(pid)
    return Process(pid, fields[START_TIME]) if fields else None


def recall(values: Mapping[str, str]) -> Process | None:
    """Return the process that is named in a state file, if it still runs."""
    pid = decimal(values.get("pid", ""))
    if not pid or pid > MOST:
        return None
    process = Process(pid, values.get("started", ""))
    return process if process.alive else None


def name(pid: int) -> str:
    """Return the name of a process, "?" if it has ended."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "?"


def stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on; empty if the process is dead."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            text = file.read().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    # The second field is the name, in parentheses, with whatever it likes inside.
    fields = text.rpartition(")")[2].split()
    # It looks like a zombie also when only its first thread has ended and others still work.
    return [] if fields[STATE] in DEAD and int(fields[THREADS]) <= 1 else fields
