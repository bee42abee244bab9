"""Find the processes that keep a filesystem busy, from /proc alone.

fuser(1) and lsof(8) may hang on a dead server and take any process with a path that looks right
for a holder. Here a process is a holder if what it has open is in one of the mounts (by mount ID)
or on their device; so a bind mount of the root filesystem does not make the whole system a holder.
"""

from __future__ import annotations

import contextlib
import os

from ocf_agents.disk.busy import sockets
from ocf_agents.disk.busy.namespaces import Namespace, copy_of, inhabited, kept
from ocf_agents.disk.busy.opening import opening
from ocf_agents.disk.busy.spared import is_spared, is_users
from ocf_agents.disk.busy.threads import descriptors, folders_of, processes
from ocf_agents.disk.place.point import mount_id
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.mountinfo import Mount, number
from ocf_agents.runtime.process import name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

NO, PERHAPS, YES = 0, 1, 2  # whether a process is a holder
# What may keep a filesystem busy and does not say which (their names in /proc/PID/fd).
QUEUES = ("anon_inode:[fanotify]", "anon_inode:[io_uring]", "anon_inode:[fscontext]")
# Objects of the kernel's own: a file's name there begins with a slash, or "(unreachable)".
KERNELS = ("socket:", "pipe:", "anon_inode:")
WORKER = "iou-wrk-"  # a thread that does a request of io_uring's (its name)
LOOKING = 0.5  # seconds for all paths of others', which may lead to servers that are gone


class Holder:
    """A process that keeps a filesystem busy.

    Args:
        pid: Its number.
        name: Its name.
        sure: Whether it is known that it does.
    """

    def __init__(self, pid: int, name: str, *, sure: bool = True) -> None:
        self.pid = pid
        self.name = name
        self.sure = sure

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"

    @property
    def untouchable(self) -> bool:
        """Whether it must not be killed.

        It is the cluster's own, or runs this agent; or nobody knows whether it is a holder, and it
        is root's or a system service's. Nobody is ended for what an honest process may do, but
        where the node would be lost otherwise, users' are.
        """
        return is_spared(self.pid) or not (self.sure or is_users(self.pid))


class _Search:
    """What to look for.

    Args:
        ours: As for `holders`.
        device: As for `holders`.
        unmounted: As for `holders`.
        points: As for `holders`.

    Attributes:
        device: The same.
        points: The same.
        ours: The IDs of mounts whose files count.
        others: The IDs of all other mounts.
        devices: The devices of those that count.
    """

    def __init__(self, ours: set[str], device: str, unmounted: str, points: Iterable[str]) -> None:
        known = [mount for namespace in inhabited() for mount in namespace.table]
        self.device = device
        self.looking = LOOKING  # what is left of it
        self.points = tuple(f"{point}/" for point in points)
        self.ours = ours | {mount.id for mount in known if device and mount.device == device}
        if unmounted and unmounted not in {mount.id for mount in known}:
            self.ours.add(unmounted)
        self.others = {mount.id for mount in known} - self.ours
        self.devices = {mount.device for mount in known if mount.id in self.ours} | {device} - {""}
        self.sockets = {inode for each in self.devices for inode in self._sockets(each)}

    def _sockets(self, device: str) -> set[str]:
        """Return the sockets of this network namespace that are bound on a device."""
        bound = sockets.bound_on(device)
        # Of a mount that shares its device with others only what has a name in it.
        whole = device == self.device
        inside = [i for i, path in bound.items() if whole or path.startswith(self.points)]
        return {f"socket:[{inode}]" for inode in inside} if whole or self.points else set()


def holders(
    ours: set[str],
    device: str,
    unmounted: str = "",
    points: Iterable[str] = (),
    *,
    limit: Deadline | None = None,
    among: AbstractSet[int] | None = None,
) -> list[Holder]:
    """Return the processes that have something open in one of the mounts, or of the device.

    Args:
        ours: The IDs of the mounts.
        device: The number ("major:minor") of a device whose files count wherever they are mounted;
            "" for none.
        unmounted: The ID of a mount that may have been unmounted lazily since, "" for none: the
            files of btrfs do not show the number of their filesystem.
        points: The paths of the mounts, for what has no more than paths.
        limit: When the search has to end, whatever it has found by then; None for never.
        among: The processes that are looked at; None for all.
    """
    search = _Search(ours, device, unmounted, points)
    return [holder for holder, sure in _found(search, limit, among) if sure == YES]


