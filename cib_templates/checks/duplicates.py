"""What a description uses in two places, though only one can have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from lxml import etree

from cib_templates.cib import identity, ids
from cib_templates.cib.exclusive import exclusive
from cib_templates.cib.ownership import mark
from cib_templates.findings import Finding, FindingKind, KeyPath, dotted, error
from cib_templates.model.description import Description
from cib_templates.rendering.render import render

FENCING_DEVICE_TWICE = error(
    "fencing-device-twice",
    "Two tables describe the very same fencing device: one was copied, and fences the wrong node.",
)
PLUG_IN_USE_TWICE = error(
    "plug-in-use-twice",
    "One plug of a fencing device is given to two nodes: fencing one would switch off the other.",
)
ADDRESS_IN_USE_TWICE = error(
    "address-in-use-twice", "An IP address is used in two places; only one machine can have it."
)
DISK_IN_USE_TWICE = error(
    "disk-in-use-twice",
    "A disk is used in two places: mounted on two nodes, its filesystem would be destroyed.",
)
LUN_IN_USE_TWICE = error(
    "lun-in-use-twice",
    "An iSCSI LUN is used in two places: mounted on two nodes, its filesystem would be destroyed.",
)
MIRROR_IN_USE_TWICE = error("mirror-in-use-twice", "A DRBD resource is the mirror of two services.")
DIRECTORY_IN_USE_TWICE = error(
    "directory-in-use-twice", "Two filesystems have the same mount point."
)
DIRECTORY_HIDDEN = error(
    "directory-hidden",
    "A mount point is below another one that may be mounted later and would then hide it.",
)
ID_TOO_LONG = error(
    "id-too-long",
    "Names make an ID in the CIB that is too long for the names of the agents' files.",
)
ID_TAKEN = error("id-taken", "Two names make the same ID in the CIB, where an ID is unique.")


class _Use(NamedTuple):
    """A place where something is used that only one can have.

    Attributes:
        kind: What is found if another one has it, too.
        key: What it is; the same for every name that it has.
        path: Where it is written.
        name: What a message calls it.
        owner: What a message says uses it.
    """

    kind: FindingKind
    key: tuple[object, ...]
    path: KeyPath
    name: str
    owner: str
    of_an_agent: bool = False


def check_duplicates(description: Description) -> Iterator[Finding]:
    """Find plugs, addresses, disks and mount points that are used in two places.

    Args:
        description: What could be read of the description.
    """
    owners: dict[tuple[object, ...], str] = {}
    uses = (
        *_plugs(description),
        *_addresses(description),
        *_disks(description),
        *_of_agents(description),
    )
    for use in uses:
        # What one service has twice by agents of its own, such as bind mounts, is its own affair.
        if use.key in owners and (owners[use.key] != use.owner or not use.of_an_agent):
            yield use.kind.at(
                use.path, f"{use.name} is already used by {owners[use.key]}", "each is used once"
            )
        owners.setdefault(use.key, use.owner)
    yield from _hidden_directories(description)


def _plugs(description: Description) -> Iterator[_Use]:
    """Yield what fencing switches off: with two nodes on one plug, it is the wrong node."""
    for name, fencing in description.fencing.items():
        path: KeyPath = ("fencing", name)
        if fencing.plugs is None:
            # The agent finds the node by its name, or knows only one. Nothing that differs means
            # that a table was copied, and its address left as it was.
            whole = (fencing.agent, frozenset(fencing.parameters.items()))
            key = ("fencing", *whole)
            yield _Use(FENCING_DEVICE_TWICE, key, path, "this very device", f"fencing.{name}")
            continue
        # What Pacemaker has the pcmk_… for, such as a delay, does not make it another device.
        device = frozenset(
            pair for pair in fencing.parameters.items() if not pair[0].startswith("pcmk_")
        )
        for node, plug in fencing.plugs.items():
            yield _Use(
                PLUG_IN_USE_TWICE,
                ("plug", fencing.agent, device, plug),
                (*path, "plugs", node),
                f"plug {plug!r}",
                f"fencing.{name}.plugs.{node}",
            )


def _addresses(description: Description) -> Iterator[_Use]:
    kind = ADDRESS_IN_USE_TWICE
    for name, node in description.nodes.items():
        for index, link in enumerate(node.links):
            yield _Use(kind, ("ip", link), ("nodes", name, "links", index), link, f"nodes.{name}")
    for name, service in description.services.items():
        for index, address in enumerate(service.address):
            path: KeyPath = ("services", name, "address", index, "ip")
            yield _Use(kind, ("ip", address.ip), path, address.ip, f"services.{name}")


def _disks(description: Description) -> Iterator[_Use]:
    path: KeyPath
    for index, disk in enumerate(description.sbd.devices if description.sbd else ()):
        # SBD's header would overwrite a filesystem.
        path = ("sbd", "devices", index)
        yield _Use(DISK_IN_USE_TWICE, ("device", identity.device(disk)), path, disk, "sbd")
    for name, service in description.services.items():
        owner = f"services.{name}"
        if service.mirror is not None:
            path = ("services", name, "mirror", "resource")
            resource = service.mirror.resource
            shown = f"DRBD resource {resource!r}"
            yield _Use(MIRROR_IN_USE_TWICE, ("mirror", resource), path, shown, owner)
        for index, filesystem in enumerate(service.filesystem):
            path = ("services", name, "filesystem", index)
            folder, device = filesystem.directory, filesystem.device
            target, lun = filesystem.target, filesystem.lun
            key: tuple[object, ...] = ("directory", identity.folder(folder))
            yield _Use(DIRECTORY_IN_USE_TWICE, key, (*path, "directory"), folder, owner)
            if device is not None:
                key = ("device", identity.device(device))
                yield _Use(DISK_IN_USE_TWICE, key, (*path, "device"), device, owner)
            elif target is not None and lun is not None:
                key = ("lun", identity.lun(target, str(lun)))
                shown = f"LUN {lun} of {target}"
                yield _Use(LUN_IN_USE_TWICE, key, (*path, "lun"), shown, owner)


_OF_AGENTS = {
    "device": DISK_IN_USE_TWICE,
    "lun": LUN_IN_USE_TWICE,
    "directory": DIRECTORY_IN_USE_TWICE,
    "ip": ADDRESS_IN_USE_TWICE,
    "mirror": MIRROR_IN_USE_TWICE,
    "volume": DISK_IN_USE_TWICE,
}


def _of_agents(description: Description) -> Iterator[_Use]:
    """Yield what is used by apps that are another agent: stock agents, or Takeover's by name."""
    for name, service in description.services.items():
        for index, app in enumerate(service.app):
            if app.agent is None:
                continue
            path: KeyPath = ("services", name, "app", index, "parameters")
            for each in exclusive(app.agent, app.parameters):
                yield _Use(
                    _OF_AGENTS[each.kind],
                    (each.kind, each.key),
                    (*path, each.parameter),
                    each.shown,
                    f"services.{name}",
                    of_an_agent=True,
                )


