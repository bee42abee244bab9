"""Files that only their owner can read and change: reading them, and writing them completely."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from cib_templates.reading.files import MEBIBYTE, read_file
from pcs_wrapper.errors import ClusterError, UsageError

#: The size of the largest CIB that is read, in bytes; that of 1,000 services has a fifth of it.
LARGEST_CIB = 64 * MEBIBYTE


def read_private(file: Path, limit: int, *, may_be_read: bool = False) -> bytes:
    """Return the content of a file that nobody else than root and the user can have changed.

    Args:
        file: A file, or a pipe.
        limit: The largest size, in bytes.
        may_be_read: Whether others may read it, who may not change it.

    Raises:
        UsageError: Somebody else owns the file, or others than its owner can read or change it.
        OSError: The file cannot be read, is larger, or is a pipe into which nobody writes.
    """

    def check(status: os.stat_result) -> None:
        if stat.S_ISCHR(status.st_mode):
            return
        if status.st_uid not in _trusted_users():
            raise UsageError(
                f"{file}: belongs to the user {status.st_uid}, who can change it at any time. If "
                f"it is right, run: chown root: {file}"
            )
        refused = 0o022 if may_be_read else 0o077
        if stat.S_ISREG(status.st_mode) and status.st_mode & refused:
            what = "change" if may_be_read else "read"
            raise UsageError(f"{file}: not only its owner can {what} it; run: chmod 600 {file}")

    return read_file(file, limit, check)


def require_own_folder(folder: Path) -> None:
    """Check that nobody else than root and the user can put files into a folder, if it exists.

    Raises:
        ClusterError: Somebody else can.
    """
    try:
        status = folder.lstat()
    except OSError:
        return
    is_own = status.st_uid in {0, os.geteuid()} and not status.st_mode & 0o022
    if not is_own or not stat.S_ISDIR(status.st_mode):
        raise ClusterError(
            f"{folder} must be a folder of root's that nobody else can write to, because it says "
            "what is in the cluster. Look at what is in it, then run: "
            f"chown root: {folder} && chmod 700 {folder}"
        )


def _trusted_users() -> set[int]:
    """Return root, the user, and who became root with sudo."""
    before = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    return {0, os.geteuid(), *([int(before)] if before.isascii() and before.isdigit() else [])}


def write_private(
    file: Path, content: str | bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None
) -> None:
    """Write a file, completely or not at all, even if the machine fails meanwhile.

    It is written to a temporary file in the same folder and synced to the disk; then the
    temporary file is renamed.

    Args:
        file: The file, which is replaced if it exists.
        content: The content of the file.
        mode: Its mode: only its owner can read it, unless its content is for everybody. It does
            not depend on the umask.
        owner: The IDs of its user and its group; None for those of the process.

    Raises:
        OSError: The file cannot be written; its old content is unchanged.
    """
    # The temporary file has always the same name, so that killed commands leave at most one. It is
    # created anew, because somebody may have put a link there if the folder is open to everybody.
    if os.path.lexists(file) and not stat.S_ISREG(file.lstat().st_mode):
        # Such as /dev/stdout, which would be gone.
        raise OSError(errno.EEXIST, "there is something that is no file")
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as stream:
            # What is not UTF-8 in an argument is a lone surrogate here, and in JSON an escape.
            whole = (
                content if isinstance(content, bytes) else content.encode(errors="backslashreplace")
            )
            stream.write(whole)
            stream.flush()
            if owner is not None:
                os.fchown(stream.fileno(), *owner)
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def replace_text(file: Path, text: str) -> None:
    """Replace the text of a file, completely or not at all; its mode and its owner stay.

    Args:
        file: The file; a link stays one.
        text: Its new text.

    Raises:
        OSError: It cannot be written; its old text is unchanged.
    """
    target = file.resolve()
    status = target.stat()
    owner = (status.st_uid, status.st_gid)
    write_private(target, text, mode=stat.S_IMODE(status.st_mode), owner=owner)


def _sync_folder(folder: Path) -> None:
    """Sync a rename to the disk: it changes the folder, not the file (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
