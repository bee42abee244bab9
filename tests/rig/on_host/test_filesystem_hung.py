"""Dead disks and servers: nothing may hang on them, and what cannot be safe must not succeed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node
from tests.rig.on_host.disks import FileServer, image, loop, program_of_the_cluster

LIMIT = 3.0  # seconds that the cluster allows
#: On a busy machine it takes some seconds to look at every process.
ROOMY = {"OCF_RESKEY_CRM_meta_timeout": "15000"}
WITHIN = {"OCF_RESKEY_CRM_meta_timeout": f"{LIMIT * 1000:.0f}"}
SLACK = 2.0  # seconds; the machine may be busy


@pytest.fixture
def server(node: Node, tmp_path: Path) -> Iterator[FileServer]:
    """Return a server that has a disk's image."""
    disk = image(tmp_path / "disk.img")
    server = FileServer(node, tmp_path / "nas", "fuse.sshfs", "nas:/export", disk)
    yield server
    server.end()


@pytest.fixture
def disk(server: FileServer) -> Iterator[str]:
    """Return a block device that dies when the server hangs."""
    with loop(server.point / "disk", server.node.run) as device:
        yield device
        server.end()


@pytest.fixture
def mounted(node: Node, disk: str, tmp_path: Path) -> dict[str, str]:
    given = {"device": disk, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
    assert node.act("filesystem", "start", **given) == (0, "")
    return given


def timed(node: Node, action: str, level: int = 0, /, **given: str) -> tuple[int, str]:
    """Perform an action, and make sure that it ends within its limit."""
    began = time.monotonic()
    environ = {**RECURRING, **WITHIN, "OCF_CHECK_LEVEL": str(level)}
    result = node.act("filesystem", action, environ, **given)
    assert time.monotonic() - began < LIMIT + SLACK
    return result


@pytest.mark.parametrize(("level", "what"), [(10, "reading /dev/loop"), (25, "writing /")])
def test_a_disk_that_does_not_answer_is_found_in_time(
    node: Node, server: FileServer, mounted: dict[str, str], level: int, what: str
) -> None:
    """Level 10 reads and level 20 writes past the caches, in a child: exit 1 before the limit."""
    assert timed(node, "monitor", level, **mounted) == (0, "")
    server.hang()
    assert timed(node, "monitor", **mounted) == (0, "")  # level 0 asks no disk
    code, said = timed(node, "monitor", level, **mounted)
    assert code == Code.ERR_GENERIC
    assert said.startswith("ocf-exit-reason:no answer within 2.")
    assert f"({what}" in said


def test_a_stop_on_a_dead_disk_fails_in_time(
    node: Node, server: FileServer, mounted: dict[str, str]
) -> None:
    """What is written still may reach the disk: no lazy unmount, no success, and no hanging."""
    file = f"of={mounted['directory']}/data"
    node.run("dd", "if=/dev/urandom", file, "bs=64k", "count=16")
    server.hang()
    code, said = timed(node, "stop", **mounted)
    assert code == Code.ERR_GENERIC
    assert "cannot unmount" in said
    assert timed(node, "monitor", **mounted)[0] == Code.ERR_GENERIC  # not "not running"
    server.end()
    assert node.act("filesystem", "stop", **mounted)[0] == Code.SUCCESS


def test_a_stop_that_the_kernel_is_still_at_work_on_is_none(
    node: Node, server: FileServer, mounted: dict[str, str]
) -> None:
    """Nothing shows the filesystem any more, but its last blocks are still to be written."""
    node.run("sh", "-c", f"echo data > {mounted['directory']}/data; sync")
    server.hang_at_the_end()
    for _ in range(2):
        code, said = timed(node, "stop", **mounted)
        assert (code, "cannot unmount" in said) == (Code.ERR_GENERIC, True), said
        assert timed(node, "monitor", **mounted)[0] == Code.ERR_GENERIC  # not "not running"
        assert node.act("filesystem", "monitor", **mounted)[0] == Code.ERR_GENERIC
    server.end()
    assert node.act("filesystem", "stop", **mounted)[0] == Code.SUCCESS
    assert node.act("filesystem", "monitor", **mounted)[0] == Code.NOT_RUNNING


def test_a_start_on_a_dead_disk_fails_in_time(
    node: Node, server: FileServer, disk: str, tmp_path: Path
) -> None:
    """The mount that hangs is killed before Pacemaker's limit, with a reason."""
    server.hang()
    given = {"device": disk, "directory": str(tmp_path / "mnt")}
    for fstype in ("ext4", "ext2"):  # mount hangs, fsck hangs
        code, said = timed(node, "start", **given, fstype=fstype)
        assert code == Code.ERR_GENERIC
        assert "did not finish in time" in said


@pytest.fixture
def nas(node: Node, tmp_path: Path) -> Iterator[FileServer]:
    """Return a network filesystem that is mounted."""
    disk = image(tmp_path / "nas.img")
    server = FileServer(node, tmp_path / "files", "fuse.sshfs", "nas:/two", disk)
    yield server
    server.end()


def parameters(nas: FileServer) -> dict[str, str]:
    return {"device": "nas:/two", "directory": str(nas.point), "fstype": "fuse.sshfs"}


def test_a_server_that_hangs_does_not_hang_the_stop(node: Node, nas: FileServer) -> None:
    """A network filesystem is taken away by force, although a reader of it waits for ever."""
    given = parameters(nas)
    assert timed(node, "monitor", 10, **given) == (0, "")
    nas.hang()
    reader = subprocess.Popen(
        [*node.enter, "sh", "-c", f"cd {nas.point} && exec cat disk"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.2)
    assert "no answer within" in timed(node, "monitor", 10, **given)[1]
    assert timed(node, "stop", **given)[0] == Code.SUCCESS
    assert str(nas.point) not in node.run("cat", "/proc/mounts").stdout
    assert timed(node, "monitor", **given)[0] == Code.NOT_RUNNING
    assert reader.wait(5)


def test_only_a_network_filesystem_is_unmounted_lazily(
    node: Node, nas: FileServer, mounted: dict[str, str], tmp_path: Path
) -> None:
    """With a holder that must not be killed: the server's goes, the disk stays, pcsd lives."""
    folder = mounted["directory"]
    program = program_of_the_cluster(node, tmp_path / "systemd")
    holders = [
        subprocess.Popen(
            [*node.enter, program, "-c", f"cd {point}; read x"],
            stdin=subprocess.PIPE,
        )
        for point in (folder, nas.point)
    ]
    time.sleep(0.3)
    try:
        code, said = node.act("filesystem", "stop", ROOMY, **mounted)
        assert code == Code.ERR_GENERIC
        assert f"cannot unmount {folder}, held by pcsd ({holders[0].pid})" in said
        node.forget()  # the other resource has the same name
        assert timed(node, "stop", **parameters(nas))[0] == Code.SUCCESS
        assert "nas:/two" not in node.run("cat", "/proc/mounts").stdout
        assert [holder.poll() for holder in holders] == [None, None]
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
    assert node.act("filesystem", "stop", **mounted)[0] == Code.SUCCESS
