"""A node that sees no process but its own, and the processes of an ordinary user on it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.rig.on_host.conftest import Node
from vagrant.common.waiting import eventually

USER = 65534  # nobody
PYTHON = "/usr/bin/python3"
READY = "ready"


class Enclosed(Node):
    """A machine of its own also as far as processes are concerned: no other can be ended.

    Args:
        agents: The folder of the agents.
        state: The folder of what they remember.
        first: The command of the first process, which lasts as long as the node.
    """

    def __init__(
        self, agents: Path, state: Path, first: tuple[str, ...] = ("sleep", "600")
    ) -> None:
        self._agents = agents
        self.state = state
        options = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self.process = subprocess.Popen(["unshare", *options, *first])
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        assert eventually(lambda: bool(children.read_text().split()), 10)
        pid = children.read_text().split()[0]
        comm = Path(f"/proc/{pid}/comm")
        assert eventually(lambda: comm.read_text() == f"{first[0]}\n", 10)
        where = ["--net", "--mount", "--pid", "--"]
        self.enter = ["nsenter", f"--target={pid}", *where]
        self.run("ip", "link", "set", "lo", "up")
        # What an ordinary user can reach, as pytest's folders are not.
        self.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/srv")

    def end(self) -> None:
        """Give the node up, and with it its processes, and the mounts of its namespace."""
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def user(
        self, script: str, *arguments: str, uid: int = USER
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a Python script as an ordinary user; it prints `ready` when it is."""
        ids = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        running = subprocess.Popen(
            [*self.enter, "setpriv", *ids, PYTHON, "-IS", "-c", script, *arguments],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            process_group=0,
        )
        assert running.stdout is not None
        line = running.stdout.readline()
        try:
            assert line == f"{READY}\n", line
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, 9)
            running.kill()
            running.wait()
            running.stdout.close()

    def mounts(self) -> str:
        """Return what is mounted on the node."""
        command = [*self.enter, "cat", "/proc/mounts"]
        shown = subprocess.run(command, capture_output=True, check=True).stdout
        return shown.decode(errors="surrogateescape")


def ended(running: subprocess.Popen[str], limit: float = 5) -> bool:
    """Tell whether a process has ended, or does so soon."""
    return eventually(lambda: running.poll() is not None, limit)


def timed(action: Callable[[], tuple[int, str]]) -> tuple[int, str, float]:
    """Perform an action; return the code, what it said, and the seconds that it took."""
    began = time.monotonic()
    code, said = action()
    return code, said, time.monotonic() - began
