"""Reading a file that somebody names, whatever it is: within a limit of size, and of time."""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Callable
from pathlib import Path

MEBIBYTE = 2**20
#: The size of the largest description, in bytes: a hundred times that of one of 250 services.
LONGEST_TEXT = 4 * MEBIBYTE
# For how long nobody may write into a pipe, in seconds.
_PATIENCE = 10.0


def _any_will_do(_status: os.stat_result) -> None:
    """Accept every file."""


def read_file(
    file: Path, limit: int, check: Callable[[os.stat_result], None] = _any_will_do
) -> bytes:
    """Return the content of a file.

    Args:
        file: A file, or a pipe such as `<(program)` of a shell.
        limit: The largest size, in bytes.
        check: Is called with the status of the open file, and may refuse it.

    Raises:
        OSError: The file cannot be read, is larger, or is a pipe into which nobody writes.
        ValueError: The path is none.
    """
    # Without O_NONBLOCK the open of a pipe waits for somebody who writes.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        check(os.fstat(descriptor))
        return _content(descriptor, limit)
    finally:
        os.close(descriptor)


def _content(descriptor: int, limit: int) -> bytes:
    found = bytearray()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    end = time.monotonic() + _PATIENCE
    while len(found) <= limit:
        if not poll.poll(max(0, end - time.monotonic()) * 1000):
            raise OSError(errno.ETIMEDOUT, "it is a pipe, and nobody writes into it")
        try:
            chunk = os.read(descriptor, min(MEBIBYTE, limit + 1 - len(found)))
        except BlockingIOError:
            continue
        if not chunk:
            return bytes(found)
        found += chunk
        end = time.monotonic() + _PATIENCE
    raise OSError(errno.EFBIG, f"it has more than {limit // 1024} KiB")
