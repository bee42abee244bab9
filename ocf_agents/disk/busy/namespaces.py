"""Other mount namespaces, each with a table of mounts of its own, and who keeps it.

A process keeps the one that it is in, and any other with a descriptor of it, also
one that waits in a socket, and with an open table of its mounts. A mount of the namespace itself
keeps it without any process.
"""

from __future__ import annotations

import os

from ocf_agents.disk.busy import sockets
from ocf_agents.disk.busy.threads import descriptors, folders_of, processes
from ocf_agents.disk.place import syscalls
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import ANSWER, bounded
from ocf_agents.runtime.mountinfo import Mount, mounts, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KIND = "mnt:["  # what such a descriptor leads to (namespaces(7))
TABLES = ("/mounts", "/mountinfo", "/mountstats")  # open ones keep the namespace, too
READING = 2.0  # seconds for the table of a namespace that no process is in


class Namespace:
    """A mount namespace.

    Args:
        pid: A process that keeps it; 0 if only a mount does.
        table: What is mounted in it.
        path: The path of the namespace, "" if there is none that leads to it.
    """

    def __init__(self, pid: int, table: list[Mount], path: str) -> None:
        self.pid = pid
        self.table = table
        self.path = path


def inhabited() -> Iterator[Namespace]:
    """Yield this mount namespace, and each other that a process or a thread is in."""
    yield Namespace(os.getpid(), mounts(), "/proc/self/ns/mnt")
    seen = {os.readlink("/proc/self/ns/mnt")}
    for pid in processes():
        try:
            for folder in folders_of(pid):
                namespace = os.readlink(f"{folder}/ns/mnt")
                if namespace not in seen:
                    seen.add(namespace)
                    table = mounts(folder.removeprefix("/proc/"))
                    yield Namespace(pid, table, f"{folder}/ns/mnt")
        except OSError:
            continue  # it has ended, or is a kernel thread


def kept() -> Iterator[Namespace]:
    """Yield the mount namespaces that no process is in, for each process that keeps one."""
    seen = {os.readlink("/proc/self/ns/mnt")}
    found: list[tuple[int, str, str]] = []
    for pid in processes():
        try:
            for folder in folders_of(pid):
                seen.add(os.readlink(f"{folder}/ns/mnt"))
        except OSError:
            continue  # it has ended, or is a kernel thread
        for folder in _folders(pid):
            for number, target in descriptors(folder):
                path = f"{folder}/fd/{number}"
                if target.startswith(KIND):
                    found.append((pid, target, path))
                elif target.startswith("/proc/") and target.endswith(TABLES):
                    yield from _of_an_open_table(pid, path, target)
                elif target.startswith("socket:"):
                    yield from _of_waiting(pid, folder, number, seen)
    for mount in mounts():
        if mount.type == "nsfs" and mount.root.startswith(KIND):
            found.append((0, mount.root, mount.point))
    for pid, namespace, path in found:
        if namespace not in seen:
            yield Namespace(pid, _table(path), path)


def unmount_in(namespace: Namespace, wanted: Callable[[Mount], bool], deadline: Deadline) -> None:
    """Unmount something in another namespace, where nobody uses it."""

    def work() -> str:
        _enter(namespace.path)
        for mount in reversed(namespace.table):
            if wanted(mount):
                syscalls.umount(mount.point)
        return ""

    bounded(work, deadline, f"unmounting in the mount namespace {namespace.path}")


def _folders(pid: int) -> list[str]:
    try:
        return folders_of(pid)
    except OSError:
        return []  # it has ended


def _table(path: str) -> list[Mount]:
    """Return the table of mounts of a namespace; empty if it cannot be entered."""

    def work() -> str:
        table = _enter(path)
        if len(table) > ANSWER // 2:  # one mount of each device says enough
            lines = {line.split(" ")[2]: line for line in table.split("\n") if line}
            table = "\n".join(lines.values())[: ANSWER // 2].rpartition("\n")[0]
        return table

    try:
        return parse(bounded(work, Deadline(READING), f"reading {path}"))
    except AgentError:
        return []


def _enter(path: str) -> str:
    """Enter a mount namespace for good, and return its table of mounts."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # there it may be none
    syscalls.enter_mounts(descriptor)
    table = os.open("self/mountinfo", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    with open(table, "rb") as file:
        return file.read().decode(errors="surrogateescape")


def _of_an_open_table(pid: int, path: str, target: str) -> Iterator[Namespace]:
    """Yield the namespace whose table of mounts is open, though its process has ended."""
    if os.path.exists(target):
        return  # then it is found by that process
    number = int(path.rpartition("/")[2])
    copy = copy_of(pid, number)
    if copy < 0:
        return
    try:
        text = os.pread(copy, 1 << 20, 0).decode(errors="surrogateescape")
    except OSError:
        return
    finally:
        os.close(copy)
    if text[:1].isdigit():  # the form of mountinfo; the others have no numbers of devices
        yield Namespace(pid, parse(text.rpartition("\n")[0]), "")


def _of_waiting(pid: int, folder: str, number: str, seen: set[str]) -> Iterator[Namespace]:
    """Yield the namespaces that wait in a socket to be received."""
    if not sockets.waiting(f"{folder}/fdinfo/{number}"):
        return
    copy = copy_of(pid, int(number))
    if copy < 0:
        return
    files = sockets.waiting_in(copy)
    for file in files:
        target = os.readlink(f"/proc/self/fd/{file}")
        if target.startswith(KIND) and target not in seen:
            yield Namespace(pid, _table(f"/proc/{os.getpid()}/fd/{file}"), "")
    for file in [*files, copy]:
        os.close(file)


def copy_of(pid: int, number: int) -> int:
    """Return a copy of a descriptor of a process, -1 if there is none to be had."""
    try:
        process = os.pidfd_open(pid)
    except OSError:
        return -1
    try:
        return syscalls.descriptor_of(process, number)
    except OSError:
        return -1
    finally:
        os.close(process)
