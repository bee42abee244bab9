"""A machine of its own for each test, as far as network and mounts are concerned."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocf_agents.install.launchers import install_agents

RECURRING = {"OCF_RESKEY_CRM_meta_interval": "10000"}
LISTEN = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
print("listening", flush=True)
while True:
    print(s.recv(2000).hex(), flush=True)
"""


def run(*command: str, check: bool = True, **environ: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], **environ},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
    return done


Wire = Callable[..., list[bytes]]


class Node:
    """A machine of its own, as far as network and mounts are concerned."""

    def __init__(self, agents: Path, state: Path) -> None:
        self._agents = agents
        self.state = state
        own = self._namespaces("self")
        self.process = subprocess.Popen(["unshare", "--net", "--mount", "sleep", "600"])
        while own & self._namespaces(str(self.process.pid)):
            time.sleep(0.01)
        self.enter = ["nsenter", f"--target={self.process.pid}", "--net", "--mount", "--"]
        self.run("ip", "link", "set", "lo", "up")

    @staticmethod
    def _namespaces(process: str) -> set[Path]:
        return {Path(f"/proc/{process}/ns/{kind}").readlink() for kind in ("net", "mnt")}

    def run(
        self, *command: str, check: bool = True, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the node."""
        return run(*self.enter, *command, check=check, **environ)

    def act(
        self, agent: str, action: str, environ: dict[str, str] | None = None, /, **parameters: str
    ) -> tuple[int, str]:
        """Perform an action of an agent; return the exit code and what it said."""
        done = self.run(
            str(self.agent(agent)),
            action,
            check=False,
            **{
                "OCF_RESOURCE_INSTANCE": f"host-test-{os.getpid()}",
                "HA_RSCTMP": str(self.state),
                **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
                **(environ or {}),
            },
        )
        return done.returncode, done.stderr

    def hardware_address(self, interface: str) -> str:
        """Return the hardware address of an interface."""
        return self.run("ip", "-o", "link", "show", interface).stdout.split("link/ether ")[1][:17]

    def agent(self, name: str) -> Path:
        """Return where an agent of ours is."""
        return self._agents / name

    def forget(self) -> None:
        """Lose what the agents remember, as when somebody clears the folder."""
        for path in self.state.glob("*.state"):
            path.unlink()

    def end(self) -> None:
        """Give the node up, and with it its interfaces and mounts."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the agents, which are installed once."""
    return install_agents(tmp_path_factory.mktemp("root"))[0].parent


@pytest.fixture
def make_node(agents: Path, tmp_path: Path) -> Iterator[Callable[[], Node]]:
    """Return a function that makes a node."""
    nodes: list[Node] = []

    def make() -> Node:
        nodes.append(Node(agents, tmp_path / f"rsctmp{len(nodes)}"))
        return nodes[-1]

    yield make
    for node in nodes:
        node.end()


@pytest.fixture
def node(make_node: Callable[[], Node]) -> Node:
    return make_node()


@pytest.fixture
def neighbour(make_node: Callable[[], Node], node: Node) -> Node:
    """Return a second node, connected to the first one's eth1 by its own eth1."""
    other = make_node()
    pid = str(other.process.pid)
    node.run(*f"ip link add eth1 type veth peer name eth1 netns {pid}".split())
    for each, number in ((node, 1), (other, 2)):
        each.run("ip", "link", "set", "eth1", "up")
        each.run(*f"ip address add 198.51.100.{number}/24 dev eth1".split())
        each.run(*f"ip address add 2001:db8::{number}/64 dev eth1 nodad".split())
    return other


@pytest.fixture
def wire(neighbour: Node) -> Iterator[Wire]:
    """Return a function that gives the packets which reach the neighbour until some seconds on."""
    listener = subprocess.Popen(
        [*neighbour.enter, sys.executable, "-IS", "-c", LISTEN, "eth1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listener.stdout is not None
    assert listener.stdout.readline() == "listening\n"

    def packets(seconds: float = 0.2) -> list[bytes]:
        time.sleep(seconds)
        listener.kill()
        return [bytes.fromhex(line) for line in listener.communicate()[0].split()]

    yield packets
    listener.kill()
    listener.wait()
