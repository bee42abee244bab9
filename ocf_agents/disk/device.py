"""Devices that are given by a tag, such as UUID=…, instead of a path, and what udev calls them."""

from __future__ import annotations

BY = "/dev/disk/by-"
TAGS = {
    **{"UUID": "uuid", "LABEL": "label", "PARTUUID": "partuuid", "PARTLABEL": "partlabel"},
    "ID": "id",  # as mount(8) has it
}
# How ocf:heartbeat:Filesystem takes them: options of mount(8).
MOUNT_OPTIONS = {"-U": "UUID", "--uuid": "UUID", "-L": "LABEL", "--label": "LABEL"}
PLAIN_IN_UDEV_NAMES = "#+-.:=@_"


def tag_and_value(device: str) -> tuple[str, str]:
    """Return tag and value of a device that is given as UUID=... or the like, else "", ""."""
    name, separator, value = device.partition("=")
    if not separator or " " in name or name.startswith(("-U", "-L")):
        name, _, value = device.partition(" ")
        if device[:2] in MOUNT_OPTIONS:  # -Uabcd, as well as with a blank
            name, value = device[:2], device[2:]
    name = MOUNT_OPTIONS.get(name, name)
    return (name, value.strip().strip('"')) if name in TAGS and value else ("", "")


def udev_link(tag: str, value: str) -> str:
    """Return the path by which udev knows the device with a tag."""
    name = "".join(
        c if not c.isascii() or c.isalnum() or c in PLAIN_IN_UDEV_NAMES else f"\\x{ord(c):02x}"
        for c in value
    )
    return f"{BY}{TAGS[tag]}/{name}"
