"""A SCSI-3 persistent reservation of a disk: no node but this one can write to it.

The type is "Write Exclusive, Registrants Only" (5): with one reservation all paths of this node may
write, and nobody who is not registered (SPC-4, 5.13 "Reservations"). The node that takes the disk
over preempts the registrations of all others, and aborts what they have still under way; a node
that lives on unnoticed then gets errors instead of destroying data. Done with sg_persist(8).
"""

from __future__ import annotations

import os

from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.command import Result, run
from ocf_agents.runtime.journal import WARNING, log

TYPE = 5
TYPE_NAME = "Write Exclusive, registrants only"  # as sg_persist writes it
PREFIX = "54414b45"  # first half of a key, if none is given
COMMAND = 5.0  # seconds for one command; a dead path must not use up the time of the others
TRIES = 3
# sg3_utils(8), "EXIT STATUS": the command was not executed and can be sent again / not supported.
NOT_READY, ILLEGAL_REQUEST, UNIT_ATTENTION, ABORTED = 2, 5, 6, 11
RESERVATION_CONFLICT = 24


def key(prefix: str, node: str) -> str:
    """Return a node's key, 16 hexadecimal digits: the second half is made of the node's name.

    So no two nodes have the same key, whatever the parameter is: a node that is registered with the
    key of another could write when it must not.

    Args:
        prefix: The first half, "" for the usual one.
        node: The name of the node.
    """
    import binascii

    return f"{prefix or PREFIX:0>8}{binascii.crc32(node.encode()):08x}".lower()


def paths(disk: str) -> list[str]:
    """Return the SCSI devices that a disk ("major:minor") is made of: each path of each LUN.

    Found in sysfs, through partitions, multipath, LVM and the like.
    """
    return sorted({f"/dev/{name}" for name in _leaves(os.path.realpath(_sysfs(disk)))})


