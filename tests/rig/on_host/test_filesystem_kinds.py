"""The kinds of filesystems and devices, each really mounted."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node
from tests.rig.on_host.disks import image, loop, no_other_attaches

XFS = ("mkfs.xfs", "-q")
BTRFS = ("mkfs.btrfs", "-q")
LEVEL_20 = {**RECURRING, "OCF_CHECK_LEVEL": "20"}


@pytest.mark.parametrize(
    ("mkfs", "size"), [(("mkfs.ext4", "-q"), 32), (XFS, 320), (BTRFS, 128), (("mkfs.ext2",), 32)]
)
@pytest.mark.parametrize("type_given", [True, False])
def test_disk_filesystems(
    node: Node, tmp_path: Path, mkfs: tuple[str, ...], size: int, type_given: bool
) -> None:
    """ext4, xfs, btrfs and ext2: the whole life with every monitor level, checked or not."""
    fstype = mkfs[0].removeprefix("mkfs.")
    with loop(image(tmp_path / "disk.img", *mkfs, size=size)) as device:
        given = {"device": device, "directory": str(tmp_path / "mnt")}
        if type_given:
            given |= {"fstype": fstype, "run_fsck": "force"}
        assert node.act("filesystem", "start", **given)[0] == Code.SUCCESS
        for level in ("0", "10", "15", "20", "99"):
            environ = {**RECURRING, "OCF_CHECK_LEVEL": level}
            assert node.act("filesystem", "monitor", environ, **given) == (0, "")
        assert node.act("filesystem", "stop", **given) == (0, "")
        assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING


@pytest.mark.parametrize("mkfs", [XFS, BTRFS])
def test_a_lazily_unmounted_disk_is_still_in_use(
    node: Node, tmp_path: Path, mkfs: tuple[str, ...]
) -> None:
    """Also xfs and btrfs are seen while a process writes to what is in no table of mounts."""
    with loop(image(tmp_path / "disk.img", *mkfs, size=320)) as device:
        given = {"device": device, "directory": str(tmp_path / "mnt")}
        assert node.act("filesystem", "start", **given)[0] == Code.SUCCESS
        holder = subprocess.Popen([*node.enter, "sh", "-c", f"sleep 600 > {tmp_path}/mnt/file"])
        time.sleep(0.2)
        node.run("umount", "--lazy", str(tmp_path / "mnt"))
        assert "in use on this node" in node.act("filesystem", "monitor", **given)[1]
        assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
        holder.wait(5)
        assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING


@pytest.fixture
def folder(node: Node, tmp_path: Path) -> Iterator[str]:
    """Return a folder of the system's own disk, with a process at work in it."""
    path = tmp_path / "folder"
    path.mkdir()
    process = subprocess.Popen([*node.enter, "sh", "-c", f"cd {path}; exec sleep 600"])
    time.sleep(0.2)
    yield str(path)
    assert process.poll() is None, "a process that is not in the bind mount was ended"
    process.kill()
    process.wait()


@pytest.mark.parametrize("forget", [False, True])
@pytest.mark.parametrize("options", ["bind", "bind,ro", "rbind"])
def test_a_bind_mount_ends_only_its_own_holders(
    node: Node, folder: str, tmp_path: Path, options: str, forget: bool
) -> None:
    """Nothing else on the folder's own disk is a holder (resource-agents#1304)."""
    given = {"device": folder, "directory": str(tmp_path / "mnt"), "fstype": "none"}
    given["options"] = options
    for _ in range(2):
        assert node.act("filesystem", "start", **given) == (0, "")
    if forget:
        node.forget()
    assert node.act("filesystem", "monitor", LEVEL_20, **given) == (0, "")
    holder = subprocess.Popen([*node.enter, "sh", "-c", f"cd {tmp_path}/mnt; exec sleep 600"])
    time.sleep(0.2)
    code, said = node.act("filesystem", "stop", **given)
    assert code == Code.SUCCESS
    assert said.count("SIGTERM") == 1
    assert holder.wait(5) == -15
    assert f"{tmp_path}/mnt" not in node.run("cat", "/proc/mounts").stdout
    assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING


def test_another_bind_mount_is_another_device(node: Node, folder: str, tmp_path: Path) -> None:
    """A folder bound by somebody else on the mount point: probe 7, monitor 1, stop leaves it."""
    (tmp_path / "other").mkdir()
    (tmp_path / "mnt").mkdir()
    node.run("mount", "--bind", str(tmp_path / "other"), str(tmp_path / "mnt"))
    given = {"device": folder, "directory": str(tmp_path / "mnt"), "options": "bind"}
    assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING
    assert node.act("filesystem", "monitor", RECURRING, **given)[0] == Code.ERR_GENERIC
    assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
    assert f"{tmp_path}/mnt" in node.run("cat", "/proc/mounts").stdout


@pytest.mark.parametrize("name", ["my data", "100%d", "a[1]+", "back\\slash", "tab\there", "ü"])
def test_odd_mount_points(node: Node, tmp_path: Path, name: str) -> None:
    """Blanks and other odd characters, which the kernel writes as octal numbers."""
    with loop(image(tmp_path / "disk.img")) as device:
        given = {"device": device, "directory": f"{tmp_path}/{name}/", "fstype": "ext4"}
        for _ in range(2):
            assert node.act("filesystem", "start", **given) == (0, "")
        assert node.act("filesystem", "monitor", LEVEL_20, **given) == (0, "")
        assert node.act("filesystem", "stop", **given) == (0, "")
        assert device not in node.run("cat", "/proc/mounts").stdout


