"""Open and remove files of an application's without being led astray by its user.

Whoever may write to a folder can put a link to /etc/shadow there, at any moment. So the kernel is
asked with the user's permissions; and with root's only if nobody but root can change any folder on
the way, nor any link.
"""

from __future__ import annotations

import os
import stat

from ocf_agents.runtime.agent import AgentError, Code

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


FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
# Neither a terminal of the agent's own, nor to wait for somebody at the other end of a pipe.
CAREFUL = os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK
LINKS = 40  # as many as the kernel follows (path_resolution(7))


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
            folder, name = _walk(path)
            try:
                os.unlink(name, dir_fd=folder)
            finally:
                os.close(folder)
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
    folder, name = _walk(path)
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
        os.chown(name, *account.numbers(), dir_fd=folder, follow_symlinks=False)
    finally:
        os.close(folder)


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

    Raises:
        PermissionError: Others than root can change the way to the file.
        OSError: It cannot be opened.
    """
    folder, name = _walk(path, sticky=sticky)
    try:
        return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=folder)
    finally:
        os.close(folder)


def _walk(path: str, *, sticky: bool = False) -> tuple[int, str]:
    """Return the folder of a file, as a descriptor, and the file's name in it.

    Args:
        path: The absolute path of the file.
        sticky: Whether the way may lead through folders like /tmp, by what is root's there: nobody
            else can put anything in place of that. The file itself has to be there.

    Raises:
        PermissionError: Others than root can change the way to the file.
    """
    names = path.split("/")[::-1]  # what is still to be walked, the next one last
    folder = os.open("/", FOLDER)
    links = 0
    try:
        while True:
            name = names.pop()
            status = os.fstat(folder)
            others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            kept = sticky and status.st_mode & stat.S_ISVTX and _is_roots(folder, name)
            _insist(status.st_uid == 0 and (not others or bool(kept)), path)
            target = _target(folder, name)
            if target:
                links += 1
                _insist(links <= LINKS, path)
                names += target.split("/")[::-1]
                name = "/" if target.startswith("/") else "."
            elif not any(names):
                return folder, name
            if name:
                folder = _enter(folder, name)
    except BaseException:
        os.close(folder)
        raise


def _insist(condition: bool, path: str) -> None:
    if not condition:
        raise PermissionError(path)


def _is_roots(folder: int, name: str) -> bool:
    try:
        return os.stat(name or ".", dir_fd=folder, follow_symlinks=False).st_uid == 0
    except OSError:
        return False


def _target(folder: int, name: str) -> str:
    """Return where a link leads to, "" if it is none."""
    try:
        return os.readlink(name or ".", dir_fd=folder)
    except OSError:
        return ""


def _enter(folder: int, name: str) -> int:
    entered = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    os.close(folder)
    return entered
