"""Look whether a disk or a file server still answers: the monitor levels 10 and 20.

All of it is done in a child with a time limit, past the caches of this node (O_DIRECT): these still
have the data of a disk that has died hours ago.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
import time

from ocf_agents.disk.place import point
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.mountinfo import Mount, number
from ocf_agents.runtime.rights.way import FOLDER, make_folder

BLOCK = 4096  # bytes; the largest sector that disks have, which O_DIRECT needs a multiple of
FULL = (errno.ENOSPC, errno.EDQUOT)


class NoSpaceLeft(AgentError):
    """The filesystem works but has no space left."""


def read_device(mount: Mount, deadline: Deadline) -> None:
    """Read the first block of a mount's disk, and ask the filesystem whether it still works.

    Raises:
        AgentError: It cannot be read, or not in time; or the filesystem was shut down.
    """
    bounded(lambda: _read(mount), deadline, f"reading {mount.source}")


def ask_filesystem(mount: Mount, deadline: Deadline) -> None:
    """Ask for the free space, which network filesystems do not answer from a cache.

    Raises:
        AgentError: No answer comes.
    """
    bounded(lambda: str(os.statvfs(mount.point)), deadline, f"asking {mount.source}")


def write_and_read(mount: Mount, path: str, deadline: Deadline) -> None:
    """Write a block to a file of a mount and read it back.

    Args:
        mount: The mount.
        path: The file's path in it.
        deadline: The end of the time for it.

    Raises:
        NoSpaceLeft: There is no space left.
        AgentError: It fails, is not done in time, or what is read is not what was written.
    """
    where = f"{mount.point}/{path}"
    if bounded(lambda: _write(mount, path, where), deadline, f"writing {where}") == "full":
        raise NoSpaceLeft(f"no space left for {where}")


def _read(mount: Mount) -> str:
    path = mount.source
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    if not mount.is_on(mountinfo.pool(number(os.fstat(descriptor).st_rdev))):
        raise AgentError(f"{path} is another disk now")
    _block_of(descriptor)
    # A filesystem that has shut itself down fails whatever it is asked, and its disk answers.
    os.stat(mount.point)
    os.close(os.open(mount.point, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC))
    return ""


def _write(mount: Mount, path: str, where: str) -> str:
    block = mmap.mmap(-1, BLOCK)  # memory that is aligned as O_DIRECT needs it
    block[:] = f"{where} {time.time_ns()}\n".encode(errors="replace")[:BLOCK].ljust(BLOCK)
    try:
        descriptor = _open(_folder(mount, path), os.path.basename(path), path)
        os.pwritev(descriptor, [block], 0)
    except OSError as error:
        if error.errno in FULL:
            return "full"
        raise
    if _block_of(descriptor) != block[:]:
        raise AgentError("what was written did not come back")
    return ""


def _folder(mount: Mount, path: str) -> int:
    """Return the folder of a file in a mount, without following any link, and without leaving it.

    From there on this process is no more than the owner of that folder, who may have put anything
    into it.
    """
    folder = point.root_of(mount)
    for name in path.split("/")[:-1]:
        if name in ("", "."):
            continue
        if name == "..":
            raise AgentError(f"statusfile_prefix leads out of the filesystem: {path}")
        make_folder(folder, name)
        folder = _enter(folder, name, path)
        if point.mount_id(folder) != mount.id:
            raise AgentError(f"something else is mounted on the way to {path}")
    owner = os.fstat(folder)
    if owner.st_uid and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
        os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)
    return folder


def _enter(folder: int, name: str, path: str) -> int:
    try:
        return os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except NotADirectoryError as error:
        raise AgentError(f"{name} on the way to {path} is a link or a file") from error


def _open(folder: int, name: str, path: str) -> int:
    """Open the status file, made if it is not there."""
    # Not O_TRUNC: the old block is written again, which needs no space. A pipe must not hold it up.
    flags = os.O_RDWR | os.O_CREAT | os.O_SYNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = _open_directly(folder, name, flags)
    except PermissionError:  # root's, of before, in a folder of the application's user
        os.unlink(name, dir_fd=folder)
        descriptor = _open_directly(folder, name, flags)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise AgentError(f"{path} is a link or a pipe, not a status file") from error
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise AgentError(f"{path} is not a status file: a pipe, or a second name of another file")
    return descriptor


def _open_directly(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags | os.O_DIRECT, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # open(2): "the filesystem does not support O_DIRECT"
            raise
    return os.open(name, flags, 0o600, dir_fd=folder)


def _block_of(descriptor: int) -> bytes:
    block = mmap.mmap(-1, BLOCK)
    if os.preadv(descriptor, [block], 0) != BLOCK:
        raise AgentError("it is shorter than one block")
    return block[:]
