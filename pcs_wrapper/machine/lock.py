"""The lock with which only one command at a time changes the cluster from this node.

Its file names the command that holds it. The kernel releases the lock when its holder ends, for
whatever reason.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pcs_wrapper.errors import Busy, StateNotWritten
from pcs_wrapper.machine.files import require_own_folder
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import wait_until

# Between two tries to get the lock, in seconds.
_PAUSE = 0.5
# Of what a holder says of itself, in characters.
_LONGEST = 4096


@contextmanager
def held(machine: Machine, command: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock while the `with` block lasts.

    Args:
        machine: This machine.
        command: The command that takes the lock, such as `takeover apply`.
        patience: For how many seconds to wait until the lock is free.

    Raises:
        Busy: Another command holds the lock for longer than that.
        StateNotWritten: Takeover's folder takes no files; nothing was changed.
    """
    try:
        machine.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateNotWritten(machine.state, error.strerror or f"{error}") from None
    require_own_folder(machine.state)
    with _open(machine.state / "lock") as file:

        def missing() -> str:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return f"{_read(file)} is changing the cluster from this node"
            return ""

        if missing() and wait_until(machine, missing, seconds=patience, pause=_PAUSE):
            raise Busy(_read(file))
        holder = {"command": command, "user": machine.user, "pid": os.getpid()}
        said = json.dumps(holder | {"since": machine.now().isoformat(timespec="seconds")})
        # On a full disk the lock is held all the same, and nobody reads who holds it.
        with suppress(OSError):
            os.truncate(file.fileno(), 0)
            os.pwrite(file.fileno(), said.encode(), 0)
        yield


def _open(path: Path) -> IO[str]:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.fdopen(os.open(path, flags, 0o600), "r+")
    except OSError as error:
        raise StateNotWritten(path, error.strerror or f"{error}") from None


def _read(file: IO[str]) -> str:
    """Return who holds the lock; its holder may not have written that yet."""
    try:
        holder = json.loads(os.pread(file.fileno(), _LONGEST, 0))
        return (
            f"`{holder['command']}` of {holder['user']} (process {holder['pid']}, since "
            f"{holder['since']})"
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return "another command of Takeover"
