"""The disks that a service could have: those of this machine that nobody uses, and iSCSI LUNs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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


def disks(machine: Machine) -> list[Disk]:
    """Return the disks, partitions and volumes that nobody uses, those that are shared first."""
    columns = "KNAME,TYPE,SIZE,FSTYPE,UUID,MOUNTPOINTS,TRAN,MODEL"
    printed = answer(machine, "lsblk", "--json", "--bytes", "--paths", "--output", columns)
    try:
        tops = json.loads(printed)["blockdevices"]
    except (ValueError, KeyError):
        return []
    names = _names(machine)
    found: dict[str, Disk] = {}
    for device, transport in _leaves(tops, ""):
        disk = _disk(device | _content(machine, device), transport, names)
        if disk is not None:
            found.setdefault(disk.kernel, disk)
    return sorted(found.values(), key=lambda disk: not disk.is_shared)


def _leaves(devices: list[dict[str, Any]], transport: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the devices of which nothing else consists, with the way that the disk is reached."""
    for device in devices:
        way = device.get("tran") or transport
        if device.get("children"):
            yield from _leaves(device["children"], way)
        else:
            yield device, way


def _content(machine: Machine, device: dict[str, Any]) -> dict[str, Any]:
    """Return what is on a device of which udev has not told it; only root can look."""
    if device.get("fstype") or not device.get("size"):
        return {}
    printed = answer(machine, "blkid", "--probe", "--output", "export", str(device.get("kname")))
    found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
    return {"fstype": found.get("TYPE"), "uuid": found.get("UUID")} if "TYPE" in found else {}


def _disk(device: dict[str, Any], transport: str, names: dict[str, str]) -> Disk | None:
    kind, filesystem = str(device.get("type")), str(device.get("fstype") or "")
    kernel, uuid = str(device.get("kname")), device.get("uuid")
    is_used = any(device.get("mountpoints") or ()) or _NO_FILESYSTEM.fullmatch(filesystem)
    path = names.get(kernel) or (f"UUID={uuid}" if uuid and filesystem else "")
    size = int(device.get("size") or 0)
    if kind not in _KINDS or is_used or not size or not path:
        return None
    is_shared = transport in _NETWORKS or kind == "mpath"
    about = " ".join(filter(None, (str(device.get("model") or "").strip(), transport, kind)))
    return Disk(path, kernel, size, filesystem, about, is_shared)


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
    return list(dict.fromkeys(line.split()[1] for line in printed.splitlines() if " " in line))
