"""What can go wrong while pcs and the Pacemaker tools are driven.

TakeoverError
├── NotRoot                 the command needs root
├── UsageError              an argument or an input of the command line is not usable
├── ClusterUnreachable      no cluster runs on this machine
├── ClusterError            the cluster is not as the command needs it, or did not become so
│   ├── ChangedMeanwhile    somebody else has changed the same objects
│   ├── PushUncertain       nobody knows yet whether a change was taken
│   └── Busy                another command of Takeover is at work
└── ProgramError            a program that was run
    ├── ProgramMissing      is not installed
    ├── CommandFailed       failed
    └── CommandTimedOut     took too long
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from cib_templates.errors import TakeoverError

if TYPE_CHECKING:
    from collections.abc import Sequence


class NotRoot(TakeoverError):
    """The command needs root."""

    def __init__(self) -> None:
        super().__init__("this needs root: run it again with sudo")


class UsageError(TakeoverError):
    """An argument or an input of the command line is not usable."""


class ClusterUnreachable(TakeoverError):
    """No cluster runs on this machine."""


class ClusterError(TakeoverError):
    """The cluster is not as the command needs it, or did not become so."""


class ChangedMeanwhile(ClusterError):
    """Somebody else has changed the same objects since they were read.

    Args:
        objects: Their IDs.
    """

    def __init__(self, objects: Sequence[str]) -> None:
        self.objects = tuple(objects)
        super().__init__(
            f"somebody else has changed {', '.join(objects)} since the configuration was read. "
            "Nothing of yours was pushed, and their change is kept. Look at it (pcs cluster cib), "
            "then run this again"
        )


class PushUncertain(ClusterError):
    """A push had no answer: it may have arrived, or arrive yet.

    Args:
        error: What came instead of an answer.
    """

    def __init__(self, error: ProgramError) -> None:
        super().__init__(
            f"{error}\nThe change may be in the cluster or not: `takeover history` compares and "
            "tells, when the cluster answers"
        )


class Busy(ClusterError):
    """Another command of Takeover is changing the cluster.

    Args:
        holder: Who it is.
    """

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            f"{holder} is changing the cluster from this node. Nothing was changed: "
            "wait until it has ended"
        )


class ProgramError(TakeoverError):
    """Something about a program that was run."""


class ProgramMissing(ProgramError):
    """Programs are not installed.

    Args:
        programs: Their names.
        packages: The packages that have them.
    """

    def __init__(self, programs: Sequence[str], packages: Sequence[str]) -> None:
        self.programs = tuple(programs)
        self.packages = tuple(packages)
        verb = "is" if len(programs) == 1 else "are"
        super().__init__(
            f"{', '.join(programs)} {verb} not installed on this machine: "
            f"apt install {' '.join(packages)}"
        )


class CommandFailed(ProgramError):
    """A program failed.

    Args:
        command: Program and arguments.
        exit_code: Its exit code; negative for a signal.
        output: What it said.
        hint: What to do about it; may be empty.
    """

    def __init__(self, command: Sequence[str], exit_code: int, output: str, hint: str) -> None:
        self.command = tuple(command)
        self.exit_code = exit_code
        self.output = output.strip()
        self.hint = hint
        lines = [f"`{shlex.join(command)}` failed with exit code {exit_code}"]
        lines += [f"  {line}" for line in self.output.splitlines()]
        super().__init__("\n".join([*lines, hint] if hint else lines))


class CommandTimedOut(ProgramError):
    """A program took too long and was killed.

    Args:
        command: Program and arguments.
        timeout: The time that it had, in seconds.
        hint: What to do about it; may be empty.
    """

    def __init__(self, command: Sequence[str], timeout: float, hint: str) -> None:
        self.command = tuple(command)
        self.timeout = timeout
        self.hint = hint
        message = f"`{shlex.join(command)}` did not finish within {timeout:g} s and was stopped"
        super().__init__(f"{message}\n{hint}" if hint else message)
