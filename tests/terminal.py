"""A bash at a terminal of its own, in which a test types as somebody does."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

_LIMIT = 20.0  # seconds


class Bash:
    """A bash at a terminal, without anybody's settings.

    Args:
        program: How it is called: `bash`, with what has to be before it.
        folder: The folder that it starts in, and the first in which it looks for programs.
    """

    def __init__(self, program: Sequence[str], folder: Path) -> None:
        self._terminal, inside = pty.openpty()
        path = f"{folder}:{os.environ['PATH']}"
        self._process = subprocess.Popen(
            [*program, "--norc", "--noprofile", "-i"],
            stdin=inside, stdout=inside, stderr=inside, start_new_session=True, cwd=folder,
            env={"PATH": path, "TERM": "dumb", "PS1": "$ ", "LC_ALL": "C", "INPUTRC": "/dev/null"},
        )  # fmt: skip
        os.close(inside)

    def types(self, text: str, until: str) -> str:
        """Type a text, and return what is on the terminal as soon as it ends in another text."""
        os.write(self._terminal, text.encode())
        shown, end = "", time.monotonic() + _LIMIT
        while not shown.endswith(until):
            left = end - time.monotonic()
            assert left > 0, f"not shown in time: {until!r}; this is: {shown!r}"
            if select.select([self._terminal], [], [], left)[0]:
                shown += os.read(self._terminal, 4096).decode()
        return shown

    def end(self) -> None:
        """Close the terminal, at which bash ends."""
        os.close(self._terminal)
        self._process.wait(_LIMIT)
