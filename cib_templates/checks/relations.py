"""What cannot be between services, and between a service and its nodes."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping

from cib_templates.cib.ids import PATTERNS_APART
from cib_templates.findings import Finding, KeyPath, error
from cib_templates.model.description import Description
from cib_templates.model.services import Service
from cib_templates.rendering.services import main_part

# DRBD's pair (drbd.conf(5)): a third copy is stacked or DRBD 9's own affair.
_PAIR = 2

SERVICE_WITHOUT_NODES = error("service-without-nodes", "A service has no node that may run it.")
NODE_ALLOWED_AND_FORBIDDEN = error(
    "node-allowed-and-forbidden", "A node is in both nodes and never_on of a service."
)
PREFERENCE_OF_OTHER_NODE = error(
    "preference-of-other-node", "A service prefers a node that may not run it."
)
MIRROR_MISSING = error("mirror-missing", "A service of the pattern mirror has no mirror table.")
MIRROR_OF_OTHER_PATTERN = error(
    "mirror-of-other-pattern", "A service has a mirror table, but its pattern is not mirror."
)
MIRROR_NOT_TWO_NODES = error(
    "mirror-not-two-nodes", "A mirrored service does not have exactly two nodes."
)
MIRROR_OTHER_DISK = error(
    "mirror-other-disk", "A mirrored service has filesystems, and none of them is on its mirror."
)
PATTERN_NEEDS_TWO_NODES = error(
    "pattern-needs-two-nodes", "A service of the pattern mutual or spare has only one node."
)
ADDRESS_EVERYWHERE = error(
    "address-everywhere", "A service that runs on several nodes at once has an address."
)
FAILBACK_EVERYWHERE = error(
    "failback-everywhere", "A service that runs on several nodes at once has failback."
)
STICKINESS_AND_FAILBACK = error(
    "stickiness-and-failback",
    "A service has both stickiness and failback, which exclude each other.",
)
UTILIZATION_TWICE = error(
    "utilization-twice", "A service and its main part both say how much of something they need."
)
RELATION_TO_ITSELF = error("relation-to-itself", "A service is related to itself.")
RELATION_TWICE = error("relation-twice", "A service names another one twice in one list.")
SERVICE_UNKNOWN = error(
    "service-unknown", "A service names another one that the description does not have."
)
RELATION_CIRCLE = error(
    "relation-circle", "Services start after one another, or run with one another, in a circle."
)
TOGETHER_WITH_EVERYWHERE = error(
    "together-with-everywhere",
    "A service on several nodes at once shall be on the node of one that runs on one.",
)
TOGETHER_WITHOUT_NODE = error(
    "together-without-node", "Services shall be on one node, but no node may run both."
)
TOGETHER_APART_BY_PATTERN = error(
    "together-apart-by-pattern",
    "Services shall be on one node, but their pattern keeps them apart.",
)
TOGETHER_AND_APART = error(
    "together-and-apart", "Services shall be on one node, and never on one node."
)
APART_ON_ONE_NODE = error(
    "apart-on-one-node", "Services shall never be on one node, but both have only the same node."
)


def check_relations(description: Description, *, services: Collection[str]) -> Iterator[Finding]:
    """Find what does not fit together between services, and between a service and its nodes.

    Args:
        description: What could be read of the description.
        services: Names of all services that are written, also of those that could not be read.
    """
    for name, service in description.services.items():
        path: KeyPath = ("services", name)
        yield from _nodes(path, service)
        yield from _pattern(path, service)
        yield from _placement(path, service)
        yield from _relations(path, service, services)
    yield from _circles(description, "after")
    yield from _circles(description, "with")
    yield from _together(description)


def _nodes(path: KeyPath, service: Service) -> Iterator[Finding]:
    if not service.nodes:
        yield SERVICE_WITHOUT_NODES.at(
            (*path, "never_on"), "leaves no node that may run it", "take a node out of never_on"
        )
    for index, node in enumerate(service.never_on):
        if node in service.nodes:
            yield NODE_ALLOWED_AND_FORBIDDEN.at(
                (*path, "never_on", index), f"{node!r} is also in nodes", "name it in one of them"
            )
    for node in service.preferences:
        if service.nodes and node not in service.nodes:
            yield PREFERENCE_OF_OTHER_NODE.at(
                (*path, "preferences", node), "may not run it", f"add {node!r} to nodes"
            )


def _pattern(path: KeyPath, service: Service) -> Iterator[Finding]:
    pattern = service.pattern
    if pattern == "mirror" and service.mirror is None:
        yield MIRROR_MISSING.at(
            path, "has no mirror", f"add [{'.'.join(map(str, path))}.mirror] with resource, device"
        )
    if service.mirror is not None:
        if pattern != "mirror":
            yield MIRROR_OF_OTHER_PATTERN.at(
                (*path, "mirror"), f"belongs to the pattern mirror, not {pattern}", "leave it out"
            )
        if len(service.nodes) != _PAIR:
            yield MIRROR_NOT_TWO_NODES.at(
                (*path, "nodes"), f"a mirror has two nodes, not {len(service.nodes)}", "name two"
            )
        device = service.mirror.device
        if service.filesystem and device not in [each.device for each in service.filesystem]:
            yield MIRROR_OTHER_DISK.at(
                (*path, "filesystem"),
                "is on another disk than the mirror",
                f'device = "{device}"',
            )
    if pattern in ("mutual", "spare") and len(service.nodes) == 1:
        yield PATTERN_NEEDS_TWO_NODES.at(
            (*path, "nodes"), f"{pattern} needs another node to go to", "name two, its home first"
        )
    if pattern == "everywhere":
        if service.address:
            yield ADDRESS_EVERYWHERE.at(
                (*path, "address"),
                "would be on several nodes at once",
                "give it to a service that runs on one node",
            )
        if service.failback:
            yield FAILBACK_EVERYWHERE.at(
                (*path, "failback"),
                "has no meaning for a service that runs everywhere",
                "leave it out",
            )


def _placement(path: KeyPath, service: Service) -> Iterator[Finding]:
    if service.failback and service.stickiness is not None:
        yield STICKINESS_AND_FAILBACK.at(
            (*path, "stickiness"),
            "keeps the service where it is, but failback moves it back",
            "leave one out",
        )
    parts = service.parts()
    part = parts[main_part(service)][1] if parts else None
    for resource in service.utilization:
        if part is not None and resource in part.utilization:
            yield UTILIZATION_TWICE.at(
                (*path, "utilization", resource),
                "is also in the utilization of its main part",
                "keep it in one of them",
            )


def _relations(path: KeyPath, service: Service, services: Collection[str]) -> Iterator[Finding]:
    for key, others in (
        ("after", service.after),
        ("with", service.together_with),
        ("apart_from", service.apart_from),
    ):
        for index, other in enumerate(others):
            place = (*path, key, index)
            if other == path[-1]:
                yield RELATION_TO_ITSELF.at(place, "is the service itself", "name another one")
            elif other in others[:index]:
                yield RELATION_TWICE.at(place, f"{other!r} is named twice", "name it once")
            elif other not in services:
                close = difflib.get_close_matches(other, services, n=1)
                hint = f"did you mean {close[0]!r}?" if close else "name a service"
                yield SERVICE_UNKNOWN.at(place, f"there is no service {other!r}", hint)


def _links(description: Description, key: str) -> dict[str, list[str]]:
    """Return for each service the known others that it names in a key."""
    return {
        name: [
            other
            for other in (service.after if key == "after" else service.together_with)
            if other != name and other in description.services
        ]
        for name, service in description.services.items()
    }


def _circles(description: Description, key: str) -> Iterator[Finding]:
    links = _links(description, key)
    done: set[str] = set()
    for start in links:
        circle = _circle(start, links, done)
        if circle:
            yield RELATION_CIRCLE.at(
                ("services", circle[0], key),
                f"goes round in a circle: {' → '.join([*circle, circle[0]])}",
                "take one of them out",
            )


def _circle(start: str, links: Mapping[str, list[str]], done: set[str]) -> list[str]:
    """Return a circle that can be reached from a service and was not seen before."""
    if start in done:
        return []
    way = [start]
    on_way = {start}
    rest = [iter(links[start])]
    while way:
        for other in rest[-1]:
            if other in on_way:
                done.update(way)
                return way[way.index(other) :]
            if other not in done:
                way.append(other)
                on_way.add(other)
                rest.append(iter(links[other]))
                break
        else:
            done.add(way[-1])
            on_way.discard(way.pop())
            rest.pop()
    return []


def _together(description: Description) -> Iterator[Finding]:
    """Find services that shall be on one node, or on different ones, and cannot be."""
    services = description.services
    links = _links(description, "with")
    company: dict[str, set[str]] = {}
    for name, others in links.items():
        everywhere = services[name].pattern == "everywhere"
        for index, other in enumerate(services[name].together_with):
            if other not in others:
                continue
            path = ("services", name, "with", index)
            if everywhere and services[other].pattern != "everywhere":
                yield TOGETHER_WITH_EVERYWHERE.at(
                    path, f"runs on several nodes, and {other} on one", "leave it out"
                )
            elif not set(services[name].nodes) & set(services[other].nodes):
                yield TOGETHER_WITHOUT_NODE.at(
                    path, f"{other} may run on none of its nodes", "give both a node in common"
                )
            elif services[name].pattern == services[other].pattern and (
                services[name].pattern in PATTERNS_APART
            ):
                yield TOGETHER_APART_BY_PATTERN.at(
                    path,
                    f"services of the pattern {services[name].pattern} run on different nodes",
                    "make them one service, or give one another pattern",
                )
            # Two services that are with the same third one are together, too.
            joined = company.setdefault(name, {name}) | company.setdefault(other, {other})
            company |= dict.fromkeys(joined, joined)
    for name, service in services.items():
        for index, other in enumerate(service.apart_from):
            if other != name and other in company.get(name, ()):
                yield TOGETHER_AND_APART.at(
                    ("services", name, "apart_from", index),
                    f"must run on the node of {other}, and must never run there",
                    "take it out of with or of apart_from",
                )
            elif other in services and other != name and _one_node(service, services[other]):
                yield APART_ON_ONE_NODE.at(
                    ("services", name, "apart_from", index),
                    f"both may run on {service.nodes[0]} only",
                    "give one of them another node",
                )


def _one_node(one: Service, other: Service) -> bool:
    return len(one.nodes) == 1 and one.nodes == other.nodes
