"""Ext4's multi-mount protection, with a disk that two loop devices show twice: two nodes."""

from __future__ import annotations

from pathlib import Path

from ocf_agents.runtime.agent import Code
from tests.rig.on_host.conftest import Node, run
from tests.rig.on_host.disks import image, loop

MMP = ("mkfs.ext4", "-q", "-O", "mmp")


def test_the_other_node_is_named(node: Node, tmp_path: Path) -> None:
    """What another node has mounted is not mounted, and the reason says who has it."""
    disk = image(tmp_path / "disk.img", *MMP)
    (tmp_path / "other").mkdir()
    given = {"directory": str(tmp_path / "mnt"), "fstype": "ext4", "mmp": "require"}
    with loop(disk) as theirs, loop(disk) as ours:
        node.run("mount", theirs, str(tmp_path / "other"))
        host = run("uname", "-n").stdout.strip()
        code, said = node.act("filesystem", "start", **given, device=ours)
        assert code == Code.ERR_GENERIC
        reason = said.rpartition("ocf-exit-reason:")[2]
        assert reason.startswith(f"multi-mount protection: in use by {host} (as {theirs[5:]}, last")
        assert str(tmp_path / "mnt") not in node.run("cat", "/proc/mounts").stdout
        node.run("umount", str(tmp_path / "other"))
        assert node.act("filesystem", "start", **given, device=ours) == (0, "")
        assert node.act("filesystem", "stop", **given, device=ours) == (0, "")


def test_an_interrupted_check_is_named_with_its_cure(node: Node, tmp_path: Path) -> None:
    """An e2fsck that was killed leaves a mark that keeps the filesystem from being mounted."""
    disk = image(tmp_path / "disk.img", *MMP)
    with loop(disk) as device:
        shown = run("dumpe2fs", "-h", device).stdout
        [block] = [ln.split()[-1] for ln in shown.splitlines() if "MMP block number" in ln]
        size = next(ln.split()[-1] for ln in shown.splitlines() if ln.startswith("Block size"))
        with Path(device).open("rb+") as file:
            file.seek(int(block) * int(size) + 4)
            file.write((0xE24D4D50).to_bytes(4, "little"))
        # The block has a checksum, which would be the reason otherwise.
        run("tune2fs", "-O", "^metadata_csum", device, check=False)
        given = {"device": device, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
        code, said = node.act("filesystem", "start", **given)
        assert code == Code.ERR_GENERIC
        assert "multi-mount protection: in use by e2fsck on" in said
        assert "tune2fs -f -E clear_mmp" in said


def test_its_absence_is_told_or_refused(node: Node, tmp_path: Path) -> None:
    """mmp=warn logs that the filesystem has none, mmp=require fails the start."""
    with loop(image(tmp_path / "disk.img")) as device:
        given = {"device": device, "directory": str(tmp_path / "mnt"), "fstype": "ext4"}
        code, said = node.act("filesystem", "start", **given, mmp="require")
        assert code == Code.ERR_GENERIC
        assert f"{device} has no multi-mount protection: tune2fs -O mmp" in said
        code, said = node.act("filesystem", "start", **given, mmp="warn")
        assert code == Code.SUCCESS
        assert "has no multi-mount protection" in said
        assert node.act("filesystem", "stop", **given) == (0, "")
