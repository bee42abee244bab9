"""Look whether a disk or a file server still answers: the monitor levels 10 and 20.

All of it is done in a child with a time limit, past the caches of this node (O_DIRECT): these still
have the data of a disk that has died hours ago.
"""

from __future__ import annotations

import errno
import mmap
import os
import time

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.mountinfo import Mount, number

BLOCK = 4096  # bytes; the largest sector that disks have, which O_DIRECT needs a multiple of
FULL = (errno.ENOSPC, errno.EDQUOT)


class NoSpaceLeft(AgentError):
    """The filesystem works but has no space left."""


def read_device(mount: Mount, deadline: Deadline) -> None:
    """Read the first block of a mount's disk.

    Raises:
        AgentError: It cannot be read, or not in time.
    """
    bounded(lambda: _read(mount.source, mount.disk), deadline, f"reading {mount.source}")


def ask_filesystem(mount: Mount, deadline: Deadline) -> None:
    """Ask for the free space, which network filesystems do not answer from a cache.

    Raises:
        AgentError: No answer comes.
    """
    bounded(lambda: str(os.statvfs(mount.point)), deadline, f"asking {mount.source}")


def write_and_read(path: str, deadline: Deadline) -> None:
    """Write a block to a file and read it back.

    Raises:
        NoSpaceLeft: There is no space left.
        AgentError: It fails, is not done in time, or what is read is not what was written.
    """
    if bounded(lambda: _write(path), deadline, f"writing {path}") == "full":
        raise NoSpaceLeft(f"no space left for {path}")


def _read(path: str, disk: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    if number(os.fstat(descriptor).st_rdev) != disk:
        raise AgentError(f"{path} is another disk now")
    _block_of(descriptor)
    return ""


def _write(path: str) -> str:
    block = mmap.mmap(-1, BLOCK)  # memory that is aligned as O_DIRECT needs it
    block[:] = f"{path} {time.time_ns()}\n".encode(errors="replace")[:BLOCK].ljust(BLOCK)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = _open(path)
        os.pwritev(descriptor, [block], 0)
    except OSError as error:
        if error.errno in FULL:
            return "full"
        raise
    if _block_of(descriptor) != block[:]:
        raise AgentError("what was written did not come back")
    return ""


def _open(path: str) -> int:
    # Not O_TRUNC: the old block is written again, which needs no space.
    flags = os.O_RDWR | os.O_CREAT | os.O_SYNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_DIRECT, 0o600)
    except OSError as error:
        if error.errno != errno.EINVAL:  # open(2): "the filesystem does not support O_DIRECT"
            raise
    return os.open(path, flags, 0o600)


def _block_of(descriptor: int) -> bytes:
    block = mmap.mmap(-1, BLOCK)
    if os.preadv(descriptor, [block], 0) != BLOCK:
        raise AgentError("it is shorter than one block")
    return block[:]