class Reservation:
    """The reservation of a disk by this node.

    Args:
        key: The key of this node.
        devices: The SCSI devices of the disk.
        deadline: The end of the time for all that is done.
    """

    def __init__(self, key: str, devices: list[str], deadline: Deadline) -> None:
        self._key = key
        self._devices = devices
        self._deadline = deadline

    def take(self) -> None:
        """Register each path, reserve the disk and preempt whoever else has it.

        Raises:
            AgentError: That does not succeed.
        """
        for device in self._register():
            self._reserve(device)
            for other in set(self._keys(device)) - {self._key}:
                log(f"preempting the key 0x{other} on {device}", WARNING)
                self._preempt(device, other)
            self._verify(device)

    def check(self) -> None:
        """Raise AgentError if the reservation is not this node's any more.

        A path that was dead when the others were registered is registered now.
        """
        for number, device in enumerate(self._devices):
            try:
                registered = self._verify(device).count(self._key)
            except NoAnswerError:
                if number + 1 == len(self._devices):
                    raise
                continue  # this path is dead, and another may not be
            if registered < len(self._devices):
                self._register()
            return

    def release(self) -> None:
        """Release the disk, and take back the registrations of this node.

        Raises:
            AgentError: They stay; whoever takes the disk next has to preempt them.
        """
        problem: AgentError | None = None
        own = f"--param-rk={self._key}"
        for device in self._devices:
            try:
                if self._key in self._keys(device):
                    self._persist(device, ["--out", "--release", own, f"--prout-type={TYPE}"])
                    unregister = ["--out", "--register", own, "--param-sark=0"]
                    self._persist(device, unregister, RESERVATION_CONFLICT)
            except AgentError as error:
                problem = error
        if problem:
            raise problem

    def _register(self) -> list[str]:
        """Register this node's key on each path, and return the paths that took it."""
        taken = []
        problem: AgentError | None = None
        for device in self._devices:
            out = ["--out", "--register-ignore", f"--param-sark={self._key}"]
            try:
                # To survive a power failure of the array is optional there.
                if self._persist(device, [*out, "--param-aptpl"], ILLEGAL_REQUEST).code:
                    self._persist(device, out)
                taken.append(device)
            except AgentError as error:
                log(f"cannot register on the path {device}: {error}", WARNING)
                problem = error
        if problem and not taken:
            raise problem
        return taken

    def _reserve(self, device: str) -> None:
        own = (self._key, TYPE_NAME)
        for _ in range(TRIES):
            if (held := self._holder(device)) == own:
                return
            if held is None:
                command = ["--out", "--reserve", f"--param-rk={self._key}", f"--prout-type={TYPE}"]
                self._persist(device, command, RESERVATION_CONFLICT)  # or somebody was faster
            else:
                log(f"preempting the reservation of 0x{held[0]} ({held[1]}) on {device}", WARNING)
                self._preempt(device, held[0])

    def _preempt(self, device: str, other: str) -> None:
        own = ["--out", "--preempt-abort", f"--param-rk={self._key}", f"--prout-type={TYPE}"]
        self._persist(device, [*own, f"--param-sark={other}"], RESERVATION_CONFLICT)

    def _verify(self, device: str) -> list[str]:
        """Return the registered keys.

        Raises:
            AgentError: The reservation or a key is not this node's.
        """
        held = self._holder(device)
        if held != (self._key, TYPE_NAME):
            who = f"held by 0x{held[0]} ({held[1]})" if held else "held by nobody"
            raise AgentError(f"the reservation of {device} is {who}, not by this node")
        keys = self._keys(device)
        if others := sorted(set(keys) - {self._key}):
            raise AgentError(f"the key 0x{others[0]}, not this node's, can write to {device}")
        return keys

    def _holder(self, device: str) -> tuple[str, str] | None:
        """Return key and type of the reservation, None if there is none."""
        output = self._read(device, "--read-reservation")
        words = dict(
            field.replace("=", ":", 1).partition(":")[::2]
            for line in output.splitlines()
            for field in line.strip().split(",  ")
        )
        if "Key" not in words:
            return None
        return _digits(words["Key"]), words.get("type", "").strip()

    def _keys(self, device: str) -> list[str]:
        """Return the registered keys, once for each path of each node."""
        lines = self._read(device, "--read-keys").splitlines()
        return [_digits(line) for line in lines if line.strip().startswith("0x")]

    def _read(self, device: str, what: str) -> str:
        return self._persist(device, ["--in", what, "--readonly"]).output

    def _persist(self, device: str, arguments: list[str], allowed: int = 0) -> Result:
        """Run sg_persist.

        Raises:
            NoAnswerError: It failed with another exit code than the allowed one.
        """
        what = f"sg_persist {arguments[1]} {device}"
        for _ in range(TRIES):
            limit = Deadline(min(COMMAND, self._deadline.left()))
            try:
                result = run(["sg_persist", "--no-inquiry", *arguments, device], limit, what=what)
            except AgentError as error:
                raise NoAnswerError(str(error), error.code) from error
            if result.code not in (NOT_READY, UNIT_ATTENTION, ABORTED):
                break
        if result.code in (0, allowed):
            return result
        failure = result.error("sg3_utils(8) explains the number")
        raise NoAnswerError(str(failure), details=failure.details)


class NoAnswerError(AgentError):
    """A path did not execute a command, or not in time."""


def _digits(text: str) -> str:
    """Return a key as 16 hexadecimal digits, as `key` does."""
    return text.strip().removeprefix("0x").rjust(16, "0")


def _sysfs(disk: str) -> str:
    return f"{mountinfo.SYSFS}/dev/block/{disk}"


def _leaves(folder: str) -> list[str]:
    """Return the names of the disks below a block device's folder in sysfs."""
    if os.path.exists(f"{folder}/partition"):
        return _leaves(os.path.dirname(folder))
    slaves = f"{folder}/slaves"
    below = os.listdir(slaves) if os.path.isdir(slaves) else []
    if not below:
        return [os.path.basename(folder)]
    return [name for slave in below for name in _leaves(os.path.realpath(f"{slaves}/{slave}"))]
