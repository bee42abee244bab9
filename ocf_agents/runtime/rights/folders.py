"""Folders that only their owner can change."""

from __future__ import annotations

import posix

OTHERS_MAY_WRITE = 0o022
STICKY = 0o1000


def make_folder(path: str, mode: int) -> None:
    """Make a folder that only its owner can change, whatever the umask is.

    Raises:
        OSError: It cannot be made.
    """
    try:
        found = posix.stat(path)
    except FileNotFoundError:
        parent = path.rpartition("/")[0]
        if parent:
            make_folder(parent, 0o755)
        try:
            posix.mkdir(path, mode)
        except FileExistsError:
            return  # another action has made it meanwhile
        posix.chmod(path, mode)
        return
    open_to_all = found.st_mode & OTHERS_MAY_WRITE and not found.st_mode & STICKY
    if open_to_all and found.st_uid == posix.geteuid():
        posix.chmod(path, found.st_mode & 0o7777 & ~OTHERS_MAY_WRITE)