def _hidden_directories(description: Description) -> Iterator[Finding]:
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
                    yield DIRECTORY_HIDDEN.at(
                        ("services", service, "filesystem", index, "directory"),
                        f"{inner} is below {outer} of services.{other}, which would hide it",
                        "use a folder outside of it, or one service with the outer one first",
                    )


def check_ids(description: Description, owners: dict[str, KeyPath]) -> Iterator[Finding]:
    """Find tables whose names make the same ID in the CIB.

    Args:
        description: What could be read of the description.
        owners: For each ID the path of its table; it is added to.
    """
    for path, xml_id in _ids(description):
        if len(xml_id) > ids.LONGEST:
            yield ID_TOO_LONG.at(
                path,
                f"its ID in the CIB, {xml_id!r}, has {len(xml_id)} characters",
                f"shorter names, so that it has at most {ids.LONGEST}",
            )
        owner = owners.setdefault(xml_id, path)
        if owner != path:
            yield _taken(path, xml_id, dotted(owner[:2]))


def _taken(path: KeyPath, xml_id: str, owner: str) -> Finding:
    message = f"its ID {xml_id!r} in the CIB is also that of {owner}"
    return ID_TAKEN.at(path, message, "rename one of them")


def check_inner_ids(description: Description) -> Iterator[Finding]:
    """Find IDs that two elements of the whole CIB have, such as the sets of parameters.

    Args:
        description: A description in which nothing else is wrong.
    """
    owners: dict[str, KeyPath] = {}
    for element in render(description).iter(etree.Element):
        identity = element.get("id")
        if identity is None or element.tag in ids.REFERENCES:
            continue
        path = _table_of(element)
        if identity in owners:
            yield _taken(path, identity, dotted(owners[identity]) or "Takeover's own")
        owners.setdefault(identity, path)


def _table_of(element: etree._Element) -> KeyPath:
    """Return the table that an element of a rendered CIB comes from, as far as its mark says it."""
    for each in (element, *element.iterancestors()):
        if found := mark(each):
            return tuple(found.split(".")[:2])
    return ()


def _ids(description: Description) -> Iterator[tuple[KeyPath, str]]:
    for device in description.fencing:
        yield ("fencing", device), description.fencing[device].resource_id(device)
    for name, service in description.services.items():
        path: KeyPath = ("services", name)
        yield path, name
        written = set()
        for kind, index, part in service.numbered_parts():
            # That two parts have one name, or none, is a finding of its own.
            is_new = part.id is not None or (kind, part.name) not in written
            if is_new and not service.is_one_resource(name):
                yield (*path, kind, index), part.resource_id(name, kind)
            written.add((kind, part.name))
        if service.pattern == "everywhere":
            yield path, ids.copy_id(name)
        if service.mirror is not None:
            yield path, ids.mirror_id(name)
            yield path, ids.disk_id(name)
        for other in service.together_with:
            yield path, ids.together_id(name, other)
        for other in service.apart_from:
            yield path, ids.apart_id(name, other)
        for other in service.after:
            yield path, ids.after_id(name, other)
        for node in description.nodes:
            yield path, ids.preference_id(name, node)
            yield path, ids.avoidance_id(name, node)
