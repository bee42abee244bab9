"""Where services may run, which of them run together or apart, and which start first.

Scores are chosen so that one kind of wish never outweighs a stronger one by accident: preferences
are below what keeps `mutual` and `spare` services apart, and that is below stickiness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from cib_templates.cib import ids
from cib_templates.model.description import Description
from cib_templates.model.services import Service

_INFINITY = "INFINITY"
_NEVER = "-INFINITY"
# Preferences differ by this score, the last node of a service having it once. With 32 nodes
# (Corosync's limit without satellites) the first one's stays below _APART.
_PREFERENCE_STEP = 10
# What keeps services of these patterns apart while there is a free node: more than any node is
# preferred to another, and less than their resource-stickiness (services.APART_STICKINESS), so that
# a service which had to share a node does not move again when another one comes back.
_APART = "-10000"


def constraints(description: Description) -> list[etree._Element]:
    """Return all constraints of a description's services."""
    elements = list(locations(description))
    for name, service in description.services.items():
        elements.extend(_mirror(name, service))
        elements.extend(_between(name, service))
    for pattern in ids.PATTERNS_APART:
        elements.extend(_apart(pattern, description))
    return elements


def location(identity: str, resource: str, node: str, score: str) -> etree._Element:
    """Return a location constraint."""
    return etree.Element("rsc_location", id=identity, rsc=resource, node=node, score=score)


def default_preference(rank: int, nodes: int) -> int:
    """Return the score of a service's preference.

    Args:
        rank: The place of the node among the service's, from 0.
        nodes: How many those are.
    """
    return _PREFERENCE_STEP * (nodes - rank)


def locations(description: Description) -> Iterator[etree._Element]:
    """Yield the location constraints: each service's preferences, and the nodes it avoids."""
    for name, service in description.services.items():
        for rank, node in enumerate(service.nodes):
            default = default_preference(rank, len(service.nodes))
            # A copy on each node has no preferred one.
            if service.pattern != "everywhere" or node in service.preferences:
                score = str(service.preferences.get(node, default))
                yield location(ids.preference_id(name, node), name, node, score)
        resources = [name, ids.mirror_id(name)] if service.mirror else [name]
        allowed = set(service.nodes)
        for resource in resources:
            for node in description.nodes:
                if node not in allowed:
                    yield location(ids.avoidance_id(resource, node), resource, node, _NEVER)


def _mirror(name: str, service: Service) -> Iterator[etree._Element]:
    """Yield what binds a service to the node where its disk may be written."""
    if service.mirror is None:
        return
    mirror = ids.mirror_id(name)
    together = _colocation(ids.together_id(name, "mirror"), name, mirror, _INFINITY)
    together.set("with-rsc-role", "Promoted")
    yield together
    order = _order(ids.after_id(name, "mirror"), mirror, name)
    order.set("first-action", "promote")
    order.set("then-action", "start")
    yield order


def _between(name: str, service: Service) -> Iterator[etree._Element]:
    for key, others in (
        ("with", service.together_with),
        ("apart_from", service.apart_from),
        ("after", service.after),
    ):
        for other in others:
            yield RELATIONS[key](name, other)


def _colocation(identity: str, resource: str, other: str, score: str) -> etree._Element:
    return etree.Element(
        "rsc_colocation", {"id": identity, "rsc": resource, "with-rsc": other, "score": score}
    )


def _order(identity: str, first: str, then: str) -> etree._Element:
    return etree.Element("rsc_order", id=identity, first=first, then=then, kind="Mandatory")


# By the key that says it: the constraint between a service and another.
RELATIONS: dict[str, Callable[[str, str], etree._Element]] = {
    "with": lambda name, other: _colocation(ids.together_id(name, other), name, other, _INFINITY),
    "apart_from": lambda name, other: _colocation(ids.apart_id(name, other), name, other, _NEVER),
    "after": lambda name, other: _order(ids.after_id(name, other), other, name),
}


def _apart(pattern: str, description: Description) -> Iterator[etree._Element]:
    """Yield the constraint that keeps the services of a pattern on different nodes.

    One set: with a negative score Pacemaker keeps each of its members from every one before it
    (Pacemaker Explained, "Colocation Sets"), so that the CIB need not list all pairs.
    """
    names = [name for name, service in description.services.items() if service.pattern == pattern]
    if len(names) > 1:
        identity = ids.pattern_id(pattern)
        element = etree.Element("rsc_colocation", id=identity, score=_APART)
        members = etree.SubElement(element, "resource_set", id=f"{identity}-set")
        for name in names:
            etree.SubElement(members, "resource_ref", id=name)
        yield element
