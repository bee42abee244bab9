"""Disks for tests on the host: loop devices with a filesystem."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.rig.on_host.conftest import Node, run

Run = Callable[..., subprocess.CompletedProcess[str]]

SERVER = Path(__file__).with_name("fuse_server.py")


def image(path: Path, *mkfs: str, size: int = 32) -> Path:
    """Make an image of `size` MiB with a filesystem; ext4 if no mkfs is given."""
    with path.open("wb") as file:
        file.truncate(size << 20)
    run(*(mkfs or ("mkfs.ext4", "-q")), str(path))
    return path


@contextlib.contextmanager
def no_other_attaches() -> Iterator[None]:
    """Keep the tests side by side with this one from attaching anything to a loop device.

    For what goes on to use the number of a device after it was detached: it may be another's then.
    """
    with Path("/dev/loop-control").open("rb") as control:
        fcntl.flock(control, fcntl.LOCK_EX)
        yield


def attach(path: Path, run: Run = run) -> str:
    """Attach an image to a loop device; a node's `run` finds what exists in its namespace only."""
    with no_other_attaches():
        return run("losetup", "--find", "--show", str(path)).stdout.strip()


@contextlib.contextmanager
def loop(path: Path, run: Run = run) -> Iterator[str]:
    """Attach an image to a loop device, and detach it when it is not in use any more."""
    device = attach(path, run)
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


def program_of_the_cluster(node: Node, folder: Path) -> str:
    """Return a shell that is a program of the cluster's on a node, called pcsd."""
    folder.mkdir()
    shutil.copy("/bin/bash", folder / "pcsd")
    node.run("mount", "--bind", str(folder), "/usr/lib/systemd")
    return "/usr/lib/systemd/pcsd"


def held(point: str) -> bool:
    """Tell whether a process has its working folder on a mount point by now."""
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) == point:
                return True
    return False


class FileServer:
    """A network filesystem of a node, with one file, that can be made to hang."""

    def __init__(self, node: Node, point: Path, kind: str, source: str, image: Path) -> None:
        point.mkdir()
        self.node = node
        self.point = point
        command = ["python3", str(SERVER), str(point), kind, source, str(image)]
        # A group of its own: where the node has its own numbers of processes, it is not the first.
        self.process = subprocess.Popen(
            [*node.enter, *command], stderr=subprocess.DEVNULL, process_group=0
        )
        until = time.monotonic() + 10
        while f" {point} " not in node.run("cat", "/proc/mounts").stdout:
            assert time.monotonic() < until, "the FUSE server did not mount"
            time.sleep(0.02)

    def hang(self) -> None:
        """Answer no request any more."""
        os.killpg(self.process.pid, signal.SIGUSR1)
        time.sleep(0.1)

    def hang_at_the_end(self) -> None:
        """Answer no request any more from the last one on that an unmount of ext4 makes."""
        os.killpg(self.process.pid, signal.SIGUSR2)
        time.sleep(0.1)

    def end(self) -> None:
        """End the server: whatever waits for it fails now."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
