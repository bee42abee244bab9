"""Kill what keeps a filesystem busy although it is started again and again.

What starts such processes has started the next one before the last is gone, so to kill them is no
use as long as they find the way in. Therefore the mount points are covered with an empty folder
first. What comes now comes there, and keeps nothing busy. Then the covers are taken away, and the
filesystem is unmounted in the same moment.
"""

from __future__ import annotations

import contextlib
import os

from ocf_agents.disk.place import point, syscalls
from ocf_agents.disk.place.syscalls import MNT_DETACH, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY
from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import Deadline
from ocf_agents.runtime.mountinfo import Mount, at, mounts
from ocf_agents.runtime.process import pause

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LASTS, PART = 2.0, 0.8  # seconds, and part of the time that is left, for one siege
ATTEMPT = 0.5  # part of a siege until it is tried to unmount, whatever still lives
FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC


def lay(
    pids: list[int], others: Callable[[], dict[int, str]], rest: list[Mount], deadline: Deadline
) -> str:
    """Kill processes and unmount, until that succeeds or the time is over; in a child.

    Args:
        pids: The processes.
        others: Finds those that hold it now: their numbers, and what they are called.
        rest: What is to be unmounted, in the order of the table of mounts.
        deadline: The end of the time for it.

    Returns:
        Whom it has killed besides, a line for each.
    """
    said: list[str] = []
    look = False  # at first there is no time for it: on a busy machine it takes some
    while True:
        left = _visible(rest)
        covered = _cover(left)
        try:
            if look:
                found = others()
                words = found.values()
                said += [f"SIGKILL to {each}: it keeps the filesystem busy" for each in words]
                pids = list(found)
            _kill(pids, deadline.part(ATTEMPT))
        finally:
            _uncover(covered)
        if _unmount(left) or not deadline.pause(0):
            return "\n".join(said)
        look = True


def send(pid: int, number: int) -> None:
    """Send a signal to a process, if it is there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _visible(rest: list[Mount]) -> list[Mount]:
    table = mounts()
    return [mount for mount in rest if at(table, mount.point)[-1:] == [mount]]


def _cover(wanted: list[Mount]) -> list[str]:
    """Cover mount points, but those that are in another one; return where."""
    covered: list[str] = []
    for mount in wanted:
        if mount.point.startswith(tuple(f"{each}/" for each in covered)):
            continue
        try:
            name = point.enter_folder_of(mount)
            syscalls.mount("takeover", name, "tmpfs", FLAGS, "size=4k,mode=755")
            covered.append(mount.point)
        except OSError:
            continue  # a file: then they are killed without a cover
    return covered


def _uncover(covered: list[str]) -> None:
    table = mounts()
    for path in covered:
        mount = at(table, path)[-1]
        if (mount.type, mount.source) == ("tmpfs", "takeover"):
            syscalls.umount(point.enter_folder_of(mount), MNT_DETACH)


def _unmount(wanted: list[Mount]) -> bool:
    """Unmount what can be unmounted, and tell whether that is all."""
    done = True
    for mount in reversed(wanted):
        try:
            syscalls.umount(point.enter_folder_of(mount))
        except OSError:
            done = False
    return done


def _kill(pids: list[int], deadline: Deadline) -> None:
    """Kill processes, and wait until they have ended."""
    descriptors = []
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            descriptors.append(os.pidfd_open(pid))
            signals.send(descriptors[-1], signals.KILL)
    for descriptor in descriptors:
        pause((descriptor,), deadline.left())
        os.close(descriptor)
