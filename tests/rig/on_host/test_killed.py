"""Agents that are killed at any moment, with their process group, as Pacemaker does at a timeout.

Whatever the moment, the next stop and start succeed, and after the stop nothing is left. The
moments are random, but the same in each run; TAKEOVER_KILLS=2000 in the environment makes a longer
one.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocf_agents.program.containment import cgroup_root
from ocf_agents.runtime.registration import FOLDER, SOCKET
from tests.rig.on_host.conftest import RECURRING, Node
from tests.rig.on_host.disks import image, loop
from vagrant.common.waiting import eventually

KILLS = int(os.environ.get("TAKEOVER_KILLS", "200"))  # of all agents together
AGENTS = 3
SEED = 3
LIMIT = 5.0  # seconds; what a killed agent has started ends in milliseconds
APPLICATION = """#!/bin/sh
setsid sleep {seconds} &
sleep {seconds}
"""


class Victim:
    """A resource whose actions are killed.

    Parameters: the node, the agent, the resource's parameters, what finds its remains on the node.
    """

    def __init__(
        self,
        node: Node,
        agent: str,
        parameters: dict[str, str],
        left: Callable[[], list[str]],
    ) -> None:
        self._node = node
        self._agent = agent
        self._left = left
        self._instance = f"killed-{os.getpid()}"
        self._environ = {
            "PATH": os.environ["PATH"],
            "OCF_RESOURCE_INSTANCE": self._instance,
            "HA_RSCTMP": str(node.state),
            **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
        }
        # Everything that an action starts is in here, but an application.
        self._cgroup = Path(f"{cgroup_root()}/takeover-test-{self._instance}")
        self._cgroup.mkdir()
        self._watcher = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def register(self, wanted: bool) -> None:
        """Have the actions register the resource with a watcher that does nothing, or not."""
        self._environ.pop("OCF_RESKEY_CRM_meta_on_node", None)
        if wanted:
            self._environ["OCF_RESKEY_CRM_meta_on_node"] = "node1"

    def open_door(self) -> None:
        """Be the watcher that does nothing."""
        folder = self._node.state / FOLDER
        folder.mkdir(parents=True)
        self._watcher.bind(str(folder / SOCKET))

    def start_action(self, action: str) -> subprocess.Popen[str]:
        """Start an action in a process group of its own."""
        return subprocess.Popen(
            [*self._node.enter, str(self._node.agent(self._agent)), action],
            env=self._environ | (RECURRING if action == "monitor" else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
            preexec_fn=self._enter,  # noqa: PLW1509 - there are no threads
        )

    def _enter(self) -> None:
        (self._cgroup / "cgroup.procs").write_text("0")

    def act(self, action: str) -> float:
        """Perform an action, which has to succeed; return how long it took, in seconds."""
        began = time.monotonic()
        with self.start_action(action) as process:
            said = process.communicate(timeout=60)[0]
        assert process.returncode == 0, f"{action}: {said}"
        return time.monotonic() - began

    def kill(self, action: str, moment: float) -> None:
        """Start an action and kill its process group so many seconds later."""
        with self.start_action(action) as process:
            time.sleep(moment)
            os.killpg(process.pid, signal.SIGKILL)

    def remains(self) -> list[str]:
        """Return what is left: processes, whatever they may still do, then all else."""
        self._wait_until_alone()
        files = [path for path in self._node.state.rglob("*") if path.is_file()]
        return [
            *(f"process {_command(pid)}" for pid in self._processes()),
            *(f"file {path}: {path.read_text()!r}" for path in files if path.suffix != ".log"),
            *self._left(),
        ]

    def end(self) -> None:
        """Leave nothing of it."""
        with self.start_action("stop") as process:
            process.communicate(timeout=60)
        self._watcher.close()
        (self._cgroup / "cgroup.kill").write_text("1")
        self._wait_until_alone()
        self._cgroup.rmdir()

    def _processes(self) -> list[str]:
        return (self._cgroup / "cgroup.procs").read_text().split()

    def _wait_until_alone(self) -> None:
        eventually(lambda: not self._processes(), LIMIT, pause=0.005)


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return "that has ended"


MakeVictim = Callable[[str, dict[str, str], Callable[[], list[str]]], Victim]


@pytest.fixture
def victim(node: Node) -> Iterator[MakeVictim]:
    """Return a function that makes the resource of a test."""
    made: list[Victim] = []

    def make(agent: str, parameters: dict[str, str], left: Callable[[], list[str]]) -> Victim:
        made.append(Victim(node, agent, parameters, left))
        made[0].open_door()
        return made[0]

    yield make
    for each in made:
        each.end()


def lasts(victim: Victim) -> dict[str, float]:
    """Return how long a start and a stop take, in seconds."""
    took: dict[str, list[float]] = {"start": [], "stop": []}
    for _ in range(5):
        for action, seconds in took.items():
            seconds.append(victim.act(action))
    return {action: statistics.median(seconds) for action, seconds in took.items()}


def kill_many_times(victim: Victim) -> None:
    """Kill a start, then the stop of a whole one, and so on; see that each is survived."""
    victim.register(True)
    seconds = lasts(victim)
    moments = random.Random(SEED)  # noqa: S311 - the same ones in each run
    for number in range(max(1, KILLS // AGENTS // 2)):
        victim.register(number % 2 == 0)
        for action in ("start", "stop"):
            moment = moments.uniform(0, seconds[action])
            victim.kill(action, moment)
            victim.act("stop")
            left = victim.remains()
            assert not left, f"{action} killed after {moment * 1000:.1f} ms (kill {number})"
            if action == "start":
                victim.act("start")
                victim.act("monitor")
    victim.act("start")
    victim.act("stop")


def test_app(victim: MakeVictim, tmp_path: Path) -> None:
    """No process is left, in whatever session, and no cgroup."""
    seconds = f"{600 + os.getpid()}.25"
    program = tmp_path / "application"
    program.write_text(APPLICATION.format(seconds=seconds))
    program.chmod(0o755)

    def left() -> list[str]:
        return [
            *(f"cgroup {path}" for path in Path(f"{cgroup_root()}").glob("takeover-app-killed-*")),
            *(f"process {each}" for each in _commands() if seconds in each or str(program) in each),
            *map(str, tmp_path.glob("pid")),
        ]

    given = {"binfile": str(program), "ready": "command:/bin/true"}
    kill_many_times(victim("app", {**given, "pidfile": str(tmp_path / "pid")}, left))


def _commands() -> list[str]:
    """Return the command lines of all processes."""
    pids = (path.name for path in Path("/proc").glob("[0-9]*"))
    return [_command(pid) for pid in pids]


def test_filesystem(victim: MakeVictim, node: Node, tmp_path: Path) -> None:
    """Nothing is mounted, however late a killed start would have mounted it."""
    with loop(image(tmp_path / "disk.img")) as device:
        point = tmp_path / "mnt"
        given = {"device": device, "directory": str(point), "fstype": "ext4"}

        def left() -> list[str]:
            mounts = node.run("cat", "/proc/mounts").stdout.splitlines()
            return [line for line in mounts if device in line or str(point) in line]

        kill_many_times(victim("filesystem", given, left))


@pytest.mark.usefixtures("neighbour")
def test_ip(victim: MakeVictim, node: Node) -> None:
    """No address is left, and nobody announces it."""

    def left() -> list[str]:
        shown = node.run("ip", "-oneline", "address", "show").stdout.splitlines()
        return [line for line in shown if "198.51.100.7/" in line]

    given = {"ip": "198.51.100.7", "nic": "eth1", "cidr_netmask": "24"}
    kill_many_times(victim("ip", given, left))