def suspects(
    ours: set[str],
    device: str,
    unmounted: str = "",
    points: Iterable[str] = (),
    *,
    limit: Deadline | None = None,
) -> list[Holder]:
    """Return the processes of which it cannot be seen whether they are holders.

    Something waits for them that they have not taken yet, or they wait for something.

    Args:
        ours: As for `holders`, and so are the others.
        device: The number of a device.
        unmounted: The ID of a mount.
        points: The paths of the mounts.
        limit: When the search has to end.
    """
    search = _Search(ours, device, unmounted, points)
    return [holder for holder, sure in _found(search, limit, None) if sure == PERHAPS]


def _found(
    search: _Search, limit: Deadline | None, among: AbstractSet[int] | None
) -> Iterator[tuple[Holder, int]]:
    for pid in processes():
        if limit and not limit.left():
            return
        if among is not None and pid not in among:
            continue
        try:
            sure = _holds(pid, search)
        except OSError:
            continue  # it has ended
        if sure != NO:
            yield Holder(pid, name(pid), sure=sure == YES), sure


def namespaces(wanted: Callable[[Mount], bool]) -> list[Holder]:
    """Return one process of each other mount namespace in which something is still mounted.

    Args:
        wanted: Tells whether a mount is such a one.
    """
    own = os.getpid()
    return _keepers((each for each in inhabited() if each.pid != own), wanted)


def keepers(wanted: Callable[[Mount], bool]) -> list[Holder]:
    """Return the processes that keep such a namespace though no process is in it."""
    return _keepers((each for each in kept() if each.pid), wanted)


def _keepers(found: Iterable[Namespace], wanted: Callable[[Mount], bool]) -> list[Holder]:
    pids = {each.pid for each in found if any(wanted(mount) for mount in each.table)}
    return [Holder(pid, name(pid)) for pid in sorted(pids)]


def _holds(pid: int, search: _Search) -> int:
    found = NO
    for folder in folders_of(pid):
        if any(_is_inside(f"{folder}/{link}", search) for link in ("cwd", "root", "exe")):
            return YES
        for descriptor, target in descriptors(folder):
            found = max(found, _holds_open(pid, folder, descriptor, target, search))
            if found == YES:
                return YES
    for path in opening(pid):
        found = max(
            found, YES if path and search.looking and _leads_inside(path, search) else PERHAPS
        )
    # Last, since the process's memory is locked while this is read.
    return YES if found == YES or _maps(f"/proc/{pid}", search) else found


def _leads_inside(path: str, search: _Search) -> bool:
    """Tell whether a path of somebody else's leads into the mounts; False if it does not answer."""
    limit = Deadline(search.looking)
    try:
        return bool(bounded(lambda: "yes" if _is_inside(path, search) else "", limit, path))
    except AgentError:
        return False
    finally:
        search.looking = limit.left()


def _holds_open(pid: int, folder: str, descriptor: str, target: str, search: _Search) -> int:
    """Tell whether a descriptor keeps the filesystem busy."""
    if target.startswith(KERNELS):
        return _object_holds(pid, folder, descriptor, target, search)
    mount = _mount_id(f"{folder}/fdinfo/{descriptor}")
    if mount in search.ours:
        return YES
    # Asked only if no table knows the mount (it was unmounted lazily): a stat would hang on a
    # file of a dead server, which has nothing to do with this filesystem.
    if search.device and mount not in search.others:
        try:
            return YES if _device(f"{folder}/fd/{descriptor}") == search.device else NO
        except OSError:
            return NO  # closed meanwhile
    return NO


def _object_holds(pid: int, folder: str, descriptor: str, target: str, search: _Search) -> int:
    """Tell whether an object of the kernel's own keeps the filesystem busy: a socket, or a queue.

    Most are pipes and the like, which are in no mount of a table, so that this is asked first.
    """
    if target.startswith("socket:"):
        return _socket_holds(pid, folder, descriptor, target, search)
    may_wait = target in QUEUES and bool(search.devices)
    waits = may_wait and _waits(pid, f"{folder}/fdinfo/{descriptor}", target, search)
    return PERHAPS if waits else NO


def _socket_holds(pid: int, folder: str, descriptor: str, target: str, search: _Search) -> int:
    """Tell whether a socket is bound on the filesystem, or a file of it waits there."""
    if target in search.sockets:
        return YES
    waiting = sockets.waiting(f"{folder}/fdinfo/{descriptor}")
    copy = copy_of(pid, int(descriptor)) if search.devices else -1
    if copy < 0:
        return PERHAPS if waiting else NO
    files = sockets.waiting_in(copy) if waiting else []
    seen = len(files)
    with contextlib.suppress(OSError):  # no unix socket, or not bound to a file
        files.append(sockets.file_of(copy))
    try:
        if any(_is_ours(file, search) for file in files):
            return YES
    finally:
        for file in [*files, copy]:
            os.close(file)
    return PERHAPS if waiting > seen else NO


def _waits(pid: int, fdinfo: str, target: str, search: _Search) -> bool:
    """Tell whether a queue of the kernel's may have a file of the filesystem."""
    try:
        with open(fdinfo, encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except OSError:
        return False
    if target.endswith("[fscontext]"):
        return True
    if target.endswith("[io_uring]"):
        paths = [line.strip().partition(": ")[2] for line in lines if line[:1] == " "]
        if search.points and any(path.startswith(search.points) for path in paths):
            return True
        # Requests that have not ended: which files they are of, nothing tells.
        return any(line.startswith("  op=") for line in lines) or _has_worker(pid)
    devices = {_kernel_number(device) for device in {search.device} - {""}}
    marks = [field for line in lines for field in line.split() if line.startswith("fanotify ")]
    return any(
        int(field[5:], 16) in devices
        if field.startswith("sdev:")
        else str(int(field[7:], 16)) in search.ours
        for field in marks
        if field.startswith(("sdev:", "mnt_id:"))
    )


def _has_worker(pid: int) -> bool:
    """Tell whether a request of io_uring's may be at work in a thread of its own."""
    try:
        return any(
            name(int(thread)).startswith(WORKER) for thread in os.listdir(f"/proc/{pid}/task")
        )
    except OSError:
        return False  # it has ended


def _kernel_number(device: str) -> int:
    major, _, minor = device.partition(":")
    return int(major) << 20 | int(minor)


def _is_inside(link: str, search: _Search) -> bool:
    """Tell whether a link in /proc leads into the mounts, without asking the filesystem."""
    try:
        descriptor = os.open(link, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return False  # a kernel thread has none
    try:
        return _is_ours(descriptor, search)
    finally:
        os.close(descriptor)


def _is_ours(descriptor: int, search: _Search) -> bool:
    """Tell whether a descriptor of this process is of the mounts."""
    mount = mount_id(descriptor)
    if mount in search.ours or mount in search.others or not search.device:
        return mount in search.ours
    return number(os.fstat(descriptor).st_dev) == search.device


def _device(path: str) -> str:
    return number(os.stat(path).st_dev)


def _mount_id(fdinfo: str) -> str:
    try:
        with open(fdinfo, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("mnt_id:"):
                    return line[7:].strip()
    except OSError:
        pass  # closed meanwhile
    return ""


def _maps(process: str, search: _Search) -> bool:
    """Tell whether a process has a file of the mounts in its memory."""
    if not search.devices:
        return False
    with open(f"{process}/maps", "rb", buffering=0) as file:
        text = file.readall()
    for device in search.devices:
        major, _, minor = device.partition(":")
        field = f" {int(major):02x}:{int(minor):02x} ".encode()
        if field not in text:  # most processes are done with this
            continue
        # The kernel escapes the line feed in names, and no other line break.
        lines = [line.split(maxsplit=4) for line in text.split(b"\n") if field in line]
        found = [line[0].decode() for line in lines if line[3] == field.strip()]
        if found and (device == search.device or _maps_inside(process, found, search)):
            return True
    return False


def _maps_inside(process: str, found: list[str], search: _Search) -> bool:
    """Tell whether one of a process's maps is of a file in the mounts."""
    for addresses in found:
        # The names of map_files have no zeros before the numbers.
        plain = "-".join(f"{int(address, 16):x}" for address in addresses.split("-"))
        if _is_inside(f"{process}/map_files/{plain}", search):
            return True
    return False
