"""The messages of a command at work: on a terminal, what is waited for is one line that changes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from typing import TextIO

from pcs_wrapper.commands.printing import print_line, print_text
from pcs_wrapper.machine.console import Console
from pcs_wrapper.machine.terminal import printable_line

# To the beginning of the line, and: delete what is right of the cursor (ECMA-48, EL).
_CLEAR = "\r\x1b[K"
# Where lines do not change, the time after which the same is said again, in seconds.
_HEARTBEAT = 60.0
# A wait that is shorter is not shown there, in seconds.
_SHORT = 2.0


class LiveLine:
    """The line that says what is waited for.

    On a terminal it changes in place. Elsewhere, as in the journal or a pipe, a line is printed
    when something else is waited for, and seldom if nothing changes.

    Args:
        stream: Where it is shown; standard error if it is not given.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._changes = self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._is_shown = False
        self._last = ""
        self._last_at = 0.0

    def console(self) -> Console:
        """Return the console with this line."""
        return Console(
            step=self._above(lambda text: print_line(f"{text} …", err=True)),
            detail=self._above(lambda text: print_line(text, err=True)),
            warning=self._above(lambda text: print_text(f"warning: {text}", err=True)),
            waiting=self.show,
        )

    def show(self, text: str, elapsed: float) -> None:
        """Show what is waited for.

        Args:
            text: What it is; empty if nothing is waited for any more.
            elapsed: For how many seconds.
        """
        if not text:
            self._clear()
            self._last = ""
        elif self._changes:
            width = shutil.get_terminal_size().columns - 1
            line = printable_line(f"{elapsed:5.0f} s  waiting: {text}")
            line = line if len(line) <= width else f"{line[: max(width - 1, 0)]}…"
            self._write(f"{_CLEAR}{line}")
            self._is_shown = True
        elif elapsed >= _SHORT and (text != self._last or elapsed - self._last_at >= _HEARTBEAT):
            print_line(f"{elapsed:5.1f} s  waiting: {text}", err=True)
            self._last, self._last_at = text, elapsed

    def _above(self, print_: Callable[[str], None]) -> Callable[[str], None]:
        """Return how something else is printed: in place of the line, which then comes again."""

        def printed(text: str) -> None:
            self._clear()
            print_(text)

        return printed

    def _clear(self) -> None:
        if self._is_shown:
            self._write(_CLEAR)
            self._is_shown = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
