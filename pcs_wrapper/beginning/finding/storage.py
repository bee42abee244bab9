"""The disks that a service could have: those of this machine that nobody uses, and iSCSI LUNs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from pcs_wrapper.beginning.finding.asking import answer
from pcs_wrapper.machine.machine import Machine

# The names of a disk in /dev/disk/by-id, the better before the worse: by its own number (WWID) it
# is the same disk on every node.
_NAMES = ("dm-uuid-mpath-", "wwn-", "nvme-eui.", "scsi-3", "scsi-", "nvme-", "virtio-", "dm-uuid-")
_KINDS = ("disk", "part", "lvm", "mpath", "loop")
# What is a part of something bigger, or in use in another way.
_NO_FILESYSTEM = re.compile(r"\w+_member|swap|crypto_LUKS|drbd")
_NETWORKS = ("iscsi", "fc", "fcoe", "srp")
_SESSION = re.compile(r"ip-(?P<portal>.+)-iscsi-(?P<target>.+)-lun-(?P<lun>[0-9]+)")
_PAIR = 2
#: How a portal is written: a host, and a port that may be left out.
PORTAL = re.compile(r"(?!/)(?:\[[0-9A-Fa-f:]+\]|[\w.-]+)(?::[0-9]+)?")


@dataclass(frozen=True)
class Disk:
    """A disk that nobody uses on this machine.

    Attributes:
        path: The name by which every node knows it.
        kernel: The name that it has here, such as /dev/sdb.
        size: Its size in bytes.
        filesystem: The type of the filesystem on it; empty if it has none.
        about: What it is, such as its model.
        is_shared: Whether it comes over a network of disks, so that other nodes can have it, too.
    """

    path: str
    kernel: str
    size: int
    filesystem: str
    about: str
    is_shared: bool


@dataclass(frozen=True)
class Lun:
    """An iSCSI LUN that this machine is logged in to."""

    portal: str
    target: str
    number: int


class _Device(BaseModel):
    """A device as lsblk prints it."""

    kname: str
    type: str
    size: int | None
    fstype: str | None
    uuid: str | None
    mountpoints: list[str | None]
    tran: str | None
    model: str | None
    children: list[_Device] = []


class _Printed(BaseModel):
    """What lsblk prints."""

    blockdevices: list[_Device]


def disks(machine: Machine) -> list[Disk]:
    """Return the disks, partitions and volumes that nobody uses, those that are shared first."""
    names = _names(machine)
    found: dict[str, Disk] = {}
    for device, transport in _leaves(_printed(machine), ""):
        disk = _disk(device.model_copy(update=_content(machine, device)), transport, names)
        if disk is not None:
            found.setdefault(disk.kernel, disk)
    return sorted(found.values(), key=lambda disk: not disk.is_shared)


def _printed(machine: Machine) -> list[_Device]:
    columns = "KNAME,TYPE,SIZE,FSTYPE,UUID,MOUNTPOINTS,TRAN,MODEL"
    printed = answer(machine, "lsblk", "--json", "--bytes", "--paths", "--output", columns)
    try:
        return _Printed.model_validate_json(printed).blockdevices
    except ValidationError:
        return []


def used(machine: Machine) -> dict[str, str]:
    """Return the disks and partitions that are in use, each with what by, in a word."""
    return {name: by for each in _printed(machine) for name, by in _uses(each).items()}


def _uses(device: _Device) -> dict[str, str]:
    """Return what uses a device and those in it; a whole disk is used by its partitions."""
    inner = {name: by for each in device.children for name, by in _uses(each).items()}
    filesystem = device.fstype or ""
    own = [each for each in device.mountpoints if each]
    own += [filesystem] if _NO_FILESYSTEM.fullmatch(filesystem) else []
    by = next(iter((*own, *inner.values())), "")
    return inner | ({device.kname: by} if by else {})


def kernel_name(machine: Machine, path: str) -> str:
    """Return the name that the kernel gives a disk, such as /dev/sdb, whatever name it is said by.

    Args:
        machine: This machine.
        path: A path.

    Returns:
        The name; the path itself if there is nothing.
    """
    root = machine.root.resolve()
    file = root / path.lstrip("/")
    found = file.parent.resolve() / file.name
    if found.is_symlink():
        found = found.parent / found.readlink()
    resolved = Path(os.path.normpath(found))
    return f"/{resolved.relative_to(root)}" if resolved.is_relative_to(root) else path


def _leaves(devices: list[_Device], transport: str) -> Iterator[tuple[_Device, str]]:
    """Yield the devices of which nothing else consists, with the way that the disk is reached."""
    for device in devices:
        way = device.tran or transport
        if device.children:
            yield from _leaves(device.children, way)
        else:
            yield device, way


def _content(machine: Machine, device: _Device) -> dict[str, str | None]:
    """Return what is on a device of which udev has not told it; only root can look."""
    if device.fstype or not device.size:
        return {}
    printed = answer(machine, "blkid", "--probe", "--output", "export", device.kname)
    found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    return {"fstype": found["TYPE"], "uuid": found.get("UUID")} if "TYPE" in found else {}


def _disk(device: _Device, transport: str, names: dict[str, str]) -> Disk | None:
    filesystem, size = device.fstype or "", device.size or 0
    is_used = any(device.mountpoints) or _NO_FILESYSTEM.fullmatch(filesystem)
    by_content = f"UUID={device.uuid}" if device.uuid and filesystem else ""
    path = names.get(device.kname) or by_content
    if device.type not in _KINDS or is_used or not size or not path:
        return None
    is_shared = transport in _NETWORKS or device.type == "mpath"
    about = " ".join(filter(None, ((device.model or "").strip(), transport, device.type)))
    return Disk(path, device.kname, size, filesystem, about, is_shared)


def _names(machine: Machine) -> dict[str, str]:
    """Return the best name of each disk that has one, by the name that the kernel gives it."""
    folder = machine.root / "dev/disk/by-id"
    found: dict[str, str] = {}
    for prefix in _NAMES:
        for link in sorted(folder.glob(f"{prefix}*")):
            found.setdefault(f"/dev/{link.readlink().name}", f"/dev/disk/by-id/{link.name}")
    return found


def luns(machine: Machine) -> list[Lun]:
    """Return the LUNs that this machine is logged in to."""
    links = sorted((machine.root / "dev/disk/by-path").glob("*-iscsi-*"))
    matches = (_SESSION.fullmatch(link.name) for link in links)
    return [Lun(each["portal"], each["target"], int(each["lun"])) for each in matches if each]


def targets(machine: Machine, portal: str) -> list[str]:
    """Ask an iSCSI portal for its targets; nothing of the answer is kept on this machine."""
    printed = answer(
        machine,
        *("iscsiadm", "--mode", "discovery", "--type", "sendtargets"),
        *("--portal", portal, "--op", "nonpersistent"),
    )
    # "203.0.113.129:3260,1 iqn.2026-11.example.com:shop"
    words = (line.split() for line in printed.splitlines())
    return list(dict.fromkeys(each[1] for each in words if len(each) == _PAIR))
