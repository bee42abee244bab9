"""A disk of the lab that nodes share, and a program on a node that writes to one."""

import subprocess
import sys
import threading
import time
from itertools import pairwise

from vagrant.common.disks import ATTACH_PROGRAM, TARGET
from vagrant.lab.rig import LabRig

_KEY = "0xc1ea4"
#: What looks for mistakes in a filesystem of each type and changes nothing.
_CHECKS = {"ext4": ("e2fsck", "-f", "-n"), "xfs": ("xfs_repair", "-n")}

#: Writes 4 KiB, past every cache, again and again; says so, and ends with the first error.
_BLOCKS = """
import mmap, os, sys
page = mmap.mmap(-1, 4096)
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_SYNC)
number = 0
while True:
    page[:8] = number.to_bytes(8, "little")
    try:
        os.pwrite(fd, page, 0)
    except OSError as error:
        print("error", error.strerror, flush=True)
        sys.exit(1)
    number += 1
    print(number, flush=True)
"""


class SharedDisk:
    """A LUN of the lab's target, attached by hand.

    Args:
        lab: the lab.
        lun: the LUN's number, from 1.
    """

    def __init__(self, lab: LabRig, lun: int) -> None:
        self._lab = lab
        self._where = (lab.layout.portal, TARGET, str(lun))

    def attach(self, node: str) -> str:
        """Attach it to a node, and return the device."""
        return self._lab.run(
            node, ATTACH_PROGRAM, "attach", *self._where, check=True
        ).stdout.strip()

    def detach(self, node: str) -> None:
        """Take it away from a node again."""
        self._lab.run(node, ATTACH_PROGRAM, "detach", *self._where, check=True)

    def clear(self, node: str) -> None:
        """Take everybody's registration off it."""
        device = self.attach(node)
        for step in (
            ("--register-ignore", f"--param-sark={_KEY}"),
            ("--clear", f"--param-rk={_KEY}"),
        ):
            self._lab.run(node, "sg_persist", "--out", *step, device)
        self.detach(node)

    def make_filesystem(self, node: str, fstype: str) -> None:
        """Make an empty filesystem on it."""
        device = self.attach(node)
        force = {"ext4": "-F", "xfs": "-f"}[fstype]
        self._lab.run(node, f"mkfs.{fstype}", "-q", force, device, check=True)
        self.detach(node)

    def check(self, node: str, fstype: str) -> None:
        """The filesystem, which is mounted nowhere, must be without mistakes."""
        device = self.attach(node)
        found = self._lab.run(node, *_CHECKS[fstype], device)
        self.detach(node)
        assert found.returncode == 0, found.stdout + found.stderr


class Writer:
    """Writes to a file or a disk on a node until that fails.

    Args:
        lab: the lab.
        node: the node's name.
        path: of the file or the disk.
        program: in Python; it is given the path, and says a line for each write.
    """

    def __init__(self, lab: LabRig, node: str, path: str, program: str = _BLOCKS) -> None:
        command = lab.command(node, "python3", "-u", "-c", program, path)
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        self._said: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._said.append((time.monotonic(), line.strip()))

    @property
    def writes(self) -> int:
        """How many writes it has told of."""
        return sum(line.isdecimal() for _, line in list(self._said))

    def until_it_ends(self, limit: float) -> str:
        """Wait until it ends by itself, at most `limit` seconds; return its last words."""
        try:
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            self.end()
            raise
        self._reader.join()
        print(f"{self.writes} writes; {self._said[-1:]}", file=sys.stderr)
        return self._said[-1][1] if self._said else ""

    def longest_pause(self, begin: float) -> float:
        """The longest time without a write since `begin`, in seconds of the monotonic clock."""
        times = [begin, *(at for at, _ in list(self._said) if at > begin), time.monotonic()]
        return max(later - earlier for earlier, later in pairwise(times))

    def end(self) -> None:
        """End the connection to the node; the program ends with its next word."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
