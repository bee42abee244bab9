"""When two texts name the same disk, iSCSI LUN or folder: they have the same key."""

from __future__ import annotations

import posixpath

from ocf_agents.disk.parameters import device_path


def folder(path: str) -> str:
    """Return the key of an absolute path."""
    # normpath keeps two slashes at the beginning, as POSIX allows; for Linux they are one.
    return posixpath.normpath("/" + path.lstrip("/"))


def device(name: str) -> str:
    """Return the key of a block device: a path, or a tag such as `UUID=…` (mount(8))."""
    return folder(device_path(name))


def lun(target: str, number: str) -> str:
    """Return the key of an iSCSI LUN.

    A target's name is unique in the world, whichever portal leads to it (RFC 7143, section
    4.2.7.1), and case makes no difference in it (RFC 3722, section 4).

    Args:
        target: The target's name.
        number: The logical unit number.
    """
    return f"{target.casefold()} {number}"