@pytest.mark.parametrize("forget", [False, True])
def test_an_image_in_a_file(node: Node, tmp_path: Path, forget: bool) -> None:
    """With options=loop the device is a file, known by what is behind the loop device."""
    path = image(tmp_path / "disk.img")
    given = {"device": str(path), "directory": str(tmp_path / "mnt"), "options": "loop"}
    with no_other_attaches():
        assert node.act("filesystem", "start", **given) == (0, "")
    if forget:
        node.forget()
    assert node.act("filesystem", "monitor", LEVEL_20, **given) == (0, "")
    assert node.act("filesystem", "stop", **given) == (0, "")
    assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING


@pytest.mark.parametrize("tag", ["UUID", "LABEL", "-U", "-L"])
def test_a_disk_by_uuid_or_label_that_udev_does_not_know(
    node: Node, tmp_path: Path, tag: str
) -> None:
    """It is found on the disks themselves, as when another node has just made the filesystem."""
    uuid, label = "0f62ab27-4a4e-4f31-9d4e-b1d3b2b6b0a1", f"shop{os.getpid()}"
    path = image(tmp_path / "disk.img", "mkfs.ext4", "-q", "-U", uuid, "-L", label)
    with loop(path) as device:
        value = uuid if tag in ("UUID", "-U") else label
        written = f"{tag}={value}" if tag.isalpha() else f"{tag} {value}"
        given = {"device": written, "directory": str(tmp_path / "mnt")}
        assert node.act("filesystem", "start", **given)[0] == Code.SUCCESS
        assert f"{device} {tmp_path}/mnt" in node.run("cat", "/proc/mounts").stdout
        assert node.act("filesystem", "monitor", RECURRING, **given) == (0, "")
        assert node.act("filesystem", "stop", **given) == (0, "")


def test_a_copy_is_not_mounted_instead(node: Node, tmp_path: Path) -> None:
    """Two disks with one UUID, a snapshot for example: neither is taken."""
    first = image(tmp_path / "disk.img")
    second = tmp_path / "copy.img"
    second.write_bytes(first.read_bytes())
    with loop(first) as one, loop(second) as other:
        uuid = node.run("blkid", "-p", "-s", "UUID", "-o", "value", one).stdout.strip()
        given = {"device": f"UUID={uuid}", "directory": str(tmp_path / "mnt")}
        code, said = node.act("filesystem", "start", **given)
        assert code == Code.ERR_GENERIC
        assert f"UUID={uuid} is on " in said
        assert one in said
        assert other in said


def test_errors_that_fsck_cannot_correct_fail_the_start(node: Node, tmp_path: Path) -> None:
    """Exit 4 and above: not mounted. What fsck can correct (exit 1) is mounted."""
    path = image(tmp_path / "disk.img", "mkfs.ext2", "-q")
    with loop(path) as device:
        given = {"device": device, "directory": str(tmp_path / "mnt"), "fstype": "ext2"}
        node.run("debugfs", "-w", "-R", "ssv free_blocks_count 7", device)
        node.run("debugfs", "-w", "-R", "ssv state 0", device)
        code, said = node.act("filesystem", "start", **given)
        assert code == Code.SUCCESS
        assert "fsck has corrected errors" in said
        node.act("filesystem", "stop", **given)
        node.run("debugfs", "-w", "-R", "clri <2>", device)  # the root folder
        node.run("debugfs", "-w", "-R", "ssv state 0", device)
        code, said = node.act("filesystem", "start", **given)
        assert code == Code.ERR_GENERIC
        assert "(fsck failed with 4)" in said
        assert device not in node.run("cat", "/proc/mounts").stdout


def test_changed_options_are_taken_over_without_a_restart(node: Node, tmp_path: Path) -> None:
    """reload-agent remounts; what the filesystem cannot change is a failure, never ignored."""
    with loop(image(tmp_path / "disk.img")) as device:
        given = {"device": device, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
        node.act("filesystem", "start", **given, options="noatime,nodev")
        holder = subprocess.Popen([*node.enter, "sh", "-c", f"cd {tmp_path}/mnt; exec sleep 600"])
        time.sleep(0.2)
        assert node.act("filesystem", "reload-agent", **given, options="nosuid") == (0, "")
        [line] = [m for m in node.run("cat", "/proc/mounts").stdout.splitlines() if device in m]
        assert "nosuid" in line
        assert "nodev" not in line
        assert "noatime" not in line
        assert holder.poll() is None
        code, said = node.act("filesystem", "reload-agent", **given, options="data=writeback")
        assert code == Code.ERR_GENERIC
        assert "a restart of the resource may do it" in said
        assert node.act("filesystem", "stop", **given)[0] == Code.SUCCESS
        assert holder.wait(5) == -15
        assert node.act("filesystem", "reload-agent", **given)[0] == Code.ERR_GENERIC


def test_a_full_filesystem_is_degraded_not_failed(node: Node, tmp_path: Path) -> None:
    """Another node would find it as full: 190 shows it, and nothing is moved for it."""
    with loop(image(tmp_path / "disk.img")) as device:
        given = {"device": device, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
        node.act("filesystem", "start", **given)
        node.run("dd", "if=/dev/zero", f"of={tmp_path}/mnt/big", "bs=1M", check=False)
        node.run("sh", "-c", f"dd if=/dev/zero of={tmp_path}/mnt/rest bs=1k", check=False)
        code, said = node.act("filesystem", "monitor", LEVEL_20, **given)
        assert code == Code.DEGRADED
        assert "no space left" in said
        node.run("rm", f"{tmp_path}/mnt/big")
        assert node.act("filesystem", "monitor", LEVEL_20, **given) == (0, "")
        node.run("sh", "-c", f"cat /dev/zero > {tmp_path}/mnt/big", check=False)
        # The block of an existing status file is written again, so a full disk is no matter.
        assert node.act("filesystem", "monitor", LEVEL_20, **given) == (0, "")
        node.act("filesystem", "stop", **given)
