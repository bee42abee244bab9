"""Unmount a filesystem completely, and end the processes that prevent it."""

from __future__ import annotations

import os
import select
import time

from ocf_agents.disk.holders import Holder, holders, left_behind, namespaces
from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.command import run
from ocf_agents.runtime.journal import log
from ocf_agents.runtime.mountinfo import Mount, at, in_use, is_system_folder, mounts

PAUSE = 0.1  # seconds between two tries
KILL_AFTER = 0.5  # part of the time in which processes are asked to end before they are killed
# For filesystems that any number of nodes may have mounted, where only data that the server has not
# got yet can be lost: parts of the time after which their requests are aborted, and after which the
# mount is detached although it is in use (umount2(2): MNT_FORCE, MNT_DETACH).
FORCE_AFTER, DETACH_AFTER = 0.1, 0.75
UMOUNT_NOFOLLOW = 8  # umount2(2)
RACE = 0.02  # seconds in which what was killed is waited for without a pause


class Target:
    """What is to be unmounted.

    Args:
        ours: The mounts; empty if there is only the device.
        device: The number of the device in the table of mounts, "" if its mounts elsewhere are not
            ours.
        disk: The number of its disk, which must not stay in use; "" if it has none.
        mount_id: The ID that the mount had, "" if it is not known.
        network: Whether it is a network filesystem.
        end_holders: Whether processes that use it may be ended.
    """

    def __init__(
        self,
        ours: list[Mount],
        device: str = "",
        disk: str = "",
        mount_id: str = "",
        *,
        network: bool = False,
        end_holders: bool = True,
    ) -> None:
        self._ids = {mount.id for mount in ours}
        self.device = device
        self.disk = disk
        self.mount_id = mount_id
        self.network = network
        self.end_holders = end_holders
        if any(m.device == device and is_system_folder(m.point) for m in mounts()):
            self.device = self.disk = ""  # the system's own disk: only the mounts are ours

    def mounts(self, table: list[Mount]) -> list[Mount]:
        """Return the mounts, those of the device, and all that is mounted in one of them.

        By ID, not by path: what was mounted below the folder before is hidden, and another's.
        """
        found: set[str] = set()
        before = -1
        while before != len(found):  # again, since what was moved here is before it in the table
            before = len(found)
            found |= {
                mount.id
                for mount in table
                if mount.id in self._ids
                or mount.parent in found
                or (self.device and mount.device == self.device)
            }
        return [mount for mount in table if mount.id in found]


class Phases:
    """The phases of an unmount: the less time is left, the harder the means.

    Args:
        deadline: The end of the last phase.
        network: Whether it is a network filesystem, whose mounts may be forced and detached.
    """

    def __init__(self, deadline: Deadline, *, network: bool) -> None:
        self.deadline = deadline
        self._until_kill = deadline.part(KILL_AFTER)
        self._until_force = deadline.part(FORCE_AFTER) if network else deadline
        self._until_detach = deadline.part(DETACH_AFTER) if network else deadline

    @property
    def signal(self) -> int:
        """The signal for processes that use the filesystem now."""
        return signals.TERM if self._until_kill.left() else signals.KILL

    @property
    def flags(self) -> list[str]:
        """The options of umount(8) now."""
        if self._until_force.left():
            return []
        # Without the helper umount.nfs, which would ask the server.
        return ["--internal-only", "--force" if self._until_detach.left() else "--lazy"]

    @property
    def limit(self) -> Deadline:
        """The end of the phase: a umount that hangs must not use up the time of the next one."""
        ends = (self._until_force, self._until_kill, self._until_detach)
        return min((end for end in ends if end.left()), key=Deadline.left, default=self.deadline)


def unmount(target: Target, deadline: Deadline) -> None:
    """Unmount mounts with everything below them, and their device wherever else it is mounted.

    A bind mount elsewhere, a copy in another mount namespace, or one that was unmounted lazily and
    has a file open would still write to the disk while the next node mounts it.

    Raises:
        AgentError: It is still in use at the deadline; the reason names the processes.
    """
    phases = Phases(deadline, network=target.network)
    signalled: set[tuple[int, int]] = set()
    error = ""
    while True:
        rest, new_error = _unmount_all(target, phases)
        error = new_error or error
        busy = _in_the_way(target, rest)
        if busy is None:
            return
        number = phases.signal
        new = [h for h in busy if target.end_holders and (h.pid, number) not in signalled]
        _end([holder for holder in new if not holder.untouchable], number, rest, deadline)
        signalled |= {(holder.pid, number) for holder in new}
        if not _wait_for(busy, deadline):
            raise _failure(rest, busy, error)


