"""A disk that is there without our doing: local, or attached by the system itself."""

from __future__ import annotations

import os

from ocf_agents.disk.device import tag_and_value, udev_link
from ocf_agents.runtime.agent import AgentError, Deadline

POLL = 0.02  # seconds
LATE = 0.5  # part of the time that a device has to appear; the rest is for mounting it
SEARCH = 1.0  # seconds between two searches through all disks
BLKID_FOUND_NOTHING = 2  # blkid(8), "EXIT STATUS"


class LocalDevice:
    """A device that is there without our doing.

    Args:
        device: Its path, or a tag such as UUID=... or LABEL=...
    """

    def __init__(self, device: str) -> None:
        self._tag, self._value = tag_and_value(device)
        self._device = udev_link(self._tag, self._value) if self._tag else device

    def attach(self, deadline: Deadline) -> str:
        """Wait until the device is there, and return its path.

        Raises:
            AgentError: It does not appear in half of the time.
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

        That is so when another node has made the filesystem meanwhile.

        Raises:
            AgentError: More than one disk has it; a copy must not be mounted instead of the
                original.
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
