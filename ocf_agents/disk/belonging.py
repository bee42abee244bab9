"""Which mounts of a disk are a resource's own, where a disk has several: subvolumes, second mounts.

Each resource's state says which mount it has made. What no other resource claims goes with the last
one that has the disk: no other node may mount it before.
"""

from __future__ import annotations

import os

from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocf_agents.runtime.mountinfo import Mount

DISK, FOLDER, NONE = "disk", "folder", "none"  # what a resource mounts


def claim(mount: Mount, kind: str) -> dict[str, str]:
    """Return what a resource remembers of the mount that it has made."""
    return {
        "kind": kind,
        "id": mount.id,
        "mounted": mount.device,
        "root": mountinfo.to_remember(mount.root),
        "point": mountinfo.to_remember(mount.point),
    }


class Belonging:
    """What of a disk is a resource's.

    Args:
        disk: The number of the disk ("major:minor").
        root: What of the filesystem the resource mounts; "" if that is not known.
        environ: The environment of the action.
        state: The resource's own state.
    """

    def __init__(self, disk: str, root: str, environ: Mapping[str, str], state: State) -> None:
        self.disks = mountinfo.pool(disk)
        self._root = root.rstrip("/")
        self._claims = [
            (name, values)
            for name, values in _states(environ, state)
            if values.get("device") in self.disks and values.get("kind") == DISK
        ]
        self._instance = environ.get("OCF_RESOURCE_INSTANCE", "")
        self._started = bool(state.read())
        self._points: dict[str, str] | None = None

    @property
    def shared(self) -> bool:
        """Whether another resource has the same disk."""
        return bool(self._claims) or any(self.owner(each) for each in self._mounts())

    def is_on_disk(self, mount: Mount) -> bool:
        """Tell whether a mount is of the disk, and no other resource's."""
        return mount.is_on(self.disks) and not self._is_claimed(mount)

    def is_own(self, mount: Mount) -> bool:
        """Tell whether a mount is of what the resource mounts."""
        return self.is_on_disk(mount) and f"{mount.root}/".startswith(f"{self._root}/")

    def _mounts(self) -> list[Mount]:
        return [mount for mount in mountinfo.mounts() if mount.is_on(self.disks)]

    def owner(self, mount: Mount) -> str:
        """Return which other resource a mount belongs to, "" if none is known to.

        That is the one that remembers it. A resource that was never started here leaves alone, too,
        what is where another one is configured to mount: agents of others remember nothing.
        """
        own = claim(mount, DISK)
        for name, each in self._claims:
            if all(each.get(k) == own[k] for k in _WHERE):
                return name
        return "" if self._started else self._configured().get(mount.point, "")

    def _configured(self) -> dict[str, str]:
        """Return the mount points of the other resources, as the cluster has them configured."""
        if self._points is None:
            from ocf_agents.runtime.cluster.configured import others
            from ocf_agents.runtime.rights.way import resolve

            found = others(self._instance, "directory")
            self._points = {resolve(values["directory"]): name for name, values in found}
        return self._points

    def _is_claimed(self, mount: Mount) -> bool:
        return bool(self.owner(mount))


# Not the ID: a copy in another mount namespace has one of its own.
_WHERE = ("mounted", "root", "point")


def _states(environ: Mapping[str, str], own: State) -> list[tuple[str, dict[str, str]]]:
    """Return what the other resources of this node remember, each with the name of its file."""
    folder = os.path.dirname(own.path)
    found: list[tuple[str, dict[str, str]]] = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = f"{folder}/{name}"
        if name.startswith("takeover-") and name.endswith(".state") and path != own.path:
            other = State(environ, "")
            other.path = path
            try:
                remembered = other.read()
            except (OSError, ValueError):
                continue  # another action writes it anew, or somebody has damaged it
            found.append((name.removeprefix("takeover-").removesuffix(".state"), remembered))
    return found
