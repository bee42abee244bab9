"""What a program writes, kept only as far as somebody will read it.

A program may write for ever. It is read all the time, so that it never waits for us, but of a long
text only the beginning and the end are kept: tools say at the end why they failed.
"""

from __future__ import annotations

import os

BEGINNING, END = 48 << 10, 16 << 10  # bytes that are kept of one stream
PIECE = 1 << 16  # bytes; as many as a pipe holds
LAST_PIECES = 16  # pieces that are read once the program has ended, whoever else writes


class Captured:
    """One stream of a program's output.

    Attributes:
        reader: The descriptor to read from.
        writer: The descriptor for the program, -1 once it has got it.
        open: Whether somebody may still write.
    """

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.reader, False)
        self.open = True
        self._beginning = b""
        self._end = b""
        self._left_out = 0

    def handed_over(self) -> None:
        """Close the program's side of the pipe here."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def read(self) -> bool:
        """Take a piece of what has been written, and tell whether there was any."""
        try:
            piece = os.read(self.reader, PIECE)
        except BlockingIOError:
            return False
        self.open = bool(piece)
        if missing := BEGINNING - len(self._beginning):
            self._beginning += piece[:missing]
            piece = piece[missing:]
        end = self._end + piece
        self._end = end[-END:]
        self._left_out += len(end) - len(self._end)
        return self.open

    def read_rest(self) -> None:
        """Take what is there when the program has ended."""
        for _ in range(LAST_PIECES):
            if not self.read():
                return

    def text(self) -> str:
        """Return what was written, as far as it is kept."""
        gap = b"\n... %d bytes left out ...\n" % self._left_out if self._left_out else b""
        return (self._beginning + gap + self._end).decode(errors="replace")

    def close(self) -> None:
        """Close both descriptors."""
        self.handed_over()
        os.close(self.reader)
