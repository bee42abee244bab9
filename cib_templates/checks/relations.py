"""What cannot be between services: unknown ones, circles, together and apart at once."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping

from cib_templates.cib.ids import PATTERNS_APART
from cib_templates.findings import Contradiction, KeyPath
from cib_templates.model.description import Description
from cib_templates.model.services import Service
from cib_templates.rendering.services import main_part

# DRBD's pair (drbd.conf(5)): a third copy is stacked or DRBD 9's own affair.
_PAIR = 2


def relation_contradictions(
    description: Description, *, services: Collection[str]
) -> Iterator[Contradiction]:
    """Find what does not fit together between services, and between a service and its nodes.

    Args:
        description: What could be read of the description.
        services: Names of all services that are written, also of those that could not be read.
    """
    for name, service in description.services.items():
        path: KeyPath = ("services", name)
        yield from _nodes(path, service)
        yield from _pattern(path, service)
        yield from _wishes(path, service)
        yield from _named(path, service, services)
    yield from _circles(description, "after")
    yield from _circles(description, "with")
    yield from _together(description)


def _nodes(path: KeyPath, service: Service) -> Iterator[Contradiction]:
    if not service.nodes:
        yield Contradiction(
            (*path, "never_on"), "leaves no node that may run it", "take a node out of never_on"
        )
    for index, node in enumerate(service.never_on):
        if node in service.nodes:
            yield Contradiction(
                (*path, "never_on", index), f"{node!r} is also in nodes", "name it in one of them"
            )
    for node in service.preferences:
        if service.nodes and node not in service.nodes:
            yield Contradiction(
                (*path, "preferences", node), "may not run it", f"add {node!r} to nodes"
            )


def _pattern(path: KeyPath, service: Service) -> Iterator[Contradiction]:
    pattern = service.pattern
    if pattern == "mirror" and service.mirror is None:
        yield Contradiction(
            path, "has no mirror", f"add [{'.'.join(map(str, path))}.mirror] with resource, device"
        )
    if service.mirror is not None:
        if pattern != "mirror":
            yield Contradiction(
                (*path, "mirror"), f"belongs to the pattern mirror, not {pattern}", "leave it out"
            )
        if len(service.nodes) != _PAIR:
            yield Contradiction(
                (*path, "nodes"), f"a mirror has two nodes, not {len(service.nodes)}", "name two"
            )
        device = service.mirror.device
        if service.filesystem and device not in [each.device for each in service.filesystem]:
            yield Contradiction(
                (*path, "filesystem"),
                "is on another disk than the mirror",
                f'device = "{device}"',
            )
    if pattern in ("mutual", "spare") and len(service.nodes) == 1:
        yield Contradiction(
            (*path, "nodes"), f"{pattern} needs another node to go to", "name two, its home first"
        )
    if pattern == "everywhere":
        if service.address:
            yield Contradiction(
                (*path, "address"),
                "would be on several nodes at once",
                "give it to a service that runs on one node",
            )
        if service.failback:
            yield Contradiction((*path, "failback"), "has no meaning everywhere", "leave it out")


def _wishes(path: KeyPath, service: Service) -> Iterator[Contradiction]:
    if service.failback and service.stickiness is not None:
        yield Contradiction(
            (*path, "stickiness"), "keeps it where it is, and failback does not", "leave one out"
        )
    parts = service.parts()
    part = parts[main_part(service)][1] if parts else None
    for resource in service.utilization:
        if part is not None and resource in part.utilization:
            yield Contradiction(
                (*path, "utilization", resource),
                "is said by a part, too",
                "say it of the service or of its parts",
            )


def _named(path: KeyPath, service: Service, services: Collection[str]) -> Iterator[Contradiction]:
    for key, others in (
        ("after", service.after),
        ("with", service.together_with),
        ("apart_from", service.apart_from),
    ):
        for index, other in enumerate(others):
            place = (*path, key, index)
            if other == path[-1]:
                yield Contradiction(place, "is the service itself", "name another one")
            elif other in others[:index]:
                yield Contradiction(place, f"{other!r} is named twice", "name it once")
            elif other not in services:
                close = difflib.get_close_matches(other, services, n=1)
                hint = f"did you mean {close[0]!r}?" if close else "name a service"
                yield Contradiction(place, f"there is no service {other!r}", hint)


def _links(description: Description, key: str) -> dict[str, list[str]]:
    """Return for each service those that it names in a key, but itself and unknown ones."""
    return {
        name: [
            other
            for other in (service.after if key == "after" else service.together_with)
            if other != name and other in description.services
        ]
        for name, service in description.services.items()
    }


def _circles(description: Description, key: str) -> Iterator[Contradiction]:
    links = _links(description, key)
    done: set[str] = set()
    for start in links:
        circle = _circle(start, links, done)
        if circle:
            yield Contradiction(
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


def _together(description: Description) -> Iterator[Contradiction]:
    """Find services that must be on one node and cannot be."""
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
                yield Contradiction(
                    path, f"runs on several nodes, and {other} on one", "leave it out"
                )
            elif not set(services[name].nodes) & set(services[other].nodes):
                yield Contradiction(
                    path, f"{other} may run on none of its nodes", "give both a node in common"
                )
            elif services[name].pattern == services[other].pattern and (
                services[name].pattern in PATTERNS_APART
            ):
                yield Contradiction(
                    path,
                    f"services of the pattern {services[name].pattern} run on different nodes",
                    "make them one service, or give one another pattern",
                )
            # Who is with the same one is together.
            joined = company.setdefault(name, {name}) | company.setdefault(other, {other})
            company |= dict.fromkeys(joined, joined)
    for name, service in services.items():
        for index, other in enumerate(service.apart_from):
            if other != name and other in company.get(name, ()):
                yield Contradiction(
                    ("services", name, "apart_from", index),
                    f"must run on the node of {other}, and never there",
                    "take it out of with or of apart_from",
                )
            elif other in services and other != name and _one_node(service, services[other]):
                yield Contradiction(
                    ("services", name, "apart_from", index),
                    f"both may run on {service.nodes[0]} only",
                    "give one of them another node",
                )


def _one_node(one: Service, other: Service) -> bool:
    return len(one.nodes) == 1 and one.nodes == other.nodes
