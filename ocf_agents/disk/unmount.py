"""Unmount a filesystem completely, and end the processes that prevent it."""

from __future__ import annotations

import os
import select

from ocf_agents.disk.busy import kernel, siege
from ocf_agents.disk.busy.namespaces import Namespace, inhabited, kept, unmount_in
from ocf_agents.disk.busy.spared import is_spared
from ocf_agents.disk.busy.threads import processes
from ocf_agents.disk.holders import Holder, holders, keepers, namespaces, suspects
from ocf_agents.disk.place import point
from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import TimedOut, bounded
from ocf_agents.runtime.command import run
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.mountinfo import Mount, at, in_use, mounts
from ocf_agents.runtime.process import identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PAUSE = 0.1  # seconds between two tries
KILL_AFTER = 0.5  # part of the time in which processes are asked to end before they are killed
SUSPECT_AFTER = 0.7  # part of the time after which what only may be a holder is taken for one
# For filesystems that any number of nodes may have mounted, where only data that the server has not
# got yet can be lost: parts of the time after which their requests are aborted, and after which the
# mount is detached although it is in use (umount2(2): MNT_FORCE, MNT_DETACH).
FORCE_AFTER, DETACH_AFTER = 0.1, 0.75
FORCE, DETACH = 1, 2  # umount2(2)
THAWING = 0.25  # part of the time for a frozen filesystem to thaw
FITHAW = 0xC0045878  # linux/fs.h


class Target:
    """What is to be unmounted.

    Args:
        ours: The mounts; empty if there is only the disk.
        is_ours: Tells whether another mount, wherever, goes with them.
        device: The number of the device in the table of mounts, if all of its files are ours; else
            "".
        disk: The number of its disk, which must not stay in use; "" if it has none, or another
            resource has it, too.
        mount_id: The ID that the mount had, "" if it is not known.
        points: Where it was mounted, besides those of the mounts.
        path: The path of the disk, if it is known.
        doubtful: Whether the kernel may be at work on it although nothing shows it any more.
        network: Whether it is a network filesystem.
        end_holders: Whether processes that use it may be ended.
    """

    def __init__(
        self,
        ours: list[Mount],
        is_ours: Callable[[Mount], bool],
        device: str = "",
        disk: str = "",
        mount_id: str = "",
        *,
        points: set[str] | None = None,
        path: str = "",
        doubtful: bool = False,
        network: bool = False,
        end_holders: bool = True,
    ) -> None:
        self._ids = {mount.id for mount in ours}
        self.is_ours = is_ours
        self.device = device
        self.disk = disk
        self.mount_id = mount_id
        self.path = path
        self.doubtful = doubtful
        self.network = network
        self.end_holders = end_holders
        # Only some filesystems show the kernel's use of them; of those it is the whole truth.
        self._shows = bool(disk) and in_use(disk)
        self.points = (points or set()) | {mount.point for mount in self.mounts(mounts())}

    @property
    def is_gone(self) -> bool:
        """Whether the kernel says that nothing of the disk is in use, in whatever namespace."""
        return self._shows and not in_use(self.disk)

    def mounts(self, table: list[Mount]) -> list[Mount]:
        """Return the mounts, those that go with them, and all that is mounted in one of them.

        By ID, not by path: what was mounted below the folder before is hidden, and another's.
        """
        found: set[str] = set()
        before = -1
        while before != len(found):  # again, since what was moved here is before it in the table
            before = len(found)
            found |= {
                mount.id
                for mount in table
                if mount.id in self._ids or mount.parent in found or self.is_ours(mount)
            }
        return [mount for mount in table if mount.id in found]

    def ids(self) -> set[str]:
        """Return the IDs of the mounts, in all mount namespaces."""
        tables = [each.table for each in inhabited()]
        return {mount.id for table in tables for mount in self.mounts(table)}


