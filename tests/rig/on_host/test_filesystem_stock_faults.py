"""Faults of ocf:heartbeat:Filesystem (resource-agents 4.12) that our agent does not have.

Each test shows the stock agent's fault first, so that one that is repaired there is noticed here.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node
from tests.rig.on_host.disks import FileServer, image, loop

STOCK = "/usr/lib/ocf/resource.d/heartbeat/Filesystem"
SHORT = {"OCF_RESKEY_CRM_meta_timeout": "4000"}

pytestmark = pytest.mark.skipif(not Path(STOCK).exists(), reason="resource-agents is not installed")


class Stock:
    """The stock agent on a node."""

    def __init__(self, node: Node, tools: Path) -> None:
        tools.mkdir()
        modprobe = tools / "modprobe"  # it refuses to do anything without
        modprobe.write_text("#!/bin/sh\n")
        modprobe.chmod(0o755)
        self._node = node
        self._path = f"{tools}:{os.environ['PATH']}"

    def begin(
        self, action: str, environ: dict[str, str] | None = None, /, **given: str
    ) -> subprocess.Popen[bytes]:
        """Begin an action."""
        return subprocess.Popen(
            [*self._node.enter, STOCK, action],
            env={
                "PATH": self._path,
                "OCF_ROOT": "/usr/lib/ocf",
                "OCF_RESOURCE_INSTANCE": "stock",
                "HA_RSCTMP": str(self._node.state),
                **{f"OCF_RESKEY_{name}": value for name, value in given.items()},
                **(environ or {}),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def act(self, action: str, environ: dict[str, str] | None = None, /, **given: str) -> int:
        """Perform an action and return its exit code."""
        return self.begin(action, environ, **given).wait(60)


@pytest.fixture
def stock(node: Node, tmp_path: Path) -> Stock:
    return Stock(node, tmp_path / "tools")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[str]:
    with loop(image(tmp_path / "disk.img")) as device:
        yield device


@pytest.fixture
def given(disk: str, tmp_path: Path) -> dict[str, str]:
    return {"device": disk, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}


def test_another_device_on_the_mount_point(
    node: Node, stock: Stock, given: dict[str, str], tmp_path: Path
) -> None:
    """It takes whatever is mounted there for its own, and unmounts it; ours leaves it alone."""
    (tmp_path / "mnt").mkdir()
    node.run("mount", "-t", "tmpfs", "other", given["directory"])
    assert stock.act("monitor", **given) == Code.SUCCESS
    assert stock.act("stop", **given) == Code.SUCCESS
    assert "other" not in node.run("cat", "/proc/mounts").stdout
    node.run("mount", "-t", "tmpfs", "other", given["directory"])
    assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING
    assert node.act("filesystem", "monitor", RECURRING, **given)[0] == Code.ERR_GENERIC
    assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
    assert "other" in node.run("cat", "/proc/mounts").stdout


def test_a_filesystem_that_became_read_only(
    node: Node, stock: Stock, given: dict[str, str]
) -> None:
    """After a disk error nothing can be written any more, and its monitor says 0; ours fails."""
    assert node.act("filesystem", "start", **given, options="errors=remount-ro") == (0, "")
    trigger = Path("/sys/fs/ext4") / Path(given["device"]).name / "trigger_fs_error"
    trigger.write_text("takeover test")
    assert stock.act("monitor", RECURRING, **given) == Code.SUCCESS
    assert node.act("filesystem", "monitor", RECURRING, **given)[0] == Code.ERR_GENERIC
    assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS


def test_a_stop_with_missing_tools(node: Node, stock: Stock, given: dict[str, str]) -> None:
    """Without fsck a stop of what is not mounted fails, and the node is fenced; ours is 0."""
    missing = {"FSCK": "/nowhere/fsck"}
    assert stock.act("stop", missing, **given) == Code.ERR_INSTALLED
    assert node.act("filesystem", "stop", missing, **given) == (0, "")


def test_a_stop_with_missing_parameters(node: Node, stock: Stock, given: dict[str, str]) -> None:
    """A stop without `device` is "not configured"; ours stops what can be found."""
    del given["device"]
    assert stock.act("stop", **given) == Code.ERR_CONFIGURED
    assert node.act("filesystem", "stop", **given) == (0, "")


def test_an_unlisted_monitor_level(node: Node, stock: Stock, given: dict[str, str]) -> None:
    """Level 15 is "not configured", which stops it in the whole cluster; ours takes 10."""
    assert node.act("filesystem", "start", **given) == (0, "")
    level = {**RECURRING, "OCF_CHECK_LEVEL": "15"}
    assert stock.act("monitor", level, **given) == Code.ERR_CONFIGURED
    assert node.act("filesystem", "monitor", level, **given) == (0, "")
    assert node.act("filesystem", "stop", **given) == (0, "")


@pytest.mark.parametrize("name", ["100%d", "a[1]", "back\\slash", "my\\040data"])
def test_odd_mount_points(
    node: Node, stock: Stock, given: dict[str, str], tmp_path: Path, name: str
) -> None:
    """It says "not running" of what is mounted, and another node mounts it too; ours knows it."""
    given["directory"] = f"{tmp_path}/{name}"
    assert node.act("filesystem", "start", **given) == (0, "")
    assert stock.act("monitor", **given) == Code.NOT_RUNNING
    assert node.act("filesystem", "monitor", **given) == (0, "")
    assert node.act("filesystem", "stop", **given) == (0, "")


def test_a_lazily_unmounted_filesystem(node: Node, stock: Stock, given: dict[str, str]) -> None:
    """A process still writes there, and it says "not running"; ours says that it is in use."""
    assert node.act("filesystem", "start", **given) == (0, "")
    holder = subprocess.Popen([*node.enter, "sh", "-c", f"exec sleep 60 > {given['directory']}/f"])
    time.sleep(0.2)
    node.run("umount", "--lazy", given["directory"])
    assert stock.act("monitor", **given) == Code.NOT_RUNNING
    assert stock.act("stop", **given) == Code.SUCCESS
    assert holder.poll() is None
    assert "in use on this node" in node.act("filesystem", "monitor", **given)[1]
    assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
    assert holder.wait(5) == -15


def test_a_copy_in_another_mount_namespace(node: Node, stock: Stock, given: dict[str, str]) -> None:
    """Its stop succeeds while a container still has the disk mounted; ours ends that first."""
    assert node.act("filesystem", "start", **given) == (0, "")
    copy = subprocess.Popen([*node.enter, *"unshare -m --propagation=private sleep 60".split()])
    time.sleep(0.2)
    assert stock.act("stop", **given) == Code.SUCCESS
    assert copy.poll() is None
    assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
    assert copy.wait(5) == -15


def test_a_clone_with_errors_remount_ro(node: Node, stock: Stock, given: dict[str, str]) -> None:
    """It takes errors=remount-ro for "mounted read-only" and mounts ext2 on every node."""
    given |= {"fstype": "ext2", "options": "errors=remount-ro", "run_fsck": "no"}
    node.run("mkfs.ext2", "-qF", given["device"])
    clone = {"OCF_RESKEY_CRM_meta_clone": "0", "OCF_RESKEY_CRM_meta_clone_max": "2"}
    assert stock.act("start", clone, **given) == Code.SUCCESS
    assert "rw," in node.run("grep", given["directory"], "/proc/mounts").stdout
    node.run("umount", given["directory"])
    code, said = node.act("filesystem", "start", clone, **given)
    assert code == Code.ERR_CONFIGURED
    assert "must not be cloned" in said


def test_a_mount_below_the_mount_point(
    node: Node, stock: Stock, given: dict[str, str], tmp_path: Path
) -> None:
    """What is true of this node alone stops it in the whole cluster (6); ours covers it."""
    below = tmp_path / "mnt/below"
    below.mkdir(parents=True)
    node.run("mount", "-t", "tmpfs", "below", str(below))
    assert stock.act("start", **given) == Code.ERR_CONFIGURED
    assert node.act("filesystem", "start", **given) == (0, "")
    assert node.act("filesystem", "stop", **given) == (0, "")
    assert f"below {below}" in node.run("cat", "/proc/mounts").stdout


def test_a_bind_mount_and_the_processes_of_its_disk(
    node: Node, stock: Stock, given: dict[str, str], tmp_path: Path
) -> None:
    """It ends every process on the folder's disk (resource-agents#1304); ours that in the mount."""
    assert node.act("filesystem", "start", **given) == (0, "")
    data = given["directory"]
    node.run("mkdir", f"{data}/folder", f"{data}/other")
    bind = {"device": f"{data}/folder", "directory": f"{tmp_path}/bound", "fstype": "none"}
    bind["options"] = "bind"

    def ended_by(*, ours: bool) -> list[int | None]:
        node.run("mkdir", "-p", bind["directory"])
        node.run("mount", "--bind", bind["device"], bind["directory"])
        node.forget()
        processes = [
            subprocess.Popen([*node.enter, "sh", "-c", f"cd {folder}; exec sleep 60"])
            for folder in (bind["directory"], f"{data}/other")
        ]
        time.sleep(0.5)
        if ours:
            assert node.act("filesystem", "stop", **bind)[0] == Code.SUCCESS
        else:
            assert stock.act("stop", **bind) == Code.SUCCESS
        ended = [process.poll() for process in processes]
        for process in processes:
            process.kill()
            process.wait()
        return ended

    assert ended_by(ours=False) == [-15, -15]
    assert ended_by(ours=True) == [-15, None]
    node.forget()
    assert node.act("filesystem", "stop", **given) == (0, "")


