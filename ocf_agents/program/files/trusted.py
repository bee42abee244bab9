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
    from ocf_agents.program.account import Account

FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
LINKS = 40  # as many as the kernel follows (path_resolution(7))


def open_for(account: Account, path: str, flags: int, mode: int) -> int:
    """Open a file for a user and return the descriptor.

    Args:
        account: The user.
        path: The absolute path of the file.
        flags: As of open(2).
        mode: As of open(2).

    Raises:
        AgentError: It cannot be opened.
    """
    # Neither a terminal of the agent's own, nor to wait for somebody at the other end of a pipe.
    flags |= os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        try:
            with account.permissions():
                return os.open(path, flags, mode)
        except PermissionError:
            folder, name = _walk(path)
            try:
                return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=folder)
            finally:
                os.close(folder)
    except PermissionError as error:
        raise AgentError(
            f"its user may not open {path}, and root does not where others may put links",
            Code.ERR_PERM,
        ) from error
    except OSError as error:
        raise AgentError(f"{error.strerror}: cannot open {path}", Code.ERR_INSTALLED) from error


def remove_for(account: Account, path: str) -> None:
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


def make_folder_for(account: Account, path: str) -> None:
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


def _walk(path: str) -> tuple[int, str]:
    """Return the folder of a file, as a descriptor, and the file's name in it.

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
            _insist(status.st_uid == 0 and not others, path)
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
