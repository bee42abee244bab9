"""What another user puts in the way of the agents' files in /run, as when a umask was 0."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.runtime.state import State, boot_id
from tests.rig.on_host import conftest
from tests.rig.on_host.conftest import RECURRING, Node

agents, make_node = conftest.agents, conftest.make_node
node, neighbour = conftest.node, conftest.neighbour
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to set the scene")

USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
ADDRESS = "198.51.100.7"
GIVEN = {"ip": ADDRESS, "nic": "eth1", "cidr_netmask": "24"}
KINDS = {
    "file": "printf '{content}' >{path}; chmod {mode} {path}",
    "link": "ln -s /etc/shadow {path}",
    "link to a device": "ln -s /dev/zero {path}",
    "pipe": "mkfifo {path}",
    "folder": "mkdir {path}",
    "socket": "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('{path}')\"",
}


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of root's that the user would like to see killed."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def open_folder(node: Node) -> Iterator[None]:
    """Have the agents' folder open to all, as one that was made under a umask of 0."""
    with tempfile.TemporaryDirectory() as folder:
        node.state = Path(folder)
        node.state.chmod(0o777)
        yield


def plant(path: str, kind: str, content: str = "", mode: str = "0666") -> None:
    """Have the user put something at a path."""
    command = KINDS[kind].format(path=path, content=content, mode=mode)
    subprocess.run([*USER, "sh", "-c", command], check=True)


@pytest.mark.parametrize("mode", ["0600", "0666"])
@pytest.mark.usefixtures("neighbour")
def test_a_planted_state_kills_no_process(
    node: Node, victim: subprocess.Popen[bytes], mode: str
) -> None:
    """The stop ends the process that its state names: only a state of root's own is one."""
    started = Path(f"/proc/{victim.pid}/stat").read_text().rpartition(")")[2].split()[19]
    instance = f"host-test-{os.getpid()}"
    for part in ("", "announcements"):
        path = State({"HA_RSCTMP": str(node.state)}, instance, part).path
        content = f"boot={boot_id()}\\npid={victim.pid}\\nstarted={started}\\ninterfaces=1\\n"
        plant(path, "file", content, mode)
    assert node.act("ip", "start", **GIVEN)[0] == 0
    assert node.act("ip", "monitor", RECURRING, **GIVEN)[0] == 0
    assert node.act("ip", "stop", **GIVEN)[0] == 0
    assert victim.poll() is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "file"])
@pytest.mark.usefixtures("neighbour")
def test_what_is_in_the_way_stops_no_action(node: Node, kind: str) -> None:
    """Of the state and of the file that it is written to first: no hang, no lie, nothing read."""
    instance = f"host-test-{os.getpid()}"
    for part in ("", "announcements"):
        path = State({"HA_RSCTMP": str(node.state)}, instance, part).path
        plant(path, kind)
        plant(f"{path}.new", kind)
    shadow = Path("/etc/shadow").read_bytes()
    for action, environ in (("monitor", {}), ("stop", {}), ("start", {}), ("monitor", RECURRING)):
        code, said = node.act("ip", action, environ, **GIVEN)
        assert code == (7 if (action, environ) == ("monitor", {}) else 0), (action, said)
        assert "root:" not in said
        assert "Traceback" not in said
    assert node.act("ip", "stop", **GIVEN)[0] == 0
    assert ADDRESS not in node.run("ip", "address").stdout
    assert Path("/etc/shadow").read_bytes() == shadow
