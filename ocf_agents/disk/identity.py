"""Tell whether a mount is of a certain device, folder, image or network name."""

from __future__ import annotations

import os
import stat

from ocf_agents.disk.parameters import has_no_disk
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.mountinfo import Mount, holding, mounts, number


def is_of(mount: Mount, device: str) -> bool:
    """Tell whether a mount is of a device; True if the device's path has vanished.

    Args:
        mount: The mount.
        device: The path of a block device, of a folder that is bound, or of an image that is
            mounted through a loop device; or the name of a network filesystem.
    """
    if mount.source.rstrip("/") == device.rstrip("/"):
        return True
    if not device.startswith("/") or has_no_disk(mount.type, mount.source):
        return False  # it has nothing but its name
    try:
        found = os.stat(device)
    except OSError:
        return True
    if found.st_rdev:
        return mount.is_on(mountinfo.pool(number(found.st_rdev)))
    path = os.path.realpath(device)
    if stat.S_ISREG(found.st_mode) and _image(mount.disk) == path:
        return True
    return bound(path) == (mount.device, mount.root)


def bound(path: str) -> tuple[str, str] | None:
    """Return the device and root that a bind mount of a path, without links, has."""
    above = holding(mounts(), path)
    if above is None:
        return None
    inside = os.path.relpath(path, above.point)
    return above.device, above.root if inside == "." else f"{above.root.rstrip('/')}/{inside}"


def disk_of(device: str) -> str | None:
    """Return the number of the disk that a device or an attached image is, None if it has none.

    Raises:
        OSError: The path is not there.
    """
    found = os.stat(device)
    if found.st_rdev:
        return number(found.st_rdev)
    if not stat.S_ISREG(found.st_mode):
        return None
    path = os.path.realpath(device)
    blocks = f"{mountinfo.SYSFS}/block"
    for name in os.listdir(blocks) if os.path.isdir(blocks) else []:
        if name.startswith("loop"):
            with open(f"{blocks}/{name}/dev", encoding="ascii") as file:
                disk = file.read().strip()
            if _image(disk) == path:
                return disk
    return None


def _image(disk: str) -> str:
    """Return the file behind a loop device, "" if it is none."""
    try:
        with open(
            f"{mountinfo.SYSFS}/dev/block/{disk}/loop/backing_file", encoding="utf-8"
        ) as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""