class Phases:
    """The phases of an unmount: the less time is left, the harder the means.

    Args:
        deadline: The end of the last phase.
        network: Whether it is a network filesystem, whose mounts may be forced and detached.
    """

    def __init__(self, deadline: Deadline, *, network: bool) -> None:
        self.deadline = deadline
        self._network = network
        self._until_kill = deadline.part(KILL_AFTER)
        self._until_suspicion = deadline.part(SUSPECT_AFTER)
        self._until_force = deadline.part(FORCE_AFTER) if network else deadline
        self._until_detach = deadline.part(DETACH_AFTER) if network else deadline

    @property
    def signal(self) -> int:
        """The signal for processes that use the filesystem now."""
        return signals.TERM if self._until_kill.left() else signals.KILL

    @property
    def is_last(self) -> bool:
        """Whether the stop is about to fail, so that suspects are ended, too."""
        return not self._until_suspicion.left()

    @property
    def flags(self) -> int:
        """The flags of umount2(2) now."""
        # A disk stays mounted, and its stop fails, even if the time is over in this moment.
        if not self._network or self._until_force.left():
            return 0
        return FORCE if self._until_detach.left() else DETACH

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
    last: list[Holder] = []
    before = set(processes())
    if target.disk:
        _thaw(target, deadline)
    while True:
        rest, error = _unmount_all(target, phases, error)
        # On a busy machine to look at all processes takes longer than the rest of the time.
        few = {holder.pid for holder in last} | (set(processes()) - before)
        again = last and phases.signal == signals.KILL
        busy = (_again(target, rest, few) if again else []) or _in_the_way(target, rest, phases)
        if busy is None:
            if not _is_at_work(target, phases):
                return
            busy = []
        number = phases.signal
        new = [h for h in busy if target.end_holders and (h.pid, number) not in signalled]
        _end([h for h in new if not h.untouchable], number, _Scene(target, rest, before, phases))
        signalled |= {(holder.pid, number) for holder in new}
        target.doubtful = target.doubtful or bool(new)
        # The last search may have had no time to find them once more.
        last = busy or [holder for holder in last if identify(holder.pid)]
        if not _wait_for(busy, deadline):
            raise _failure(target, rest, last, error)


