"""The shared filesystem, on a real disk, with real holders."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import RECURRING, Node
from tests.rig.on_host.disks import held, image, loop
from vagrant.common.waiting import eventually


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[str]:
    """Return a block device with an ext4 filesystem."""
    with loop(image(tmp_path / "disk.img")) as device:
        yield device


@pytest.fixture
def mounted(node: Node, disk: str, tmp_path: Path) -> dict[str, str]:
    """Return the parameters of a filesystem that was started."""
    parameters = {"device": disk, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
    assert node.act("filesystem", "start", **parameters) == (0, "")
    return parameters


def test_the_life_of_a_filesystem(node: Node, disk: str, tmp_path: Path) -> None:
    """Mounted and unmounted for real; every action can be repeated."""
    given = {"device": disk, "directory": str(tmp_path / "mnt"), "options": "noatime"}
    assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING
    for _ in range(2):
        assert node.act("filesystem", "start", **given) == (0, "")
    assert f"{disk} {tmp_path}/mnt ext4 rw,noatime" in node.run("cat", "/proc/mounts").stdout
    assert node.act("filesystem", "monitor", RECURRING, **given) == (0, "")
    for _ in range(2):
        assert node.act("filesystem", "stop", **given) == (0, "")
    assert disk not in node.run("cat", "/proc/mounts").stdout
    assert node.act("filesystem", "monitor", **given)[0] == Code.NOT_RUNNING


@pytest.mark.parametrize("script", ["cd {0}; exec sleep 600", "exec sleep 600 < {0}/file"])
def test_holders_are_ended(node: Node, mounted: dict[str, str], script: str) -> None:
    """A process with its working folder or an open file there is ended, and no other."""
    folder = mounted["directory"]
    node.run("touch", f"{folder}/file")
    holder = subprocess.Popen([*node.enter, "sh", "-c", script.format(folder)])
    bystander = subprocess.Popen([*node.enter, "sleep", "600"])
    time.sleep(0.2)
    code, said = node.act("filesystem", "stop", **mounted)
    assert code == Code.SUCCESS
    assert f"SIGTERM to sleep ({holder.pid})" in said
    assert holder.wait(5) == -15
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_holder_that_ignores_sigterm_is_killed(node: Node, mounted: dict[str, str]) -> None:
    """After half of the time comes SIGKILL."""
    script = f"trap '' TERM; cd {mounted['directory']}; while :; do sleep 0.1; done"
    holder = subprocess.Popen([*node.enter, "sh", "-c", script])
    try:
        assert eventually(lambda: held(mounted["directory"]), 10)
        limit = {"OCF_RESKEY_CRM_meta_timeout": "3000"}
        code, said = node.act("filesystem", "stop", limit, **mounted)
        assert code == Code.SUCCESS
        assert f"SIGKILL to sh ({holder.pid})" in said
        assert holder.wait(5) == -9
    finally:
        holder.kill()
        holder.wait()


def test_a_copy_in_another_mount_namespace_is_not_overlooked(
    node: Node, mounted: dict[str, str]
) -> None:
    """A process that has the filesystem mounted for itself alone would write to it still."""
    copy = subprocess.Popen(
        [*node.enter, "unshare", "--mount", "--propagation=private", "sleep", "600"]
    )
    time.sleep(0.2)
    code, said = node.act("filesystem", "stop", **mounted)
    assert code == Code.SUCCESS
    assert f"SIGTERM to sleep ({copy.pid})" in said
    assert copy.wait(5) == -15


def test_submounts_and_bind_mounts_go_too(node: Node, mounted: dict[str, str]) -> None:
    """What is mounted below, and the filesystem's bind mounts elsewhere, are unmounted."""
    folder = mounted["directory"]
    node.run("mkdir", f"{folder}/below", f"{folder}-bound")
    node.run("mount", "-t", "tmpfs", "none", f"{folder}/below")
    node.run("mount", "--bind", folder, f"{folder}-bound")
    assert node.act("filesystem", "stop", **mounted) == (0, "")
    assert folder not in node.run("cat", "/proc/mounts").stdout


def test_a_filesystem_hidden_by_another_mount_is_still_mounted(
    node: Node, mounted: dict[str, str]
) -> None:
    """With something mounted on top, a probe does not say 7, and a stop unmounts both."""
    folder = mounted["directory"]
    node.run("mount", "-t", "tmpfs", "none", folder)
    node.forget()
    for environ in ({}, RECURRING):
        code, said = node.act("filesystem", "monitor", environ, **mounted)
        assert code == Code.ERR_GENERIC
        assert f"in use on this node, but not to be seen on {folder}" in said
    assert node.act("filesystem", "stop", **mounted) == (0, "")
    assert folder not in node.run("cat", "/proc/mounts").stdout


