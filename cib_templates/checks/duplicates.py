"""What a description uses in two places, though only one can have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from cib_templates.cib import identity
from cib_templates.findings import Contradiction, KeyPath
from cib_templates.model.description import Description


class _Use(NamedTuple):
    """A place where something is used that only one can have.

    Attributes:
        key: What it is; the same for every name that it has.
        path: Where it is written.
        shown: How a message calls it.
        owner: What uses it, for a message.
    """

    key: tuple[object, ...]
    path: KeyPath
    shown: str
    owner: str


def used_twice(description: Description) -> Iterator[Contradiction]:
    """Find plugs, addresses, disks and mount points that are used in two places.

    Args:
        description: What could be read of the description.
    """
    owners: dict[tuple[object, ...], str] = {}
    for use in (*_plugs(description), *_addresses(description), *_disks(description)):
        if use.key in owners:
            yield Contradiction(
                use.path, f"{use.shown} is already used by {owners[use.key]}", "each is used once"
            )
        owners.setdefault(use.key, use.owner)
    yield from _hidden_directories(description)


def _plugs(description: Description) -> Iterator[_Use]:
    """Return what fencing switches off: with two nodes on one plug, it is the wrong node."""
    for name, fencing in description.fencing.items():
        path: KeyPath = ("fencing", name)
        if fencing.plugs is None:
            # The agent finds the node by its name, or knows only one. Nothing that differs means
            # that a table was copied, and its address left as it was.
            whole = (fencing.agent, frozenset(fencing.parameters.items()))
            yield _Use(("fencing", *whole), path, "this very device", f"fencing.{name}")
            continue
        # What Pacemaker has the pcmk_… for, such as a delay, does not make it another device.
        device = frozenset(
            pair for pair in fencing.parameters.items() if not pair[0].startswith("pcmk_")
        )
        for node, plug in fencing.plugs.items():
            yield _Use(
                ("plug", fencing.agent, device, plug),
                (*path, "plugs", node),
                f"plug {plug!r}",
                f"fencing.{name}.plugs.{node}",
            )


def _addresses(description: Description) -> Iterator[_Use]:
    for name, node in description.nodes.items():
        for index, link in enumerate(node.links):
            yield _Use(("ip", link), ("nodes", name, "links", index), link, f"nodes.{name}")
    for name, service in description.services.items():
        for index, address in enumerate(service.address):
            path: KeyPath = ("services", name, "address", index, "ip")
            yield _Use(("ip", address.ip), path, address.ip, f"services.{name}")


def _disks(description: Description) -> Iterator[_Use]:
    path: KeyPath
    for index, disk in enumerate(description.sbd.devices if description.sbd else ()):
        # SBD's header would overwrite a filesystem.
        yield _Use(("device", identity.device(disk)), ("sbd", "devices", index), disk, "sbd")
    for name, service in description.services.items():
        owner = f"services.{name}"
        if service.mirror is not None:
            path = ("services", name, "mirror", "resource")
            resource = service.mirror.resource
            yield _Use(("mirror", resource), path, f"DRBD resource {resource!r}", owner)
        for index, filesystem in enumerate(service.filesystem):
            path = ("services", name, "filesystem", index)
            directory, device = filesystem.directory, filesystem.device
            target, lun = filesystem.target, filesystem.lun
            yield _Use(
                ("directory", identity.folder(directory)), (*path, "directory"), directory, owner
            )
            if device is not None:
                yield _Use(("device", identity.device(device)), (*path, "device"), device, owner)
            elif target is not None and lun is not None:
                shown = f"LUN {lun} of {target}"
                yield _Use(("lun", identity.lun(target, str(lun))), (*path, "lun"), shown, owner)


def _hidden_directories(description: Description) -> Iterator[Contradiction]:
    """Find mount points below another's that is not sure to be mounted before."""
    mounts = [
        (name, index, PurePosixPath(filesystem.directory))
        for name, service in description.services.items()
        for index, filesystem in enumerate(service.filesystem)
    ]
    by_folder: dict[PurePosixPath, list[tuple[str, int]]] = {}
    for name, index, folder in mounts:
        by_folder.setdefault(folder, []).append((name, index))
    for service, index, inner in mounts:
        for outer in inner.parents:
            for other, place in by_folder.get(outer, ()):
                # The filesystems of one service are mounted in the order in which they are written.
                if other != service or place > index:
                    yield Contradiction(
                        ("services", service, "filesystem", index, "directory"),
                        f"{inner} is below {outer} of services.{other}, which would hide it",
                        "use a folder outside of it, or one service with the outer one first",
                    )
