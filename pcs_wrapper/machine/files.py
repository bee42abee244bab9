"""The one way in which files are written: whole or not at all, for their owner only."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Write a file of mode 0600 that is there in full or not at all, whenever the machine dies.

    It is written beside its place, brought to the disk, and renamed into it.

    Args:
        file: Where; what is there is replaced.
        text: What it shall hold.

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    # One name, so that commands that were killed leave no heap. It is made anew, for in a folder
    # of everybody's somebody may have put a link there.
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
    """Bring a rename to the disk: it is a change of the folder, not of the file (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