def test_a_disk_that_is_mounted_elsewhere_is_not_free(
    node: Node, disk: str, tmp_path: Path
) -> None:
    """A disk that somebody mounted by hand is no "not running", and a stop unmounts it."""
    given = {"device": disk, "directory": str(tmp_path / "mnt")}
    node.run("mkdir", f"{tmp_path}/by-hand")
    node.run("mount", disk, f"{tmp_path}/by-hand")
    code, said = node.act("filesystem", "monitor", **given)
    assert code == Code.ERR_GENERIC
    assert f"{tmp_path}/by-hand" in said
    assert node.act("filesystem", "stop", **given) == (0, "")
    assert disk not in node.run("cat", "/proc/mounts").stdout


def test_a_lazy_unmount_does_not_free_the_disk(node: Node, mounted: dict[str, str]) -> None:
    """After umount --lazy a process still writes there: no 7 from a monitor, and a stop ends it."""
    folder = mounted["directory"]
    holder = subprocess.Popen([*node.enter, "sh", "-c", f"exec sleep 600 > {folder}/file"])
    time.sleep(0.2)
    node.run("umount", "--lazy", folder)
    for environ in (RECURRING, {}):
        code, said = node.act("filesystem", "monitor", environ, **mounted)
        assert code == Code.ERR_GENERIC
        assert "in use on this node" in said
        node.forget()
    code, said = node.act("filesystem", "stop", **mounted)
    assert code == Code.SUCCESS
    assert f"SIGTERM to sleep ({holder.pid})" in said
    assert holder.wait(5) == -15
    assert node.act("filesystem", "monitor", **mounted)[0] == Code.NOT_RUNNING


def test_odd_names_of_other_mounts_harm_nobody(node: Node, mounted: dict[str, str]) -> None:
    """Any user may have a FUSE mount whose name has control characters or a line separator."""
    odd = f"{mounted['directory']}/a\fb\rc\x85d\u2028e"
    node.run("mkdir", odd)
    node.run("mount", "-t", "tmpfs", "none", odd)
    assert node.act("filesystem", "monitor", RECURRING, **mounted) == (0, "")
    assert node.act("filesystem", "stop", **mounted) == (0, "")


def test_what_is_no_block_device_is_not_mounted(node: Node, tmp_path: Path) -> None:
    """A folder as the device is refused before anything is mounted, unless it is to be bound."""
    given = {"device": str(tmp_path), "directory": str(tmp_path / "mnt")}
    code, said = node.act("filesystem", "start", **given)
    assert code == Code.ERR_ARGS
    assert f"{tmp_path} is not a block device" in said
    assert str(tmp_path) not in node.run("cat", "/proc/mounts").stdout


def test_a_holder_with_an_odd_file_in_memory_is_ended(node: Node, mounted: dict[str, str]) -> None:
    """A carriage return in the name of a mapped file does not stop the search."""
    folder = mounted["directory"]
    script = (
        "import mmap, os, sys, time\n"
        "file = open(sys.argv[1], 'wb+')\n"
        "file.write(b'x' * 4096)\n"
        "file.flush()\n"
        "kept = mmap.mmap(file.fileno(), 4096)\n"
        "os.closerange(3, 99)\n"
        "file = None\n"
        "time.sleep(600)\n"
    )
    holder = subprocess.Popen(
        [*node.enter, sys.executable, "-IS", "-c", script, f"{folder}/a\rb c"],
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.5)
    code, said = node.act("filesystem", "stop", **mounted)
    assert code == Code.SUCCESS
    assert f"({holder.pid})" in said
    assert holder.wait(5) == -15


def test_a_bind_mount_of_the_system_does_not_make_it_a_holder(
    node: Node, mounted: dict[str, str]
) -> None:
    """With the root filesystem bind-mounted below, only what is busy there is ended."""
    folder = mounted["directory"]
    node.run("mkdir", f"{folder}/system")
    node.run("mount", "--bind", "/", f"{folder}/system")
    holder = subprocess.Popen([*node.enter, "sh", "-c", f"cd {folder}/system/usr; exec sleep 600"])
    bystander = subprocess.Popen([*node.enter, "sh", "-c", "cd /usr; exec sleep 600"])
    time.sleep(0.2)
    code, _ = node.act("filesystem", "stop", **mounted)
    assert code == Code.SUCCESS
    assert holder.wait(5) == -15
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_disk_error_is_noticed(node: Node, mounted: dict[str, str]) -> None:
    """When the kernel makes the filesystem read-only after an error, the monitor fails."""
    folder = mounted["directory"]
    node.run("mount", "-o", "remount,errors=remount-ro", folder)
    trigger = Path("/sys/fs/ext4") / Path(mounted["device"]).name / "trigger_fs_error"
    trigger.write_text("takeover test")
    code, said = node.act("filesystem", "monitor", RECURRING, **mounted)
    assert code == Code.ERR_GENERIC
    assert f"on {folder} is read-only, after an error" in said
    assert node.act("filesystem", "stop", **mounted) == (0, "")
