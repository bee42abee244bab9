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
        named: Whether the path is only a name, of something on the network for example.
    """

    def __init__(self, device: str, *, named: bool = False) -> None:
        self._named = named
        self._tag, self._value = tag_and_value(device)
        self._device = udev_link(self._tag, self._value) if self._tag else device

    def attach(self, deadline: Deadline) -> str:
        """Wait until the device is there, and return its path.

        Raises:
            AgentError: It does not appear in half of the time.
        """
        limit = deadline.part(LATE)
        search = Deadline(0)
        while self._is_missing:
            if not search.left():
                if found := self._search(limit):
                    return found
                search = Deadline(SEARCH)
            if not limit.pause(POLL):
                raise AgentError(f"the device {self._device} is not on this node")
        return self._device

    def device(self, deadline: Deadline) -> str | None:
        """Return the path of the device, even while it is not there."""
        found = self._search(deadline) if self._tag and self._is_missing else ""
        return found or self._device

    @property
    def _is_missing(self) -> bool:
        path = self._device.startswith("/") and not self._named
        return path and not os.path.exists(self._device)

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
        wanted = f"{self._tag}={self._value}"
        try:
            found = _blkid(wanted, "device", limit).split()
            # Each member of a btrfs has the UUID and the label of the whole.
            if len(found) > 1 and not _are_one(_blkid(wanted, "export", limit)):
                names = " and ".join(found)
                raise AgentError(f"{wanted} is on {names}: give the device by its path")
        except NoAnswerError:
            return ""
        return found[0] if found else ""


def _blkid(wanted: str, form: str, limit: Deadline) -> str:
    """Return what blkid(8) says of the disks with a tag.

    Raises:
        NoAnswerError: There is no blkid, or it waits for some other disk, which is dead.
    """
    from ocf_agents.runtime.command import run

    command = ["blkid", "--cache-file", os.devnull, "--match-token", wanted, f"--output={form}"]
    try:
        result = run(command, limit)
    except AgentError as error:
        raise NoAnswerError(str(error)) from error
    return result.output if result.code != BLKID_FOUND_NOTHING else ""


def _are_one(text: str) -> bool:
    """Tell whether disks are the members of one btrfs, not copies of each other."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.strip()]
    disks = [dict(line.split("=", 1) for line in block if "=" in line) for block in blocks]
    members = {disk.get("UUID_SUB", "") for disk in disks}
    pools = {(disk.get("TYPE"), disk.get("UUID")) for disk in disks}
    return len(members) == len(disks) and len(pools) == 1 and pools.pop()[0] == "btrfs"


class NoAnswerError(AgentError):
    """The disks could not be searched."""
