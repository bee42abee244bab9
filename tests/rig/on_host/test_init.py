"""What `takeover init` finds on a real machine: its networks, as the kernel has them, and disks."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.on_host.conftest import Node, run
from tests.rig.on_host.disks import image, loop

CHECKOUT = Path(__file__).parents[3]
PROGRAM = (sys.executable, "-c", "from pcs_wrapper.cli import main; main()")
FENCE = ("--fence", "fence_of_nobody switch=203.0.113.2")
LISTEN = """
import socket
server = socket.create_server(("", 2224))
print("ready", flush=True)
server.accept()
"""


class Init:
    """`takeover init` on a node, in a folder of the test's."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.file = folder / "cluster.toml"
        # Where this machine itself belongs to a cluster, the node does not.
        node.run("sh", "-c", "[ ! -d /etc/corosync ] || mount -t tmpfs tmpfs /etc/corosync")

    def __call__(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run it without questions."""
        command = (*PROGRAM, "init", "--defaults", *FENCE, *options, str(self.file))
        return self.node.run(*command, check=False, PYTHONPATH=str(CHECKOUT))

    def found(self) -> dict[str, Any]:
        """Return what it finds."""
        done = self("--json", "--dry-run")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)["found"]
        return found


@pytest.fixture
def init(node: Node, tmp_path: Path) -> Init:
    """Return the command on a node with a cable in 198.51.100.0/24, to a node that is not there."""
    node.run(*"ip link add eth1 type veth peer name away".split())
    node.run(*"ip link set away up".split())
    node.run(*"ip address add 198.51.100.11/24 dev eth1".split())
    node.run(*"ip link set eth1 up".split())
    return Init(node, tmp_path)


def test_the_networks_of_this_machine_are_found(init: Init) -> None:
    """Those of interfaces that are up and have a carrier; an address with an end is lent."""
    run_ = init.node.run
    for name in ("eth2", "eth3", "docker0"):
        run_(*f"ip link add {name} type veth peer name {name}-away".split())
        run_(*f"ip link set {name}-away up".split())
    run_(*"ip address add 203.0.113.11/24 dev eth2 valid_lft 600 preferred_lft 600".split())
    run_(*"ip address add 2001:db8::11/64 dev eth2 nodad".split())
    run_(*"ip address add 198.51.100.129/25 dev eth3".split())  # which stays down
    run_(*"ip address add 172.17.0.1/16 dev docker0".split())
    for name in ("eth2", "docker0"):
        run_(*f"ip link set {name} up".split())
    links = [
        {"interface": "eth1", "address": "198.51.100.11", "network": "198.51.100.0/24",
         "leased": False},
        {"interface": "eth2", "address": "203.0.113.11", "network": "203.0.113.0/24",
         "leased": True},
    ]  # fmt: skip
    assert init.found()["links"] == links
    run_(*"ip link set away down".split())  # the cable is pulled
    assert init.found()["links"] == links[1:]
    run_(*"ip address del 203.0.113.11/24 dev eth2".split())
    assert [each["network"] for each in init.found()["links"]] == ["2001:db8::/64"]


def test_a_disk_is_found_as_long_as_nobody_uses_it(init: Init, tmp_path: Path) -> None:
    """A loop device with a filesystem, under the name by which every machine finds that."""
    with loop(image(tmp_path / "disk")) as device:
        uuid = run("blkid", "-p", "-s", "UUID", "-o", "value", device).stdout.strip()

        def offered() -> list[dict[str, Any]]:
            return [each for each in init.found()["disks"] if each["kernel"] == device]

        [disk] = offered()
        assert (disk["path"], disk["filesystem"]) == (f"UUID={uuid}", "ext4")
        assert (disk["size"], disk["shared"]) == (32 << 20, False)
        (tmp_path / "mounted").mkdir()
        init.node.run("mount", device, str(tmp_path / "mounted"))
        assert offered() == []
        init.node.run("umount", str(tmp_path / "mounted"))


def test_the_system_s_own_disk_is_never_offered(init: Init) -> None:
    """Nor is anything else that is mounted on this machine."""
    sources = {line.split()[0] for line in Path("/proc/mounts").read_text().splitlines()}
    assert not sources & {each["kernel"] for each in init.found()["disks"]}


@pytest.fixture
def neighbour_with_pcsd(init: Init, make_node: Any) -> Iterator[Node]:
    """Return a second node at the other end of the cable, on which somebody listens as pcsd."""
    other: Node = make_node()
    init.node.run(*f"ip link set away netns {other.process.pid}".split())
    other.run(*"ip address add 198.51.100.12/24 dev away".split())
    other.run(*"ip link set away up".split())
    server = subprocess.Popen(
        [*other.enter, sys.executable, "-c", LISTEN], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    yield other
    server.kill()
    server.wait()


@pytest.mark.usefixtures("neighbour_with_pcsd")
def test_a_description_of_two_nodes_is_written(init: Init) -> None:
    """It has no mistakes, and is not overwritten; a node whose pcsd is away is told."""
    done = init("--node", "node2=198.51.100.12", "--name", "pair", "--watchdog", "")
    assert done.returncode == 0, done.stderr
    assert "pcsd of" not in done.stderr
    checked = init.node.run(*PROGRAM, "check", str(init.file), PYTHONPATH=str(CHECKOUT))
    host = socket.gethostname().partition(".")[0]
    assert checked.stdout == (
        f"{init.file}: no mistakes. Cluster pair; nodes: {host}, node2; services: none\n"
    )
    again = init()
    assert again.returncode == 2
    assert "is there already, and is not overwritten" in again.stderr
    init.file.unlink()
    away = init("--node", "node3=198.51.100.13")
    assert away.returncode == 0
    assert "pcsd of node3 does not answer at 198.51.100.13" in away.stderr