def end_leftovers(arguments: set[str], deadline: Deadline) -> None:
    """End a mount(8) or fsck(8) that an interrupted start has left behind.

    The kernel may be busy with it, replaying the journal for example, and cannot be interrupted:
    the filesystem would appear after the stop, or be repaired while the next node has it.

    Args:
        arguments: The mount point and the device.
        deadline: The end of the time for it.

    Raises:
        AgentError: It still works at the deadline.
    """
    while busy := left_behind(arguments):
        for holder in busy:
            _signal(holder, signals.KILL, f"a start has left it working on {min(arguments)}")
        if not deadline.pause(PAUSE):
            names = ", ".join(map(str, busy))
            raise AgentError(f"{names} still works on {min(arguments)} and cannot be killed")


def _unmount_all(target: Target, phases: Phases) -> tuple[list[Mount], str]:
    """Unmount what can be unmounted, and return what is left, and the last error of umount(8)."""
    last_error = ""
    table = mounts()
    # The last mounted first: submounts come after what they are mounted on.
    for mount in reversed(target.mounts(table)):
        if at(table, mount.point)[-1:] == [mount]:  # not hidden by something else on top
            # The point is from the kernel's table; to canonicalize it would ask the disk.
            command = ["umount", "--no-canonicalize", *phases.flags, "--", mount.point]
            try:
                result = run(command, phases.limit)
                last_error = str(result.error()) if result.code else last_error
            except AgentError as error:  # it hangs
                last_error = str(error)
            table = mounts()
    return target.mounts(table), last_error


def _in_the_way(target: Target, rest: list[Mount]) -> list[Holder] | None:
    """Return the processes that keep it from being unmounted, None if nothing does any more."""
    if rest:
        return holders({mount.id for mount in rest}, target.device)
    busy = namespaces(target.device) if target.device else []
    if not busy and not (target.disk and in_use(target.disk)):
        return None
    return busy or holders(set(), target.device, target.mount_id)


def _end(busy: list[Holder], number: int, rest: list[Mount], deadline: Deadline) -> None:
    """Signal processes; after a SIGKILL unmount in the moment in which they are gone.

    What starts such processes again and again has started the next one before umount(8) is loaded.
    """
    if number == signals.TERM:
        for holder in busy:
            _signal(holder, number, "it keeps the filesystem busy")
        return
    for holder in busy:
        log(f"SIGKILL to {holder}: it keeps the filesystem busy")
    if busy:
        table = mounts()
        points = [m.point for m in reversed(rest) if at(table, m.point)[-1:] == [m]]
        try:
            bounded(
                lambda: _kill_and_unmount([h.pid for h in busy], points), deadline, "unmounting"
            )
        except AgentError as error:
            log(str(error))


def _kill_and_unmount(pids: list[int], points: list[str]) -> str:
    """Kill processes and unmount at once, until that succeeds or `RACE` is over."""
    import ctypes

    unmount_now = ctypes.CDLL(None, use_errno=True).umount2
    paths = [os.fsencode(point) for point in points]
    for pid in pids:
        try:
            os.kill(pid, signals.KILL)
        except ProcessLookupError:
            continue
    end = time.monotonic() + RACE
    while paths and time.monotonic() < end:
        if unmount_now(paths[0], UMOUNT_NOFOLLOW) == 0:
            del paths[0]
    return ""


def _wait_for(busy: list[Holder], deadline: Deadline) -> bool:
    """Wait until processes have ended, `PAUSE` at most; tell whether there is time left."""
    pause = Deadline(min(PAUSE, deadline.left()))
    for holder in busy:
        try:
            descriptor = os.pidfd_open(holder.pid)
        except OSError:
            continue  # it has ended
        select.select([descriptor], [], [], pause.left())
        os.close(descriptor)
    if not busy:
        pause.pause(PAUSE)
    return deadline.left() > 0


def _failure(rest: list[Mount], busy: list[Holder], error: str) -> AgentError:
    where = [mount.point for mount in rest] or ["what is not in the table of mounts"]
    names = ", ".join(map(str, busy)) or "no process that can be seen"
    return AgentError(
        f"cannot unmount {where[0]}, held by {names}" + (f"; {error}" if error else ""),
        details=f"still mounted: {', '.join(where)}",
    )


def _signal(holder: Holder, number: int, why: str) -> None:
    log(f"{signals.name(number)} to {holder}: {why}")
    try:
        os.kill(holder.pid, number)
    except ProcessLookupError:
        return