def test_processes_that_respawn(node: Node, stock: Stock, given: dict[str, str]) -> None:
    """Its stop fails, and the node is fenced (resource-agents#2106); ours succeeds."""
    assert node.act("filesystem", "start", **given) == (0, "")
    script = f"while :; do (trap '' TERM; cd {given['directory']} && exec sleep 60); done"
    parent = subprocess.Popen([*node.enter, "sh", "-c", script], stderr=subprocess.DEVNULL)
    time.sleep(0.2)
    try:
        assert stock.act("stop", SHORT, **given) == Code.ERR_GENERIC
        assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
    finally:
        parent.kill()
        parent.wait()


def test_a_disk_that_does_not_answer(node: Node, stock: Stock, tmp_path: Path) -> None:
    """Its monitor hangs with the disk until it is killed, without a reason; ours fails with one."""
    server = FileServer(node, tmp_path / "nas", "fuse", "nas", image(tmp_path / "nas.img"))
    level = {**RECURRING, **SHORT, "OCF_CHECK_LEVEL": "10"}
    with loop(server.point / "disk", node.run) as device:
        given = {"device": device, "directory": f"{tmp_path}/mnt", "fstype": "ext4"}
        try:
            assert node.act("filesystem", "start", **given) == (0, "")
            server.hang()
            began = time.monotonic()
            code, said = node.act("filesystem", "monitor", level, **given)
            assert (code, "no answer within" in said) == (Code.ERR_GENERIC, True)
            assert time.monotonic() - began < 10
            process = stock.begin("monitor", level, **given)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(10)
        finally:
            server.end()
            node.run("umount", given["directory"], check=False)
    process.wait(10)
