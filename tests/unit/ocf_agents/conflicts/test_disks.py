"""Disks that are the same, a part of each other, or made of each other, as sysfs tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocf_agents.conflicts.disks import Disk, _add_block
from ocf_agents.runtime import mountinfo

# Two paths to one LUN, with a partition and a mapping over both; a disk with two partitions.
WWID = "naa.6001405abc"


@pytest.fixture(autouse=True)
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have these disks."""
    monkeypatch.setattr(mountinfo, "SYSFS", str(tmp_path))
    blocks = tmp_path / "dev" / "block"
    blocks.mkdir(parents=True)

    def add(number: str, path: str, **files: str) -> Path:
        folder = tmp_path / "devices" / path
        folder.mkdir(parents=True)
        for name, text in {"dev": number, **files}.items():
            file = folder / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")
        (blocks / number).symlink_to(folder)
        return folder

    add("8:16", "sdb", device__wwid=WWID)
    add("8:17", "sdb/sdb1", partition="1")
    add("8:32", "sdc", device__wwid=WWID)
    add("8:33", "sdc/sdc1", partition="1")
    add("8:34", "sdc/sdc2", partition="2")
    mapping = add("254:0", "dm-0")
    (mapping / "slaves").mkdir()
    for name in ("sdb", "sdc"):
        (mapping / "slaves" / name).symlink_to(tmp_path / "devices" / name)
    add("8:48", "sdd", device__wwid="naa.other")
    add("7:0", "loop0", loop__backing_file="/srv/image")
    return tmp_path


def disk(number: str) -> Disk:
    """Return the disk with a number."""
    found = Disk()
    _add_block(found, number)
    return found


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("8:16", "8:16", True),
        ("8:16", "8:17", True),
        ("8:17", "8:16", True),
        ("8:16", "8:32", True),
        ("8:17", "8:33", True),
        ("8:17", "8:32", True),
        ("8:33", "8:34", False),
        ("8:17", "8:34", False),
        ("254:0", "8:32", True),
        ("8:16", "254:0", True),
        ("8:48", "8:16", False),
        ("7:0", "8:16", False),
    ],
)
def test_what_overlaps(one: str, other: str, overlap: bool) -> None:
    """The whole and its parts, and all paths to it; but not two parts of one disk."""
    assert disk(one).overlaps(disk(other)) is overlap


def test_an_image_is_the_disk_that_it_is_attached_as() -> None:
    """Whoever mounts the file has what the loop device has."""
    image = Disk()
    image.own.add("file /srv/image")
    assert disk("7:0").overlaps(image)
