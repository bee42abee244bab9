"""Disks that a resource shall mount and somebody else has, by whatever name.

A disk has many names: paths, links of udev's, tags, the portals and paths that lead to a LUN. So
what a name leads to on this node is compared: the disk's number, what it is made of and what is on
it, and the identity that the disk itself tells.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from functools import partial

from ocf_agents.conflicts.question import Conflict
from ocf_agents.disk.parameters import FilesystemParameters, device_path, has_no_disk
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocf_agents.conflicts.question import Resource
    from ocf_agents.runtime.mountinfo import Mount

FLAT_SPACE = 256  # as in disk/attach/iscsi.py
SBD = "/etc/default/sbd"
PORTION = 0.2  # part of the time that is left, for what a dead disk may hold up


class Disk:
    """What names lead to.

    Attributes:
        own: The keys of the disk itself: two names of one disk have one in common.
        above: The keys of the disks that it is a part of, or made of.
    """

    def __init__(self) -> None:
        self.own: set[str] = set()
        self.above: set[str] = set()

    def overlaps(self, other: Disk) -> bool:
        """Tell whether both have some of their blocks in common."""
        return bool(self.own & other.own or self.own & other.above or self.above & other.own)


def conflicts(
    resource: Resource, others: list[Resource], limit: Deadline, *, looks: bool = True
) -> Iterator[Conflict]:
    """Find who has the disk that a resource shall mount.

    Args:
        resource: The resource.
        others: All other resources.
        limit: When that has to be known.
        looks: Whether to look what is mounted, too.
    """
    parameters = FilesystemParameters(_environ(resource.parameters))
    if parameters.bind or has_no_disk(parameters.fstype, parameters.device):
        return
    disk = _disk(resource, limit)
    if not disk.own:
        return
    name = _name(parameters)
    if resource.was is not None and _names(resource.parameters) == _names(resource.was):
        return
    found = False
    for other in others:
        if resource.is_rival_of(other) and disk.overlaps(_disk(other, limit, attach=False)):
            found = True
            yield Conflict(resource, "disk", f"{name} is the disk of {other}", other.id)
    for path in _devices_of_sbd():
        sbd = Disk()
        _add_path(sbd, path, limit)
        if not found and disk.overlaps(sbd):
            found = True
            yield Conflict(resource, "disk", f"{name} is a disk of SBD ({path})")
    if looks and not found:
        yield from _in_use(resource, others, disk, name, limit)


def disk_of(resource: Resource, limit: Deadline) -> Disk:
    """Return the disk that a resource mounts, as far as this node knows it."""
    return _disk(resource, limit)


def of_mount(mount: Mount) -> Disk:
    """Return the disk that a mount is of."""
    disk = Disk()
    if mount.has_disk:
        for number in mountinfo.pool(mount.disk):
            _add_block(disk, number)
    return disk


def _in_use(
    resource: Resource, others: list[Resource], disk: Disk, name: str, limit: Deadline
) -> Iterator[Conflict]:
    """Find what is mounted of a disk, and whether the kernel has it in use otherwise."""
    from ocf_agents.runtime.rights.way import resolve

    folder = resolve(FilesystemParameters(_environ(resource.parameters)).folder or "/")
    mounts = [mount for mount in mountinfo.mounts() if disk.overlaps(of_mount(mount))]
    for mount in mounts:
        if resource.has_mounted(mount):
            continue
        holder = next((other for other in others if other.has_mounted(mount)), None)
        if holder is None and mount.point == folder:
            continue  # as it shall be: it is taken as it is
        if holder is None or resource.is_rival_of(holder):
            by = f" by {holder}" if holder else ", not by the cluster"
            where = f"{name} is mounted on {mount.point}{by}"
            yield Conflict(resource, "disk", where, holder.id if holder else "")
            return
    if mounts or any(other.service == resource.service for other in others if _is_on(other, disk)):
        return
    for number in sorted(key.partition(" ")[2] for key in disk.own if key.startswith("block ")):
        try:
            used = bounded(partial(_exclusive, number), limit.part(PORTION), f"opening {name}")
        except AgentError:
            continue
        if used:
            holders = _folder(f"{mountinfo.SYSFS}/dev/block/{number}/holders")
            by = f" by {', '.join(sorted(holders))}" if holders else " by the kernel"
            yield Conflict(resource, "disk", f"{name} is in use{by}")
            return


def _devices_of_sbd() -> list[str]:
    """Return the disks that SBD writes its messages to (sbd(8), SBD_DEVICE)."""
    for line in _read(SBD).splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and name == "SBD_DEVICE":
            return [path.strip() for path in value.strip("\"'").split(";") if path.strip()]
    return []


def _is_on(other: Resource, disk: Disk) -> bool:
    return f"block {other.remembered().get('device')}" in disk.own


def _exclusive(number: str) -> str:
    """Return "yes" if the kernel has a disk in use, as for swap space or a part of a mapping."""
    name = os.path.basename(os.path.realpath(f"{mountinfo.SYSFS}/dev/block/{number}"))
    flags = os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        os.close(os.open(f"/dev/{name.replace('!', '/')}", flags))
    except OSError as error:
        return "yes" if error.errno == errno.EBUSY else ""
    return ""


def _disk(resource: Resource, limit: Deadline, *, attach: bool = True) -> Disk:
    """Return the disk that a resource mounts, as far as this node knows it.

    Args:
        resource: The resource; of one that mounts nothing the disk has no key.
        limit: When that has to be known.
        attach: Whether a program that attaches the disk is asked, too.
    """
    disk = Disk()
    parameters = FilesystemParameters(_environ(resource.parameters))
    if not (parameters.device or parameters.target) or parameters.bind:
        return disk
    if has_no_disk(parameters.fstype, parameters.device):
        return disk
    remembered = resource.remembered().get("device", "")
    if ":" in remembered and not remembered.startswith("0:"):
        _add_block(disk, remembered)
    if parameters.target:
        number = parameters.lun or 0
        disk.own.add(f"lun {parameters.target.casefold()} {number}")
        for path in _links_of_lun(parameters.target, number):
            _add_path(disk, path, limit)
        if attach and parameters.attach:
            _add_path(disk, _attached(parameters, limit), limit)
        return disk
    path = device_path(parameters.device)
    disk.own.add(f"name {os.path.normpath(path)}")
    if not os.path.exists(path):
        path = _searched(parameters.device, limit) if attach else ""
    _add_path(disk, path, limit)
    return disk


def _attached(parameters: FilesystemParameters, limit: Deadline) -> str:
    """Return the path that a program has attached a LUN as; "" if it has not."""
    from ocf_agents.disk.attach.lun import Lun
    from ocf_agents.disk.attach.program import AttachProgram

    lun = Lun(parameters.portal, parameters.target, parameters.lun or 0)
    try:
        return AttachProgram(parameters.attach, lun).device(limit.part(PORTION)) or ""
    except AgentError:
        return ""


def _searched(device: str, limit: Deadline) -> str:
    """Return the path of a disk whose tag udev does not know; "" if there is none."""
    from ocf_agents.disk.attach.local import LocalDevice

    try:
        return LocalDevice(device).device(limit.part(PORTION)) or ""
    except AgentError:
        return ""


def _links_of_lun(target: str, number: int) -> list[str]:
    """Return the paths of a LUN, whichever portal leads to it."""
    written = str(number) if number < FLAT_SPACE else f"0x{number:04x}000000000000"
    return glob.glob(f"/dev/disk/by-path/*-iscsi-{glob.escape(target)}-lun-{written}")


def _add_path(disk: Disk, path: str, limit: Deadline) -> None:
    """Add what a path leads to."""
    if not path:
        return

    def look() -> str:
        found = os.stat(path)
        kind = "block" if stat.S_ISBLK(found.st_mode) else "file"
        return f"{kind} {mountinfo.number(found.st_rdev)} {os.path.realpath(path)}"

    try:
        kind, number, real = bounded(look, limit.part(PORTION), f"looking at {path}").split(" ", 2)
    except AgentError:
        return
    disk.own.add(f"name {real}")
    if kind == "block":
        _add_block(disk, number)
    else:
        disk.own.add(f"file {real}")


def _add_block(disk: Disk, number: str) -> None:
    """Add a block device ("major:minor"), and what it is made of."""
    disk.own |= _keys(number)
    waiting, seen = [number], {number}
    while waiting:
        for below in _below(waiting.pop()) - seen:
            disk.above |= _keys(below)
            seen.add(below)
            waiting.append(below)


def _keys(number: str) -> set[str]:
    """Return the keys of a block device: its number, the file behind it, what the disk tells."""
    folder = f"{mountinfo.SYSFS}/dev/block/{number}"
    keys = {f"block {number}"}
    if path := _read(f"{folder}/loop/backing_file"):
        keys.add(f"file {path}")
    whole = f"{folder}/.." if (part := _read(f"{folder}/partition")) else folder
    if identity := _read(f"{whole}/wwid") or _read(f"{whole}/device/wwid"):
        # Two paths to a disk have numbers of their own, and one identity (SPC-4, 7.8.6).
        keys.add(f"wwid {identity} {part}")
    return keys


def _below(number: str) -> set[str]:
    """Return the disks that a partition, a mapping or an array is on."""
    folder = f"{mountinfo.SYSFS}/dev/block/{number}"
    slaves = {_read(f"{folder}/slaves/{name}/dev") for name in _folder(f"{folder}/slaves")}
    whole = {_read(f"{folder}/../dev")} if _read(f"{folder}/partition") else set()
    return (slaves | whole) - {""}


def _names(parameters: dict[str, str]) -> list[str]:
    found = FilesystemParameters(_environ(parameters))
    return [found.device, found.target.casefold(), str(found.lun or 0), found.portal]


def _name(parameters: FilesystemParameters) -> str:
    if parameters.target:
        return f"LUN {parameters.lun or 0} of {parameters.target}"
    return parameters.device


def _environ(parameters: dict[str, str]) -> dict[str, str]:
    return {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except OSError:
        return ""


def _folder(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []
