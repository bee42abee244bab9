"""What is wrong with what is watched, from what the kernel says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocf_agents.network import netlink
from ocf_agents.runtime import mountinfo
from ocf_agents.watcher import watches

TABLE = r"""22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 8:16 / /srv/my\040data rw,noatime - ext4 /dev/sdb rw,errors=remount-ro
"""
MOUNT = r"mount 8:16 rw /srv/my\040data"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that is the table of mounts."""
    path = tmp_path / "mountinfo"
    path.write_text(TABLE)
    monkeypatch.setattr(watches, "TABLE", str(path))
    monkeypatch.setattr(mountinfo, "_read", lambda _: path.read_text())
    return path


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("", "", ""),
        ("noatime", "atime", ""),
        ("rw,noatime", "ro,noatime", r"/dev/sdb on /srv/my data has become read-only"),
        ("rw,errors", "ro,errors", r"/dev/sdb on /srv/my data has become read-only"),
        ("remount-ro", "remount-ro,emergency_ro", "/dev/sdb on /srv/my data has become read-only"),
        ("remount-ro", "remount-ro,shutdown", "/dev/sdb on /srv/my data has become read-only"),
        ("8:16", "8:32", "another device, /dev/sdb, is mounted on /srv/my data"),
        (r"my\040data", "other", "/srv/my data is not mounted any more"),
        ("remount-ro\n", "remount-ro\n31 30 0:9 / /srv/my\\040data rw - tmpfs tmpfs rw\n",
         "another device, tmpfs, is mounted on /srv/my data"),
        ("remount-ro\n", "remount-ro\n31 30 0:9 / /srv/my\\040data/x rw - tmpfs tmpfs rw\n", ""),
    ],
)  # fmt: skip
def test_a_mount_is_gone_hidden_or_read_only(table: Path, old: str, new: str, problem: str) -> None:
    """Only what is on top counts; a change that is none of these is no problem."""
    watch = watches.parse(MOUNT)
    assert watch.problem() == ""
    table.write_text(TABLE.replace(old, new, 1) if old else TABLE)
    assert watch.problem() == problem
    table.write_text(TABLE)
    assert watch.problem() == ""


def test_what_was_mounted_read_only_may_be(table: Path) -> None:
    """It is no failure where the administrator has asked for it."""
    table.write_text(TABLE.replace("rw,noatime", "ro,noatime"))
    assert watches.parse(MOUNT.replace("rw", "ro")).problem() == ""


@pytest.fixture
def sys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in the place of /sys, with the disk sdb and its first partition."""
    monkeypatch.setattr(mountinfo, "SYSFS", str(tmp_path))
    (tmp_path / "devices/sdb/sdb1").mkdir(parents=True)
    (tmp_path / "devices/sdb/device").mkdir()
    (tmp_path / "devices/sdb/device/state").write_text("running\n")
    (tmp_path / "dev/block").mkdir(parents=True)
    for number, name in (("8:16", "sdb"), ("8:17", "sdb/sdb1")):
        (tmp_path / "dev/block" / number).symlink_to(f"../../devices/{name}")
    return tmp_path


@pytest.mark.parametrize(("number", "name"), [("8:16", "sdb"), ("8:17", "sdb1")])
@pytest.mark.parametrize("state", ["offline", "transport-offline", "dead"])
def test_a_disk_is_offline(sys: Path, number: str, name: str, state: str) -> None:
    """A SCSI or NVMe disk that the kernel has given up, also under a partition of it."""
    watch = watches.parse(f"device {number}")
    assert watch.problem() == ""
    (sys / "devices/sdb/device/state").write_text(f"{state}\n")
    assert watch.problem() == f"the disk {name} is {state}"


def test_a_disk_is_gone(sys: Path) -> None:
    """It is named by the name that it had."""
    watch = watches.parse("device 8:17")
    (sys / "dev/block/8:17").unlink()
    assert watch.problem() == "the disk sdb1 has vanished"


def test_a_disk_of_another_kind_has_no_state(sys: Path) -> None:
    """A loop device or a virtual disk is there or not."""
    (sys / "devices/sdb/device/state").unlink()
    assert watches.parse("device 8:16").problem() == ""


def test_the_hosts_own_loopback_is_there() -> None:
    """Addresses and links are asked of the kernel itself."""
    assert watches.parse("address 127.0.0.1 1").problem() == ""
    assert watches.parse("link 1").problem() == ""
    missing = watches.parse("address 198.51.100.7 1").problem()
    assert missing == "198.51.100.7 was removed from its interface"
    assert watches.parse("link 999999").problem() == "the interface number 999999 has vanished"


def test_an_address_that_another_host_uses_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is as good as lost (RFC 4862, section 5.4.5)."""
    ip = os.urandom(16)
    duplicate = netlink.Address(ip, 64, 2, netlink.IFA_F_DADFAILED)
    monkeypatch.setattr(netlink, "find", lambda _: [duplicate])
    problem = watches.parse("address 2001:db8::7 2").problem()
    assert problem == "another host already uses 2001:db8::7"
