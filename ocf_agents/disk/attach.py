"""Where a filesystem's device comes from: a local disk, the kernel's iSCSI initiator, a program.

A program given as the parameter `attach` is called with one of three verbs:

    PROGRAM attach PORTAL TARGET LUN    make the block device available and print its path; also
                                        when it is available already
    PROGRAM device PORTAL TARGET LUN    print the path and exit 0 if it is attached; else print
                                        nothing and exit 1
    PROGRAM detach PORTAL TARGET LUN    take the device away; exit 0 also if it was not attached

Anything else is an error: an exit code other than 0, the reason on standard error.
"""

from __future__ import annotations

import os

from ocf_agents.disk.device import tag_and_value, udev_link
from ocf_agents.runtime.agent import AgentError, Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ocf_agents.runtime.command import Result

    class Attachment(Protocol):
        """A source of a block device."""

        def attach(self, deadline: Deadline) -> str:
            """Make the device available and return its path; raises AgentError."""

        def device(self, deadline: Deadline) -> str | None:
            """Return the device's path, None while it is not attached; raises AgentError."""

        def detach(self, deadline: Deadline) -> None:
            """Take the device away if nothing else uses it; raises AgentError."""


POLL = 0.02  # seconds
LATE = 0.5  # part of the time that a device has to appear; the rest is for mounting it
SEARCH = 1.0  # seconds between two searches through all disks
BLKID_FOUND_NOTHING = 2  # blkid(8), "EXIT STATUS"


class Lun:
    """A logical unit of an iSCSI target; `user` and `secret_file` are for CHAP, "" without."""

    def __init__(
        self, portal: str, target: str, number: int, user: str = "", secret_file: str = ""
    ) -> None:
        self.portal = portal
        self.target = target
        self.number = number
        self.user = user
        self.secret_file = secret_file


class Local:
    """A device that is there without our doing, by path or as UUID=..., LABEL=..."""

    def __init__(self, device: str) -> None:
        self._tag, self._value = tag_and_value(device)
        self._device = udev_link(self._tag, self._value) if self._tag else device

    def attach(self, deadline: Deadline) -> str:
        """Wait until the device is there, and return its path.

        Raises AgentError if it does not appear in half of the time.
        """
        limit = deadline.part(LATE)
        search = Deadline(0)
        while self._device.startswith("/") and not os.path.exists(self._device):
            if not search.left():
                if found := self._search(limit):
                    return found
                search = Deadline(SEARCH)
            if not limit.pause(POLL):
                raise AgentError(f"the device {self._device} is not on this node")
        return self._device

    def device(self, deadline: Deadline) -> str | None:  # noqa: ARG002
        """Return the path of the device, even while it is not there."""
        return self._device

    def detach(self, deadline: Deadline) -> None:
        """Do nothing: what was there before stays there."""

    def _search(self, limit: Deadline) -> str:
        """Look on the disks themselves for a UUID or label that udev does not know, or not yet.

        That is so when another node has made the filesystem meanwhile. Raises AgentError if more
        than one disk has it: a copy must not be mounted instead of the original.
        """
        if not self._tag:
            return ""
        from ocf_agents.runtime.command import run

        wanted = f"{self._tag}={self._value}"
        command = ["blkid", "--cache-file", os.devnull, "--match-token", wanted, "--output=device"]
        try:
            result = run(command, limit)
        except AgentError:  # no blkid, or it waits for some other disk, which is dead
            return ""
        found = result.output.split() if result.code != BLKID_FOUND_NOTHING else []
        if len(found) > 1:
            raise AgentError(f"{wanted} is on {' and '.join(found)}: give the device by its path")
        return found[0] if found else ""


class Program:
    """A LUN that a program of the administrator's attaches (see this module's first lines)."""

    def __init__(self, program: str, lun: Lun) -> None:
        self._program = program
        self._where = [lun.portal, lun.target, str(lun.number)]

    def attach(self, deadline: Deadline) -> str:
        """Have the program attach the LUN, and return the device's path."""
        from ocf_agents.runtime.command import cause

        result = self._call("attach", deadline)
        path = result.output.strip()
        if result.code:
            raise result.error()
        if not os.path.exists(path):
            raise AgentError(f"{result.what} printed {cause(path)!r}, which is not on this node")
        return path

    def device(self, deadline: Deadline) -> str | None:
        """Ask the program for the device's path."""
        result = self._call("device", deadline)
        if result.code == 1 and not result.output:
            return None
        if result.code:
            raise result.error()
        return result.output.strip()

    def detach(self, deadline: Deadline) -> None:
        """Have the program take the device away."""
        result = self._call("detach", deadline)
        if result.code:
            raise result.error()

    def _call(self, verb: str, deadline: Deadline) -> Result:
        from ocf_agents.runtime.command import run

        what = f"{verb} of LUN {self._where[-1]}"
        return run([self._program, verb, *self._where], deadline, what=what)


def attachment(device: str, program: str, lun: Lun | None) -> Attachment:
    """Return where the device of these parameters comes from."""
    if lun is None:
        return Local(device)
    if program:
        return Program(program, lun)
    from ocf_agents.disk.iscsi import Initiator

    return Initiator(lun)
