"""What can be watched: a process, an address, a link, a mount, a disk.

Each kind says in one sentence what is wrong now, from what the kernel has in memory: neither a disk
nor a server is asked, so nothing here can hang. A registration has lines of these forms:

process PID STARTED     a process by its number and start time (proc_pid_stat(5), field 22)
address IP INDEX        an address on the interface with this index
link INDEX              an interface that is up
mount DISK rw|ro POINT  what is mounted on a folder (as in mountinfo), and how
device DISK             a disk ("major:minor")
"""

from __future__ import annotations

import _socket
import errno
import os
import select

from ocf_agents.network import netlink
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.process import identify, name
from ocf_agents.watcher.events import DEVICES, KERNEL, MOUNTS, NETWORK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "/proc/self/mountinfo"


class Watch:
    """Something that has to be there.

    Attributes:
        events: The sources whose events say that it may have changed (events.py).
        is_storage: Whether other things fail as a consequence when it fails.
        needs_storage: Whether it may fail as a consequence of storage that fails.
        descriptor: What becomes readable when it has changed; None if there is no such descriptor.
    """

    events: tuple[str, ...] = ()
    is_storage = False
    needs_storage = False
    descriptor: int | None = None

    def problem(self) -> str:
        """Return what is wrong now, "" if nothing is."""
        raise NotImplementedError

    def close(self) -> None:
        """Give up what it holds."""


class ProcessWatch(Watch):
    """A process that lives (pidfd_open(2))."""

    needs_storage = True

    def __init__(self, pid: str, started: str) -> None:
        self._pid = int(pid)
        self._name = name(self._pid)
        self._poll = select.poll()
        try:
            self.descriptor = os.pidfd_open(self._pid)
        except ProcessLookupError:
            return
        self._poll.register(self.descriptor, select.POLLIN)
        # Looked at only now that the number cannot be given to another process unnoticed.
        found = identify(self._pid)
        if found is None or found.started != started:
            self.close()

    def problem(self) -> str:
        """Return that it has ended, "" if it has not."""
        if self.descriptor is None:
            return f"the process {self._pid} has ended"
        return f"{self._name} ({self._pid}) has ended" if self._poll.poll(0) else ""

    def close(self) -> None:
        """Close the descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class AddressWatch(Watch):
    """An address on an interface, which nobody else uses."""

    events = (NETWORK,)

    def __init__(self, text: str, index: str) -> None:
        self._text = text
        family = netlink.AF_INET6 if ":" in text else netlink.AF_INET
        self._ip = _socket.inet_pton(family, text)
        self._index = int(index)

    def problem(self) -> str:
        """Return that it is gone or used by another host, "" if neither."""
        for address in netlink.find(self._ip):
            if address.index == self._index:
                return f"another host already uses {self._text}" if address.duplicate else ""
        return f"{self._text} was removed from its interface"


class LinkWatch(Watch):
    """An interface that is up."""

    events = (NETWORK,)

    def __init__(self, index: str) -> None:
        self._index = int(index)
        self._name = _interface(self._index)

    def problem(self) -> str:
        """Return that it is down or gone, "" if neither."""
        try:
            link = netlink.link(self._index)
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            return f"the interface {self._name} has vanished"
        return f"the link {link.name} is down: {link.down}" if link.down else ""


class MountWatch(Watch):
    """A filesystem that is mounted and, if it was mounted so, can be written to."""

    events = (MOUNTS, KERNEL)
    is_storage = True

    def __init__(self, disk: str, access: str, point: str) -> None:
        if access not in ("rw", "ro"):
            raise ValueError(f"{access} is neither rw nor ro")
        self._disk = disk
        self._writable = access == "rw"
        self._point = self._name = point
        self._fine = b""  # the table of mounts when all was well; as long as it stays, all is well
        self._xfs = ""

    def problem(self) -> str:
        """Return that it is gone, hidden, read-only or shut down, "" if nothing is wrong."""
        table = _read(TABLE)
        if table != self._fine:
            if self._compare(mountinfo.parse(table.decode(errors="surrogateescape"))):
                # A table that changes while it is read can lack an entry.
                return self._compare(mountinfo.mounts())
            self._fine = table
        return f"{self._xfs} was shut down by XFS after an error" if self._is_shut_down() else ""

    def _compare(self, table: list[mountinfo.Mount]) -> str:
        """Return what is wrong according to the table of mounts, "" if nothing is."""
        here = [m for m in table if mountinfo.escape(m.point) == self._point]
        if not here:
            return f"{self._name} is not mounted any more"
        mount = here[-1]
        self._name = mount.point
        if mount.disk != self._disk:
            return f"another device, {mount.source}, is mounted on {mount.point}"
        if self._writable and mount.options & mountinfo.READ_ONLY:
            return f"{mount.source} on {mount.point} has become read-only"
        self._xfs = mount.point if mount.type == "xfs" else ""
        return ""

    def _is_shut_down(self) -> bool:
        """Tell whether XFS has shut the filesystem down, which the table of mounts does not show.

        Every system call on it fails then, also this one, which asks no disk (xfs_vn_getattr).
        """
        try:
            return bool(self._xfs) and not os.stat(self._xfs)
        except OSError as error:
            return error.errno == errno.EIO


class DeviceWatch(Watch):
    """A disk that the kernel has not given up."""

    events = (DEVICES, KERNEL)
    is_storage = True

    def __init__(self, disk: str) -> None:
        major, _, minor = disk.partition(":")
        self._disk = f"{int(major)}:{int(minor)}"
        self._name = os.path.basename(os.path.realpath(self._path))

    @property
    def _path(self) -> str:
        return f"{mountinfo.SYSFS}/dev/block/{self._disk}"

    def problem(self) -> str:
        """Return that it is gone or offline, "" if neither."""
        if not mountinfo.is_here(self._disk):
            return f"the disk {self._name} has vanished"
        if (state := mountinfo.state_of(self._disk)) in mountinfo.DEAD:
            return f"the disk {self._name} is {state}"
        return ""


KINDS: dict[str, Callable[..., Watch]] = {
    "process": ProcessWatch,
    "address": AddressWatch,
    "link": LinkWatch,
    "mount": MountWatch,
    "device": DeviceWatch,
}


def parse(text: str) -> Watch:
    """Return what a line of a registration asks to watch.

    Raises:
        ValueError: The line has no such form.
        OSError: It cannot be watched.
    """
    kind, *values = text.split(" ")
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r}")
    try:
        return KINDS[kind](*values)
    except TypeError:
        raise ValueError(f"{len(values)} is not the number of values of {kind}") from None


def _interface(index: int) -> str:
    try:
        return _socket.if_indextoname(index)
    except OSError:
        return f"number {index}"


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
