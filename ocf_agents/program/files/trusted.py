"""Open and remove files of an application's without being led astray by its user.

Whoever may write to a folder can put a link to /etc/shadow there, at any moment. So the kernel is
asked with the user's permissions; and with root's only if nobody but root can change any folder on
the way, nor any link (runtime/rights/way.py).
"""

from __future__ import annotations

import os
import stat

from ocf_agents.runtime.agent import AgentError, Code
from ocf_agents.runtime.rights.way import walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Protocol

    class Owner(Protocol):
        """Whom a file is opened for."""

        def numbers(self) -> tuple[int, int]:
            """Return the numbers of the user and of the user's first group."""

        def permissions(self) -> AbstractContextManager[None]:
            """Return a `with` block in which this process has the permissions of the user."""


# Neither a terminal of the agent's own, nor to wait for somebody at the other end of a pipe.
CAREFUL = os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK


def open_for(account: Owner, path: str, flags: int, mode: int) -> int:
    """Open a file for a user and return the descriptor.

    Args:
        account: The user.
        path: The absolute path of the file.
        flags: As of open(2).
        mode: As of open(2).

    Raises:
        AgentError: It cannot be opened.
    """
    flags |= CAREFUL
    try:
        try:
            with account.permissions():
                return os.open(path, flags, mode)
        except PermissionError:
            return _open_as_root(path, flags, mode)
    except PermissionError as error:
        raise AgentError(
            f"its user may not open {path}, and root does not where others may put links",
            Code.ERR_PERM,
        ) from error
    except OSError as error:
        raise AgentError(f"{error.strerror}: cannot open {path}", Code.ERR_INSTALLED) from error


def read_for(account: Owner, path: str, most: int) -> bytes:
    """Return what is in a file that a user may read, or that root has put there for the user.

    The user's programs act on it. So for root itself it has to be a file of root's that nobody
    else can change or put another in place of.

    Args:
        account: The user.
        path: The absolute path of the file.
        most: The size of the largest file that is read, in bytes.

    Raises:
        FileNotFoundError: There is none.
        OSError: It cannot be read.
        AgentError: It is no file, too large, or may not be read for the user (ERR_PERM).
    """
    root = os.geteuid() == account.numbers()[0] == 0
    try:
        descriptor, owners = _open_to_read(account, path, root=root)
    except PermissionError as error:
        reason = (
            f"root reads no {path}, where others may put something else"
            if root
            else f"its user may not read {path}, and root does not where others may put links"
        )
        raise AgentError(reason, Code.ERR_PERM) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise AgentError(f"{path} is no file", Code.ERR_INSTALLED)
        if owners and (found.st_uid not in owners or (root and _others_may_write(found))):
            raise AgentError(f"others may change {path}", Code.ERR_PERM)
        text = b""
        while piece := os.read(descriptor, most + 1 - len(text)):
            text += piece
    finally:
        os.close(descriptor)
    if len(text) > most:
        raise AgentError(f"{path} has more than {most} bytes", Code.ERR_INSTALLED)
    return text


def remove_for(account: Owner, path: str) -> None:
    """Remove a file of a user, if it is there.

    Raises:
        OSError: It cannot be removed.
        AgentError: There is no such user on this node.
    """
    try:
        try:
            with account.permissions():
                os.unlink(path)
        except PermissionError:
            with walk(path) as place:
                os.unlink(place.name, dir_fd=place.folder)
    except FileNotFoundError:
        return


def make_folder_for(account: Owner, path: str) -> None:
    """Make a folder that belongs to a user.

    Args:
        account: The user.
        path: The absolute path of the folder; its last folder alone is missing.

    Raises:
        PermissionError: Others than root can change the way to it.
        OSError: It cannot be made.
    """
    with walk(path) as place:
        os.mkdir(place.name, 0o755, dir_fd=place.folder)
        os.chown(place.name, *account.numbers(), dir_fd=place.folder, follow_symlinks=False)


def _open_to_read(account: Owner, path: str, *, root: bool) -> tuple[int, tuple[int, ...]]:
    """Return the descriptor of a file, and who may own it; () if that does not matter."""
    flags = os.O_RDONLY | CAREFUL
    if root:
        return _open_as_root(path, flags, 0, sticky=True), (0,)
    try:
        with account.permissions():
            return os.open(path, flags), ()
    except PermissionError:
        return _open_as_root(path, flags, 0), (0, account.numbers()[0])


def _others_may_write(found: os.stat_result) -> bool:
    group = found.st_mode & stat.S_IWGRP and found.st_gid != 0
    return bool(group or found.st_mode & stat.S_IWOTH)


def _open_as_root(path: str, flags: int, mode: int, *, sticky: bool = False) -> int:
    """Open a file where nobody but root can put another in its place, and return the descriptor.

    Args:
        path: The absolute path of the file.
        flags: As of open(2).
        mode: As of open(2).
        sticky: Whether the way may lead through folders such as /tmp. Then the file itself may be
            anybody's: the caller has to look whose it is.

    Raises:
        PermissionError: Others than root can change the way to the file.
        OSError: It cannot be opened.
    """
    with walk(path, sticky=sticky) as place:
        return os.open(place.name, flags | os.O_NOFOLLOW, mode, dir_fd=place.folder)
