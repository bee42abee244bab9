"""What keeps a filesystem busy without any process: the kernel's own users of its files.

They are not ended, since each is somebody's own doing; but a stop that fails names them.
"""

from __future__ import annotations

import errno
import os

from ocf_agents.disk.busy.namespaces import inhabited
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SWAPS = "/proc/swaps"
EXPORTS = "/proc/fs/nfsd/exports"
TARGETS = "/kernel/config/target/core"  # below sysfs: LIO's LUNs
LAYERS = ("lowerdir", "upperdir", "workdir", "datadir")  # beginnings of overlay's options


def users(points: Iterable[str]) -> list[str]:
    """Return in words what the kernel itself uses below mount points."""
    wanted = tuple(f"{point.rstrip('/')}/" for point in points)
    found = [*_swaps(wanted), *_loops(wanted), *_overlays(wanted), *_exports(wanted)]
    return [*found, *_targets(wanted)]


def has(disk: str, path: str, deadline: Deadline) -> bool:
    """Tell whether the kernel has a disk for itself, as it has that of a filesystem.

    Until it has done with it, it gives the disk to nobody else (open(2), O_EXCL of block devices).

    Args:
        disk: The number of the disk ("major:minor").
        path: Its path, if it is known.
        deadline: The end of the time for it. If there is no answer, it has.
    """

    def work() -> str:
        try:
            for each in (path, f"/dev/block/{disk}"):
                if each and mountinfo.number(os.stat(each).st_rdev) == disk:
                    flags = os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC
                    os.close(os.open(each, flags))
                    return ""
        except OSError as error:
            return "yes" if error.errno == errno.EBUSY else ""
        return ""

    try:
        return bool(bounded(work, deadline, f"opening {path}"))
    except AgentError:
        return True


def has_layer_in(mount: mountinfo.Mount, points: Iterable[str]) -> bool:
    """Tell whether a mount is an overlay with a layer below one of the mount points."""
    return _has_layer(mount, tuple(f"{point.rstrip('/')}/" for point in points))


def _swaps(wanted: tuple[str, ...]) -> Iterator[str]:
    for line in _read(SWAPS).split("\n")[1:]:
        path = mountinfo.unescape(line.split(" ")[0].split("\t")[0])
        if path.startswith(wanted):
            yield f"the swap file {path} (swapoff)"


def _loops(wanted: tuple[str, ...]) -> Iterator[str]:
    blocks = f"{mountinfo.SYSFS}/block"
    for name in sorted(os.listdir(blocks) if os.path.isdir(blocks) else []):
        path = _read(f"{blocks}/{name}/loop/backing_file").rstrip("\n")
        if path.startswith(wanted):
            yield f"the loop device {name} of {path} (losetup --detach)"


def _overlays(wanted: tuple[str, ...]) -> Iterator[str]:
    for namespace in inhabited():
        for mount in namespace.table:
            if _has_layer(mount, wanted):
                yield f"the overlay on {mount.point}"


def _has_layer(mount: mountinfo.Mount, wanted: tuple[str, ...]) -> bool:
    if not mount.type.startswith("overlay"):
        return False
    layers = [o.partition("=")[2] for o in mount.options if o.startswith(LAYERS)]
    paths = [path for layer in layers for path in mountinfo.unescape(layer).split(":")]
    return any(f"{path}/".startswith(wanted) for path in paths)


def _exports(wanted: tuple[str, ...]) -> Iterator[str]:
    for line in _read(EXPORTS).split("\n"):
        path = mountinfo.unescape(line.partition("\t")[0])
        if not line.startswith("#") and path and f"{path}/".startswith(wanted):
            yield f"the NFS export of {path} (exportfs -u)"


def _targets(wanted: tuple[str, ...]) -> Iterator[str]:
    root = f"{mountinfo.SYSFS}{TARGETS}"
    for kind in os.listdir(root) if os.path.isdir(root) else []:
        for name in os.listdir(f"{root}/{kind}") if os.path.isdir(f"{root}/{kind}") else []:
            path = _read(f"{root}/{kind}/{name}/udev_path").strip()
            if path.startswith(wanted):
                yield f"the LUN {name} of {path} (targetcli)"


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="surrogateescape")
    except OSError:
        return ""