def _thaw(target: Target, deadline: Deadline) -> None:
    """Thaw a filesystem that a backup has frozen: once it is unmounted, nobody can."""
    import fcntl

    table = mounts()
    visible = [m for m in target.mounts(table) if at(table, m.point)[-1:] == [m]]
    ours = [mount for mount in visible if target.is_ours(mount) and mount.has_disk]
    if not ours:
        return

    def work() -> str:
        root = point.root_of(ours[-1])
        descriptor = os.open(f"/proc/self/fd/{root}", os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.ioctl(descriptor, FITHAW, 0)
        except OSError:
            return ""  # it is not frozen
        return "thawed"

    try:
        if bounded(work, deadline.part(THAWING), "thawing"):
            log(
                f"{ours[-1].point} was frozen, for a backup perhaps: thawed, to unmount it", WARNING
            )
    except AgentError:
        return  # what is wrong shows when it is unmounted


def _unmount_all(target: Target, phases: Phases, last_error: str) -> tuple[list[Mount], str]:
    """Unmount what can be unmounted, and return what is left, and the last error of umount(8).

    Args:
        target: What is unmounted.
        phases: How, and until when.
        last_error: The last error before.
    """
    table = mounts()
    ours = target.mounts(table)
    ids = {mount.id for mount in ours}
    # The last mounted first: submounts come after what they are mounted on.
    for mount in reversed(ours):
        if at(table, mount.point)[-1:] == [mount]:  # not hidden by something else on top
            try:
                last_error = _unmount(mount, phases, nested=mount.parent in ids) or last_error
            except AgentError as error:
                target.doubtful = True
                # It hangs, or the time is over; what it has said before explains more than that.
                last_error = last_error or str(error)
            table = mounts()
    return target.mounts(table), last_error


def _unmount(mount: Mount, phases: Phases, *, nested: bool) -> str:
    """Unmount one mount, and return what was wrong.

    Raises:
        AgentError: It is not done in time.
    """
    flags = phases.flags
    # What is mounted in a filesystem that hangs has a way that hangs.
    what = f"unmounting {mount.point}"
    safe = (
        bool(bounded(lambda: "yes" if point.is_safe(mount) else "", phases.limit, what))
        if nested
        else point.is_safe(mount)
    )
    if not safe:
        try:
            bounded(lambda: point.unmount(mount, flags), phases.limit, what)
        except TimedOut:
            raise
        except AgentError as error:
            return str(error)
        return ""
    # Forced without the helper umount.nfs, which would ask the server.
    force = {0: [], FORCE: ["--internal-only", "--force"], DETACH: ["--internal-only", "--lazy"]}
    # The point is from the kernel's table; to canonicalize it would ask the disk.
    command = ["umount", "--no-canonicalize", *force[flags], "--", mount.point]
    result = run(command, phases.limit)
    return str(result.error()) if result.code else ""


def _in_the_way(target: Target, rest: list[Mount], phases: Phases) -> list[Holder] | None:
    """Return the processes that keep it from being unmounted, None if nothing does any more."""
    if rest:
        found = (target.ids(), target.device, "", target.points)
        sure = holders(*found, limit=phases.limit)
        return sure or (suspects(*found, limit=phases.limit) if phases.is_last else [])
    if target.is_gone or not (target.device or target.disk or target.mount_id):
        return None
    busy = namespaces(target.is_ours) or keepers(target.is_ours)
    if any(is_spared(each.pid) for each in busy):
        _unmount_in((each for each in inhabited() if is_spared(each.pid)), target, phases)
        busy = namespaces(target.is_ours) or keepers(target.is_ours)
    if busy:
        return busy
    _unmount_in((each for each in kept() if not each.pid), target, phases)
    if not (target.disk and in_use(target.disk)):
        # Of a disk that others have, too, a process may have what was unmounted lazily.
        return None if target.disk else holders(set(), "", target.mount_id) or None
    lazily = (set[str](), target.device, target.mount_id, target.points)
    busy = holders(*lazily, limit=phases.limit) or namespaces(
        lambda m: kernel.has_layer_in(m, target.points)
    )
    return busy or (suspects(*lazily, limit=phases.limit) if phases.is_last else [])


def _is_at_work(target: Target, phases: Phases) -> bool:
    """Tell whether the kernel still has the disk, though no table shows a mount of it any more.

    It forgets a mount before it has written the last of the filesystem: on a disk that does not
    answer this may never end, or end while another node has it mounted.
    """
    return (
        target.doubtful and bool(target.disk) and kernel.has(target.disk, target.path, phases.limit)
    )


def _again(target: Target, rest: list[Mount], among: set[int]) -> list[Holder]:
    """Return which of some processes still hold what is mounted."""
    return holders(target.ids(), target.device, "", target.points, among=among) if rest else []


def _unmount_in(found: Iterable[Namespace], target: Target, phases: Phases) -> None:
    """Unmount it in mount namespaces whose processes must not be ended, or that have none.

    A service of the cluster with a /tmp of its own has a copy of all mounts that were there when it
    began. Where mounts are shared (systemd has them so, but not in a container) it goes with ours.
    """
    for namespace in found:
        if any(target.is_ours(mount) for mount in namespace.table):
            try:
                unmount_in(namespace, target.is_ours, phases.limit)
            except AgentError as error:
                log(str(error))


class _Scene:
    """What was found when processes are to be ended.

    Args:
        target: What is to be unmounted.
        rest: The mounts that are left.
        before: The processes that were there before anybody looked for holders.
        phases: The phases.
    """

    def __init__(self, target: Target, rest: list[Mount], before: set[int], phases: Phases) -> None:
        self.ids = target.ids()
        self.device = target.device
        self.rest = rest
        self.before = before
        self.end = phases.limit


def _end(busy: list[Holder], number: int, scene: _Scene) -> None:
    """Signal processes; those that have not listened are killed, and kept from coming back."""
    if number == signals.TERM:
        for holder in busy:
            log(f"SIGTERM to {holder}: it keeps the filesystem busy")
            siege.send(holder.pid, number)
        return
    for holder in busy:
        log(
            f"SIGKILL to {holder}: it keeps the filesystem busy{'' if holder.sure else ', perhaps'}"
        )
    if busy:

        def others() -> dict[int, str]:
            # All that are older have been looked at.
            new = holders(
                scene.ids, scene.device, limit=scene.end, among=set(processes()) - scene.before
            )
            return {holder.pid: str(holder) for holder in new if not holder.untouchable}

        pids = [holder.pid for holder in busy]
        limit = Deadline(min(siege.LASTS, scene.end.left() * siege.PART))
        try:
            text = bounded(
                lambda: siege.lay(pids, others, scene.rest, limit), scene.end, "unmounting"
            )
        except AgentError as error:
            text = str(error)
        for line in text.split("\n"):
            if line:
                log(line)


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


def _failure(target: Target, rest: list[Mount], busy: list[Holder], error: str) -> AgentError:
    where = [mount.point for mount in rest] or sorted(target.points)[:1]
    sure = [str(holder) for holder in busy if holder.sure]
    perhaps = [f"perhaps {holder}" for holder in busy if not holder.sure]
    names = ", ".join([*sure, *kernel.users(target.points), *perhaps])
    names = names or (
        "the kernel, which is still at work on it"
        if not rest and target.doubtful
        else "no process that can be seen"
    )
    place = where[0] if rest else f"the disk of {(where or ['this resource'])[0]}"
    return AgentError(
        f"cannot unmount {place}, held by {names}" + (f"; {error}" if error else ""),
        details=f"still mounted: {', '.join(m.point for m in rest) or 'nothing that can be seen'}",
    )
