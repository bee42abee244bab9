"""The exit codes of the command `takeover`."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The meanings of a command's exit code.

    Attributes:
        DONE: The command did what it was asked for.
        FAILED: It failed, or something does not run that should.
        USAGE: The command line or the description is wrong.
        DIFFERENT: The cluster differs from its description (plan and drift).
        UNREACHABLE: No cluster runs on this machine.
        INTERRUPTED: The command was interrupted, with Ctrl-C for example.
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    DIFFERENT = 3
    UNREACHABLE = 4
    INTERRUPTED = 130
