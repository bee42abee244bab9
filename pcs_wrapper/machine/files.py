"""Writing files, completely or not at all, so that only their owner can read them."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Write a file of mode 0600, completely or not at all, even if the machine fails meanwhile.

    The text is written to a temporary file in the same folder and synced to the disk; then the
    temporary file is renamed.

    Args:
        file: The file, which is replaced if it exists.
        text: The content of the file.

    Raises:
        OSError: The file cannot be written; its old content is unchanged.
    """
    # The temporary file has always the same name, so that killed commands leave at most one. It is
    # created anew, because somebody may have put a link there if the folder is open to everybody.
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Sync a rename to the disk: it changes the folder, not the file (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
