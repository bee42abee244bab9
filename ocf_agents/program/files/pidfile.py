"""A file with the application's process number, for other programs; the agent never believes it.

By the time it is read it may have a number from before the last boot, or one that another process
has got since.
"""

from __future__ import annotations

import os
import stat

from ocf_agents.program.files.trusted import make_folder_for, open_for, remove_for
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.parameters import decimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.files.trusted import Owner

MODE = 0o644
PATIENCE = 2.0  # seconds; a folder on a disk or server that is gone cannot be changed


def write(account: Owner, path: str, pid: int) -> None:
    """Write the file, and make its folder if that is missing.

    Args:
        account: The user that the file and a new folder belong to.
        path: The file.
        pid: The number.

    Raises:
        AgentError: It cannot be written, or holds something else than a number, and so belongs to
            somebody else.
    """
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):  # below /run none is there after a boot
        try:
            make_folder_for(account, folder)
        except OSError as error:
            raise AgentError(
                f"{error.strerror or 'root alone must own the way there'}: cannot make {folder}",
                Code.ERR_INSTALLED,
            ) from error
    descriptor = open_for(account, path, os.O_RDWR | os.O_CREAT, MODE)
    try:
        if not _is_number(descriptor):
            raise AgentError(
                f"{path} is no file of a process number, and not overwritten", Code.ERR_ARGS
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % pid, 0)
    finally:
        os.close(descriptor)


def remove(account: Owner, path: str, deadline: Deadline) -> None:
    """Remove the file, if it holds a number or nothing; a stop never fails because of it."""
    limit = Deadline(min(PATIENCE, deadline.left()))
    try:
        bounded(lambda: _remove(account, path), limit, "removing it")
    except (OSError, AgentError) as error:
        log(f"cannot remove {path}: {error}", WARNING)


def _remove(account: Owner, path: str) -> str:
    if os.path.lexists(path):
        descriptor = open_for(account, path, os.O_RDONLY, MODE)
        try:
            ours = _is_number(descriptor)
        finally:
            os.close(descriptor)
        if ours:
            remove_for(account, path)
    return ""


def _is_number(descriptor: int) -> bool:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
    text = os.read(descriptor, 64).decode(errors="replace").strip()
    return not text or decimal(text) is not None
