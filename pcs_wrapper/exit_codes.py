"""What the exit codes of the command `takeover` say."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    DIFFERENT = 3
    UNREACHABLE = 4
    INTERRUPTED = 130
