"""Mount points that a resource shall have and somebody else has, or that would hide another."""

from __future__ import annotations

from ocf_agents.conflicts.disks import disk_of, of_mount
from ocf_agents.conflicts.question import Conflict
from ocf_agents.disk.parameters import FilesystemParameters, has_no_disk
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.rights.way import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocf_agents.conflicts.question import Resource
    from ocf_agents.runtime.agent import Deadline


def conflicts(
    resource: Resource, others: list[Resource], limit: Deadline, *, looks: bool
) -> Iterator[Conflict]:
    """Find who has the mount point of a resource, or a folder above or below it.

    Args:
        resource: The resource.
        others: All other resources.
        limit: When that has to be known.
        looks: Whether to look what is mounted there, too.
    """
    parameters = _parameters(resource)
    folder = resolve(parameters.folder) if parameters.folder else ""
    new = resource.was is None or resource.was.get("directory") != parameters.directory
    if folder and new:
        found = list(_of_others(resource, folder, others))
        yield from found or (_mounted(resource, folder, others, limit) if looks else ())
    source = _source(parameters)
    if source and (resource.was is None or resource.was.get("device") != parameters.device):
        yield from _source_of_others(resource, source, others)


def _of_others(resource: Resource, folder: str, others: list[Resource]) -> Iterator[Conflict]:
    for other in others:
        theirs = _parameters(other).folder
        if not theirs or not resource.is_rival_of(other):
            continue
        theirs = resolve(theirs)
        if theirs == folder:
            message = f"{_name(resource, folder)} is the mount point of {other}"
        elif _is_below(folder, theirs):
            message = f"{_name(resource, folder)} is below {theirs}, the mount point of {other}"
        elif _is_below(theirs, folder):
            message = f"{_name(resource, folder)} would hide {theirs}, the mount point of {other}"
        else:
            continue
        yield Conflict(resource, "directory", message, other.id)


def _mounted(
    resource: Resource, folder: str, others: list[Resource], limit: Deadline
) -> Iterator[Conflict]:
    """Find what is mounted there, and is neither the resource's own nor of its service."""
    disk = disk_of(resource, limit)
    for mount in mountinfo.mounts():
        if mount.point != folder and not _is_below(mount.point, folder):
            continue
        holder = next((other for other in others if other.has_mounted(mount)), None)
        if holder is not None and not resource.is_rival_of(holder):
            continue
        is_own = resource.has_mounted(mount) or disk.overlaps(of_mount(mount))
        if is_own or mount.type == "autofs":
            continue
        by = str(holder) if holder else "not by the cluster"
        below = "" if mount.point == folder else f", below {_name(resource, folder)}"
        message = f"{mount.source} is mounted on {mount.point}{below} ({by})"
        yield Conflict(resource, "directory", message, holder.id if holder else "")
        return


def _source_of_others(
    resource: Resource, source: str, others: list[Resource]
) -> Iterator[Conflict]:
    """Find whose filesystem a folder or an image is in, that shall be mounted a second time."""
    above = mountinfo.holding(mountinfo.mounts(), source)
    for other in others:
        theirs = _parameters(other).folder
        if not theirs or not resource.is_rival_of(other) or other.service in resource.beside:
            continue
        theirs = resolve(theirs)
        inside = source == theirs or _is_below(source, theirs)
        if inside or (above is not None and above.point != "/" and other.has_mounted(above)):
            message = f"{source} is on the disk of {other}, which is mounted on {theirs}"
            yield Conflict(resource, "disk", message, other.id)


def _source(parameters: FilesystemParameters) -> str:
    """Return the folder or image that is mounted a second time; "" if it is a disk."""
    device = parameters.device
    if not device.startswith("/") or device.startswith("/dev/"):
        return ""
    if has_no_disk(parameters.fstype, device) and not parameters.bind:
        return ""
    return resolve(device)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder.rstrip('/')}/") and path != folder


def _name(resource: Resource, folder: str) -> str:
    written = resource.parameters.get("directory", "")
    return folder if written.rstrip("/") == folder else f"{written} (on this node {folder})"


def _parameters(resource: Resource) -> FilesystemParameters:
    environ = {f"OCF_RESKEY_{name}": value for name, value in resource.parameters.items()}
    return FilesystemParameters(environ)
