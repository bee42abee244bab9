"""Find the processes that keep a filesystem busy, from /proc alone.

fuser(1) and lsof(8) may hang on a dead server and take any process with a path that looks right
for a holder. Here a process is a holder if what it has open is in one of the mounts (by mount ID)
or on their device; so a bind mount of the root filesystem does not make the whole system a holder.
"""

from __future__ import annotations

import os

from ocf_agents.runtime.mountinfo import Mount, mounts, number
from ocf_agents.runtime.process import name, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Killing these would be worse than a failed stop: the node would be lost without being fenced.
CLUSTER = ("pacemaker", "corosync", "pcsd", "systemd")  # beginnings of names
STORAGE = ("sbd", "dlm_controld", "iscsid", "multipathd")  # what the disk itself depends on
# Services that are the cluster's with all their processes, whatever these are called (pcsd is in
# part a Ruby interpreter). Not pacemaker.service: there the resources' own processes are, too.
SERVICES = ("corosync", "pcsd", "sbd", "booth@", "dlm")  # beginnings of units

PROC = "/proc"
STARTING = ("mount", "fsck", "e2fsck")  # beginnings of names of what a start runs on the disk


class Holder:
    """A process that keeps a filesystem busy.

    Args:
        pid: Its number.
        name: Its name.
    """

    def __init__(self, pid: int, name: str) -> None:
        self.pid = pid
        self.name = name

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"

    @property
    def untouchable(self) -> bool:
        """Whether it must not be killed: it is the cluster's own, or runs this agent."""
        if self.name.startswith(CLUSTER) or self.name in STORAGE or self.pid == 1:
            return True
        return _is_of_the_cluster(self.pid) or self.pid in _ancestors()


class _Search:
    """What to look for.

    Args:
        ours: As for `holders`.
        device: As for `holders`.
        unmounted: As for `holders`.

    Attributes:
        device: The same.
        ours: The IDs of mounts whose files count.
        others: The IDs of all other mounts.
    """

    def __init__(self, ours: set[str], device: str, unmounted: str) -> None:
        known = [mount for _, table in _tables() for mount in table]
        self.device = device
        self.ours = ours | {mount.id for mount in known if device and mount.device == device}
        if unmounted and unmounted not in {mount.id for mount in known}:
            self.ours.add(unmounted)
        self.others = {mount.id for mount in known} - self.ours


def holders(ours: set[str], device: str, unmounted: str = "") -> list[Holder]:
    """Return the processes that have something open in one of the mounts, or of the device.

    Args:
        ours: The IDs of the mounts, in this mount namespace.
        device: The number ("major:minor") of a device whose files count wherever they are mounted;
            "" for none.
        unmounted: The ID of a mount that may have been unmounted lazily since, "" for none: the
            files of btrfs do not show the number of their filesystem.
    """
    found = []
    search = _Search(ours, device, unmounted)
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if _holds(f"/proc/{entry}", search):
                    found.append(Holder(int(entry), name(int(entry))))
            except OSError:
                continue  # it has ended
    return found


def namespaces(device: str) -> list[Holder]:
    """Return one process of each other mount namespace in which the device is still mounted."""
    _, *others = _tables()
    return [
        Holder(pid, name(pid))
        for pid, table in others
        if any(mount.device == device for mount in table)
    ]


def left_behind(arguments: set[str]) -> list[Holder]:
    """Return the programs that an interrupted start may have left at work on the resource.

    Args:
        arguments: The mount point and the device; a program counts if one is among its arguments.
    """
    found = []
    for entry in os.listdir("/proc"):
        # The name first: the arguments are in the process's memory, which may be locked.
        if entry.isdigit() and name(int(entry)).startswith(STARTING):
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    given = {os.fsdecode(argument) for argument in file.read().split(b"\0")}
            except OSError:
                continue  # it has ended
            if given & arguments and stat(int(entry)):
                found.append(Holder(int(entry), name(int(entry))))
    return found


def _tables() -> Iterator[tuple[int, list[Mount]]]:
    """Yield a process and the table of mounts of each mount namespace, this one first."""
    yield os.getpid(), mounts()
    seen = {os.readlink("/proc/self/ns/mnt")}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            namespace = os.readlink(f"/proc/{entry}/ns/mnt")
            if namespace not in seen:
                seen.add(namespace)
                yield int(entry), mounts(entry)
        except OSError:
            continue  # it has ended, or is a kernel thread


def _holds(process: str, search: _Search) -> bool:
    for link in ("cwd", "root", "exe"):
        if _is_inside(f"{process}/{link}", search):
            return True
    for descriptor in os.listdir(f"{process}/fd"):
        mount = _mount_id(f"{process}/fdinfo/{descriptor}")
        if mount in search.ours:
            return True
        # Asked only if no table knows the mount (it was unmounted lazily): a stat would hang on a
        # file of a dead server, which has nothing to do with this filesystem.
        if search.device and mount not in search.others:
            try:
                if number(os.stat(f"{process}/fd/{descriptor}").st_dev) == search.device:
                    return True
            except OSError:
                continue  # closed meanwhile
    # Last, since the process's memory is locked while this is read.
    return bool(search.device) and search.device in set(_mapped(process))


def _is_inside(link: str, search: _Search) -> bool:
    """Tell whether a link in /proc leads into the mounts, without asking the filesystem."""
    try:
        descriptor = os.open(link, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return False  # a kernel thread has none
    try:
        mount = _mount_id(f"/proc/self/fdinfo/{descriptor}")
        if mount in search.ours or mount in search.others or not search.device:
            return mount in search.ours
        return number(os.fstat(descriptor).st_dev) == search.device
    finally:
        os.close(descriptor)


def _mount_id(fdinfo: str) -> str:
    try:
        with open(fdinfo, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("mnt_id:"):
                    return line[7:].strip()
    except OSError:
        pass  # closed meanwhile
    return ""


def _mapped(process: str) -> Iterator[str]:
    """Yield the devices of the files that a process has in its memory."""
    # The kernel escapes the line feed in names, and no other line break.
    with open(f"{process}/maps", encoding="utf-8", errors="replace", newline="\n") as file:
        for line in file:
            major, _, minor = line.split(maxsplit=4)[3].partition(":")
            yield f"{int(major, 16)}:{int(minor, 16)}"


def _is_of_the_cluster(pid: int) -> bool:
    """Tell whether a process belongs to one of the cluster's services, by its control group."""
    try:
        with open(f"{PROC}/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            units = [unit for line in file for unit in line.rstrip().split("/")]
    except OSError:
        return False  # it has ended
    return any(unit.startswith(SERVICES) and unit.endswith(".service") for unit in units)


def _ancestors() -> set[int]:
    """Return the processes that this one descends from."""
    found: set[int] = set()
    pid = os.getppid()
    while pid > 1:
        found.add(pid)
        fields = stat(pid)
        pid = int(fields[1]) if fields else 0
    return found
