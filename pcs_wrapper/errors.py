"""What can go wrong while pcs and the Pacemaker tools are driven.

TakeoverError
├── NotRoot                 the command needs root
├── UsageError              an argument or an input of the command line is not usable
├── ClusterUnreachable      no cluster runs on this machine
├── ClusterError            the cluster is not as the command needs it, or did not become so
│   ├── NotApplicable       the description cannot be applied to this cluster
│   │   ├── HeldUp          something holds the cluster up, so that it cannot carry a change out
│   │   ├── NodeMayBeOn     a node may be on that shall be confirmed to be off
│   │   ├── NotTested       something is in the way of a test of fencing
│   │   ├── NotRestarted    something is in the way of a rolling restart
│   │   ├── NotUpgraded     something is in the way of a node's upgrade
│   │   ├── NotRemoved      something is in the way of the removal of a node
│   │   ├── NotAdded        something is in the way of a machine that is to become a node
│   │   └── NotDestroyed    a node would keep the configuration of a destroyed cluster
│   ├── ChangedMeanwhile    somebody else has changed the same objects
│   │   └── AppliedMeanwhile somebody else has made a change with Takeover
│   ├── StateNotWritten     Takeover's own folder takes no files
│   ├── PushUncertain       nobody knows yet whether a change was taken
│   └── Busy                another command of Takeover is at work
├── ProgramError            a program that was run
│   ├── ProgramMissing      is not installed
│   ├── CommandFailed       failed
│   └── CommandTimedOut     took too long
├── Interrupted             somebody has interrupted the command
└── Fault                   nobody expected this: Takeover itself is wrong
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from cib_templates.errors import TakeoverError
from pcs_wrapper.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cib_templates.findings import Finding


class NotRoot(TakeoverError):
    """The command needs root."""

    code = "not-root"
    hint = "run it again with sudo"

    def __init__(self) -> None:
        super().__init__("this needs root", self.hint, joint=": ")


class UsageError(TakeoverError):
    """An argument or an input of the command line is not usable."""

    code = "usage"
    exit_code = ExitCode.USAGE
    hint = "the command's --help says what it takes"


class ClusterUnreachable(TakeoverError):
    """No cluster runs on this machine."""

    code = "cluster-unreachable"
    exit_code = ExitCode.UNREACHABLE
    hint = "run it on a node of a cluster that runs, or start it: takeover cluster start"


class ClusterError(TakeoverError):
    """The cluster is not as the command needs it, or did not become so."""

    code = "cluster-not-ready"
    hint = "`takeover status` shows how the cluster is"


class NotApplicable(ClusterError):
    """The description cannot be applied to this cluster.

    Args:
        findings: Everything that is in the way.
    """

    code = "not-applicable"
    hint = "put right what was found, then run it again"

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(self._told())

    def _told(self) -> str:
        return "\n".join(
            f"{each.message}. {each.hint}" if each.hint else each.message for each in self.findings
        )


class HeldUp(NotApplicable):
    """Something holds the cluster up, so that it cannot carry a change out now.

    Args:
        findings: Everything that holds it up.
    """

    code = "cluster-held-up"
    hint = "when that is put right, run it again; to make the change all the same: --even-so"

    def _told(self) -> str:
        return (
            f"the cluster cannot carry this out now:\n{super()._told()}\n"
            "Nothing was changed. To make the change all the same: --even-so"
        )


class NodeMayBeOn(NotApplicable):
    """Something says that a node is on that shall be confirmed to be off.

    Args:
        findings: Everything that says so.
        can_be_forced: Whether --even-so confirms it all the same.
    """

    code = "node-may-be-on"
    hint = "Switch it off, or pull its power cable; then run this again"

    def __init__(self, findings: Sequence[Finding], *, can_be_forced: bool) -> None:
        self._can_be_forced = can_be_forced
        super().__init__(findings)

    def _told(self) -> str:
        forced = (
            "To confirm it all the same, because you have seen with your own eyes that it has no "
            "power: --even-so"
            if self._can_be_forced
            else "A node that is a member of the cluster is on, whatever else is said"
        )
        return f"{super()._told()}\nNothing was changed. {self.hint}. {forced}"


class NotTested(NotApplicable):
    """Something is in the way of a test of fencing.

    Args:
        findings: Everything that is.
    """

    code = "fencing-not-tested"
    hint = "put it right first; to fence the nodes all the same: --even-so"

    def _told(self) -> str:
        return (
            f"fencing is only tested while all is well:\n{super()._told()}\n"
            "No node was fenced. To fence them all the same: --even-so"
        )


class NotRestarted(NotApplicable):
    """Something is in the way of a rolling restart.

    Args:
        findings: Everything that is.
        can_be_forced: Whether --even-so restarts the nodes all the same.
    """

    code = "not-restarted"
    hint = "put it right first; to restart the nodes all the same: --even-so"

    def __init__(self, findings: Sequence[Finding], *, can_be_forced: bool) -> None:
        self._can_be_forced = can_be_forced
        super().__init__(findings)

    def _told(self) -> str:
        forced = " To restart the nodes all the same: --even-so" if self._can_be_forced else ""
        return (
            f"nodes are only restarted while all is well:\n{super()._told()}\n"
            f"Nothing was changed.{forced}"
        )


class NotUpgraded(NotApplicable):
    """Something is in the way of a node's upgrade.

    Args:
        findings: Everything that is.
        can_be_forced: Whether --even-so upgrades the node all the same.
    """

    code = "not-upgraded"
    hint = "put it right first; to upgrade the node all the same: --even-so"

    def __init__(self, findings: Sequence[Finding], *, can_be_forced: bool) -> None:
        self._can_be_forced = can_be_forced
        super().__init__(findings)

    def _told(self) -> str:
        forced = " To upgrade the node all the same: --even-so" if self._can_be_forced else ""
        return (
            f"a node is only upgraded while all is well:\n{super()._told()}\n"
            f"Nothing was changed.{forced}"
        )


class NotRemoved(NotApplicable):
    """Something is in the way of the removal of a node.

    Args:
        findings: Everything that is.
        way: What removes the node all the same, in a sentence; empty if nothing does.
    """

    code = "not-removed"
    hint = "put it right first; to remove the node all the same: --even-so"

    def __init__(self, findings: Sequence[Finding], way: str = "") -> None:
        self._way = way
        super().__init__(findings)

    def _told(self) -> str:
        told = (
            f"a node is only removed while all is well with the others:\n{super()._told()}\n"
            f"Nothing was changed. {self._way}"
        )
        return told.rstrip()


class NotAdded(NotApplicable):
    """Something is in the way of a machine that is to become a node.

    Args:
        node: Its name.
        findings: Everything that is.
        can_be_forced: Whether --even-so adds it all the same.
    """

    code = "not-added"
    hint = "put it right first; to add the node all the same: --even-so"

    def __init__(self, node: str, findings: Sequence[Finding], *, can_be_forced: bool) -> None:
        self._node = node
        self._can_be_forced = can_be_forced
        super().__init__(findings)

    def _told(self) -> str:
        forced = " To add it all the same: --even-so" if self._can_be_forced else ""
        return (
            f"{self._node} cannot become a node as it is:\n{super()._told()}\n"
            f"Nothing was changed in the cluster or on {self._node}.{forced}"
        )


class NotDestroyed(NotApplicable):
    """A node would keep the configuration of a cluster that is to be destroyed.

    Args:
        findings: What keeps it there.
    """

    code = "not-destroyed"
    hint = "reach that node first; to destroy the cluster on the others: --even-so"

    def _told(self) -> str:
        return (
            f"{super()._told()}\nNothing was changed: the configuration would stay on it, and it "
            "could form the cluster again. To destroy it on the others all the same: --even-so"
        )


class ChangedMeanwhile(ClusterError):
    """Somebody else has changed the same objects since they were read.

    Args:
        objects: Their IDs.
    """

    code = "changed-meanwhile"
    hint = "Look at it (pcs cluster cib), then run this again"

    def __init__(self, objects: Sequence[str]) -> None:
        self.objects = tuple(objects)
        super().__init__(
            f"somebody else has changed {', '.join(objects)} since the configuration was read. "
            "Nothing of yours was pushed, and their change is kept",
            self.hint,
            joint=". ",
        )


class AppliedMeanwhile(ChangedMeanwhile):
    """Somebody else has made a change with Takeover since the configuration was read.

    Args:
        number: The number of that change, which this one was to have.
    """

    code = "applied-meanwhile"
    hint = "look at it (takeover history), then run this again"

    def __init__(self, number: int) -> None:
        self.objects = ()
        ClusterError.__init__(
            self,
            f"somebody else has just made change {number} with Takeover. Nothing of yours was "
            "pushed",
            self.hint,
            joint=": ",
        )


class StateNotWritten(ClusterError):
    """A file in Takeover's own folder cannot be written.

    Args:
        file: The file.
        reason: Why not.
        changed: What was changed, in a sentence.
    """

    code = "state-not-written"
    hint = "make room on the disk, or make the file system writable, then run it again"

    def __init__(
        self, file: Path, reason: str, changed: str = "Nothing was changed in the cluster"
    ) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file} cannot be written: {reason}. {changed}", self.hint, joint=": ")


class PushUncertain(ClusterError):
    """A push had no answer: it may have arrived, or arrive yet.

    Args:
        error: What came instead of an answer.
    """

    code = "push-uncertain"
    hint = "`takeover history` compares and tells, when the cluster answers"

    def __init__(self, error: ProgramError) -> None:
        super().__init__(f"{error}\nThe change may be in the cluster or not", self.hint, joint=": ")


class Busy(ClusterError):
    """Another command of Takeover is changing the cluster.

    Args:
        holder: Who it is.
    """

    code = "busy"
    hint = "wait until it has ended"

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(
            f"{holder} is changing the cluster from this node. Nothing was changed",
            self.hint,
            joint=": ",
        )


class ProgramError(TakeoverError):
    """Something is wrong with a program that was run."""

    code = "program"
    hint = "the message names the program; its own documentation says more"


class ProgramMissing(ProgramError):
    """Programs are not installed.

    Args:
        programs: Their names.
        packages: The packages that have them.
    """

    code = "program-missing"
    hint = "install the package that has it"

    def __init__(self, programs: Sequence[str], packages: Sequence[str]) -> None:
        self.programs = tuple(programs)
        self.packages = tuple(packages)
        verb = "is" if len(programs) == 1 else "are"
        super().__init__(
            f"{', '.join(programs)} {verb} not installed on this machine",
            f"apt install {' '.join(packages)}",
            joint=": ",
        )


class CommandFailed(ProgramError):
    """A program failed.

    Args:
        command: Program and arguments.
        status: Its exit code; negative for a signal.
        output: What it said.
        hint: What to do about it; may be empty.
    """

    code = "command-failed"
    hint = "the program's own words are in the message"

    def __init__(self, command: Sequence[str], status: int, output: str, hint: str) -> None:
        self.command = tuple(command)
        self.status = status
        self.output = output.strip()
        lines = [f"`{shlex.join(command)}` failed with exit code {status}"]
        lines += [f"  {line}" for line in self.output.splitlines()]
        super().__init__("\n".join(lines), hint)


class CommandTimedOut(ProgramError):
    """A program took too long and was killed.

    Args:
        command: Program and arguments.
        timeout: The time that it had, in seconds.
        hint: What to do about it; may be empty.
    """

    code = "command-timed-out"
    hint = "try again when the cluster and its nodes are less busy"

    def __init__(self, command: Sequence[str], timeout: float, hint: str) -> None:
        self.command = tuple(command)
        self.timeout = timeout
        message = f"`{shlex.join(command)}` did not finish within {timeout:g} s and was stopped"
        super().__init__(message, hint)


class Interrupted(TakeoverError):
    """Somebody has interrupted the command, with Ctrl-C for example.

    Args:
        left: What was changed before, and what to do next.
    """

    code = "interrupted"
    exit_code = ExitCode.INTERRUPTED
    hint = "`takeover history` shows whether a change was under way; the next command completes it"

    def __init__(self, left: str = "nothing was changed") -> None:
        super().__init__(f"interrupted: {left}")


class Fault(TakeoverError):
    """Nobody expected this: it is a fault in Takeover itself.

    Args:
        error: What went wrong.
        shown: Whether the details were shown.
    """

    code = "fault-in-takeover"
    hint = "run it again with TAKEOVER_DEBUG=1 in the environment to see the details"

    def __init__(self, error: BaseException, *, shown: bool) -> None:
        super().__init__(
            f"this is a fault in Takeover: {type(error).__name__}: {error}",
            "the details are above" if shown else self.hint,
            joint="; ",
        )
