"""The table of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.mountinfo import at, is_system_folder, mounts, parse

TABLE = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:16 / /srv/my\040data rw,noatime shared:9 master:1 - ext4 /dev/sdb ro,errors=remount-ro
31 22 0:52 / /srv/tree rw - btrfs /dev/sdc rw,subvol=/
32 22 0:60 / /srv/\134040 rw - nfs4 nas.example:/export rw
33 30 8:32 / /srv/my\040data rw - xfs /dev/sdd rw
""".strip()


def test_octal_escapes_are_resolved_once() -> None:
    """A blank, and a backslash that only looks like the start of an escape, come out right."""
    assert [mount.point for mount in parse(TABLE)][1:4] == [
        "/srv/my data",
        "/srv/tree",
        "/srv/\\040",
    ]


def test_options_are_those_of_mount_and_superblock() -> None:
    """A filesystem that the kernel made read-only shows it in the superblock's options only."""
    mount = parse(TABLE)[1]
    assert mount.options == {"rw", "noatime", "ro", "errors=remount-ro"}
    assert (mount.id, mount.device, mount.type, mount.source) == ("30", "8:16", "ext4", "/dev/sdb")


def test_the_mounts_on_a_folder_come_in_their_order() -> None:
    """Of two mounts on one folder the last one is what processes see."""
    assert [mount.source for mount in at(parse(TABLE), "/srv/my data")] == ["/dev/sdb", "/dev/sdd"]
    assert at(parse(TABLE), "/srv") == []


@pytest.mark.parametrize("odd", ["\r", "\f", "\x85", "\u2028"])
def test_only_a_line_feed_ends_a_line(
    odd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other line breaks in a name, which any user may mount, leave the table readable."""
    table = tmp_path / "mountinfo"
    table.write_bytes(f"30 22 0:60 / /home/u/a{odd}b rw - fuse x rw\n".encode())
    monkeypatch.setattr(mountinfo, "_read", lambda _, read=mountinfo._read: read(str(table)))
    assert [mount.point for mount in mounts()] == [f"/home/u/a{odd}b"]


def test_this_hosts_table_has_a_root() -> None:
    """The kernel's own table can be read."""
    assert at(mounts(), "/")


def test_system_folders_are_known() -> None:
    """Folders of the system and anything in /dev, /proc, /sys; not home or a web site."""
    assert all(map(is_system_folder, ("/", "/usr", "/var/lib/pacemaker", "/dev/pts", "/proc/1")))
    assert not any(map(is_system_folder, ("/home", "/srv/shop", "/var/www", "/var/lib/postgresql")))


@pytest.mark.parametrize(
    "path", ["/srv/shop", "/my data", "/a\nb\\040", "/ü%Å", "/caf\udcff\x85", "/\u2028=%41"]
)
def test_any_path_can_be_remembered(path: str) -> None:
    """On one line, whatever bytes it has."""
    text = mountinfo.to_remember(path)
    assert text.splitlines() == [text]
    assert text.isascii()
    assert mountinfo.remembered(text) == path
