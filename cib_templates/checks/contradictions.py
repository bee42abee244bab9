"""What is wrong with a description whose every value is right by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cib_templates.checks.cluster import cluster_contradictions
from cib_templates.checks.duplicates import used_twice
from cib_templates.checks.fragments import fragment_mistakes
from cib_templates.checks.parts import part_contradictions
from cib_templates.checks.relations import relation_contradictions
from cib_templates.cib import ids
from cib_templates.cib.secrets import is_secret
from cib_templates.findings import Contradiction, KeyPath
from cib_templates.model.description import Description
from cib_templates.model.services import Address, App, Filesystem, Kind, Service

_OURS = {
    "pcmk_host_list": "nodes",
    "pcmk_host_map": "plugs",
    "pcmk_reboot_timeout": "timeout",
    "pcmk_off_timeout": "timeout",
}


def contradictions(
    description: Description,
    *,
    nodes: Collection[str],
    services: Collection[str],
    complete: bool,
) -> Iterator[Contradiction]:
    """Find everything that does not fit together.

    Args:
        description: What could be read of the description.
        nodes: Names of all nodes that are written, also of those that could not be read.
        services: As nodes, of all services.
        complete: Whether all fencing devices could be read.
    """
    yield from _node_names(nodes)
    yield from _links(description)
    yield from _unknown_nodes(description, nodes)
    yield from _fencing(description)
    # Watchdogs alone can be relied upon to end every node (Pacemaker Explained, "Fencing").
    if complete and (description.sbd is None or description.sbd.devices):
        yield from _unfenced_nodes(description)
    for name, service in description.services.items():
        yield from _service(("services", name), service)
    yield from cluster_contradictions(description, complete=complete)
    yield from relation_contradictions(description, services=services)
    yield from used_twice(description)
    owners: dict[str, KeyPath] = {}
    yield from _same_ids(description, owners)
    yield from fragment_mistakes(description.fragments, owners)


def _node_names(nodes: Collection[str]) -> Iterator[Contradiction]:
    spelt: dict[str, str] = {}
    for name in nodes:
        other = spelt.setdefault(name.casefold(), name)
        if other != name:
            yield Contradiction(
                ("nodes", name),
                f"differs from {other} in case only",
                "host names have no case: choose another name",
            )
        if name.casefold().split(".")[0] == "localhost":
            yield Contradiction(
                ("nodes", name),
                "every machine calls itself localhost",
                "name it as the other nodes know it (uname -n)",
            )


def _links(description: Description) -> Iterator[Contradiction]:
    first, *others = description.nodes
    expected = len(description.nodes[first].links)
    for name in others:
        links = len(description.nodes[name].links)
        if links != expected:
            yield Contradiction(
                ("nodes", name, "links"),
                f"has {links} links, but {first} has {expected}",
                "every node has an address on every link",
            )


def _unknown_nodes(description: Description, nodes: Collection[str]) -> Iterator[Contradiction]:
    lists: list[tuple[KeyPath, Collection[str]]] = []
    for name, fencing in description.fencing.items():
        lists.append((("fencing", name, "nodes"), fencing.nodes or ()))
        lists.append((("fencing", name, "plugs"), fencing.plugs or ()))
    for name, service in description.services.items():
        lists.append((("services", name, "nodes"), service.nodes))
        lists.append((("services", name, "never_on"), service.never_on))
        lists.append((("services", name, "preferences"), service.preferences))
    for path, named in lists:
        seen = set()
        for index, node in enumerate(named):
            place = (*path, index if isinstance(named, list) else node)
            if node not in nodes:
                known = ", ".join(nodes)
                yield Contradiction(place, f"there is no node {node!r}", f"[nodes] has {known}")
            elif node in seen:
                yield Contradiction(place, f"{node!r} is named twice", "name each node once")
            seen.add(node)


def _fencing(description: Description) -> Iterator[Contradiction]:
    for name, fencing in description.fencing.items():
        if fencing.nodes is not None and not fencing.nodes:
            yield Contradiction(
                ("fencing", name, "nodes"), "is empty", "name nodes, or leave it out for all"
            )
        if fencing.nodes is not None and fencing.plugs is not None:
            for node in fencing.nodes:
                if node not in fencing.plugs:
                    yield Contradiction(
                        ("fencing", name, "plugs"),
                        f"has no plug for {node!r}",
                        "each of the device's nodes has a plug",
                    )
            for node in fencing.plugs:
                if node not in fencing.nodes:
                    yield Contradiction(
                        ("fencing", name, "plugs", node),
                        f"is a plug for a node that is not in fencing.{name}.nodes",
                        "name the same nodes in both, or leave out nodes",
                    )
        for key in fencing.parameters:
            path = ("fencing", name, "parameters", key)
            if key in _OURS:
                yield Contradiction(
                    path, "is set by Takeover", f"use fencing.{name}.{_OURS[key]} instead"
                )
            elif is_secret(key):
                yield Contradiction(
                    path,
                    "a secret must not be in the description: every node's CIB would show it",
                    "use the agent's parameter for a program of mode 0700 that prints it, or for "
                    "a file of mode 0600, such as password_script or identity_file",
                )


def _unfenced_nodes(description: Description) -> Iterator[Contradiction]:
    fenced = {node for device in description.fencing for node in description.fenced_by(device)}
    for node in description.nodes:
        if node not in fenced:
            yield Contradiction(
                ("nodes", node),
                "no fencing device can fence this node: its services could not be taken over",
                "add it to a [fencing.NAME] table",
            )


def _service(path: KeyPath, service: Service) -> Iterator[Contradiction]:
    if sorted(service.start_order) != ["address", "app", "filesystem"]:
        yield Contradiction(
            (*path, "start_order"),
            "must have each kind of part once",
            '"filesystem", "app" and "address", in the order of their start',
        )
        return
    parts = list(enumerated_parts(service))
    if not parts:
        yield Contradiction(
            path, "has no parts", "give it a filesystem, an app or an address (or several)"
        )
    for kind, index, part in parts:
        place = (*path, kind, index)
        siblings = [other for other_kind, _, other in parts if other_kind == kind]
        if len(siblings) > 1 and part.name is None:
            yield Contradiction(
                place, f"has no name, and there are several {kind} tables", 'add name = "…"'
            )
        elif part.name in [other.name for other in siblings[:index]]:
            yield Contradiction((*place, "name"), f"{part.name!r} is used twice", "names differ")
        yield from part_contradictions(place, part)


def enumerated_parts(
    service: Service,
) -> Iterator[tuple[Kind, int, Filesystem | App | Address]]:
    """Return each part of a service with its kind and its place among those of its kind."""
    for index, filesystem in enumerate(service.filesystem):
        yield "filesystem", index, filesystem
    for index, app in enumerate(service.app):
        yield "app", index, app
    for index, address in enumerate(service.address):
        yield "address", index, address


def _same_ids(description: Description, owners: dict[str, KeyPath]) -> Iterator[Contradiction]:
    """Find entities whose names make the same ID in the CIB.

    Args:
        description: What could be read of the description.
        owners: For each ID the path of its table; it is added to.
    """
    for path, identity in _ids(description):
        owner = owners.setdefault(identity, path)
        if owner != path:
            yield Contradiction(
                path,
                f"its ID {identity!r} in the CIB is also that of {owner[0]}.{owner[1]}",
                "rename one of them",
            )


def _ids(description: Description) -> Iterator[tuple[KeyPath, str]]:
    for device in description.fencing:
        yield ("fencing", device), description.fencing[device].resource_id(device)
    for name, service in description.services.items():
        path = ("services", name)
        yield path, name
        for kind, _, part in enumerated_parts(service):
            yield path, part.resource_id(name, kind)
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
