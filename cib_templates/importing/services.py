"""Groups, clones and single resources of a CIB as services: the inverse of `services`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, get_args

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import seconds
from cib_templates.cib.nvset import is_true, pairs_of
from cib_templates.cib.ownership import mark
from cib_templates.importing.parts import part_of
from cib_templates.model.services import Kind
from cib_templates.rendering.constraints import default_preference
from cib_templates.rendering.services import MIRROR_INTERVAL, SERVICE_META

Table = dict[str, Any]

_KINDS: tuple[Kind, ...] = get_args(Kind)
_NEVER = "-INFINITY"
_NUMBER = re.compile(r"[+-]?[0-9]{1,6}")


def services(cib: etree._Element, nodes: list[str]) -> dict[str, Table]:
    """Return the services that a CIB has, by their names.

    Args:
        cib: The whole CIB.
        nodes: The names of all nodes.
    """
    candidates = {
        _name(element): (element, _members(element))
        for element in cib.iterfind("configuration/resources/*")
    }
    names = {
        name for name, (_, members) in candidates.items() if members and ids.NAME.fullmatch(name)
    }
    found = {}
    for name, (element, members) in candidates.items():
        if name in names:
            identity = element.get("id", "")
            found[name] = (
                _pattern(cib, element, name)
                | _nodes(cib, identity, nodes)
                | _relations(cib, identity, names)
                | _meta(element)
                | _mirror(cib, name, members)
                | _parts(name, members)
            )
    return found


def _members(element: etree._Element) -> list[etree._Element]:
    """Return the primitives of what can be a service; none if it cannot be one."""
    if element.tag == "primitive":
        return [element] if _is_application(element) else []
    if element.tag == "clone" and mark(element) and element.find("group") is not None:
        return element.findall("group/primitive")
    members = element.findall("primitive") if element.tag == "group" else []
    return members if all(map(_is_application, members)) else []


def _is_application(primitive: etree._Element) -> bool:
    """Return whether it is neither a fencing device nor made from a template."""
    return primitive.get("class") not in ("stonith", None)


def _name(element: etree._Element) -> str:
    identity = element.get("id", "")
    if found := mark(element):
        return found.removeprefix("services.")
    # A primitive keeps its ID, so the group around it needs another one.
    return f"{identity}-service" if element.tag == "primitive" else identity


def _pattern(cib: etree._Element, element: etree._Element, name: str) -> Table:
    if element.tag == "clone":
        return {"pattern": "everywhere"}
    if cib.find(f"configuration/resources/clone[@id='{ids.mirror_id(name)}']") is not None:
        return {"pattern": "mirror"}
    for pattern in ids.PATTERNS_APART:
        apart = f"configuration/constraints/rsc_colocation[@id='{ids.pattern_id(pattern)}']"
        if cib.find(f"{apart}/resource_set/resource_ref[@id='{name}']") is not None:
            return {"pattern": pattern}
    return {"pattern": "standby"}


def _nodes(cib: etree._Element, resource: str, nodes: list[str]) -> Table:
    """Return the nodes that may run a resource, the preferred one first, and their scores."""
    scores: dict[str, int] = {}
    never = set()
    for location in cib.iterfind(f"configuration/constraints/rsc_location[@rsc='{resource}']"):
        node, score = location.get("node", ""), location.get("score", "")
        if node not in nodes or location.get("role"):
            continue
        if score == _NEVER:
            never.add(node)
        elif _NUMBER.fullmatch(score):
            scores[node] = scores.get(node, 0) + int(score)
    # Takeover writes preferences in the order of the nodes; others do not.
    listed = list(scores) if _is_ours(cib, resource) else sorted(scores, key=lambda n: -scores[n])
    allowed = [*listed, *(node for node in nodes if node not in scores and node not in never)]
    allowed = [node for node in allowed if node not in never] or nodes
    explicit = {
        node: scores[node]
        for rank, node in enumerate(allowed)
        if node in scores and scores[node] != default_preference(rank, len(allowed))
    }
    return {"nodes": allowed} | ({"preferences": explicit} if explicit else {})


def _is_ours(cib: etree._Element, resource: str) -> bool:
    element = cib.find(f"configuration/resources/*[@id='{resource}']")
    return element is not None and bool(mark(element))


def _relations(cib: etree._Element, name: str, services: Collection[str]) -> Table:
    """Return which other services one is kept with, apart from, and started after."""
    table: dict[str, list[str]] = {}
    constraints = f"configuration/constraints/rsc_colocation[@rsc='{name}']"
    for colocation in cib.iterfind(constraints):
        other = colocation.get("with-rsc", "")
        if other not in services:
            continue
        if colocation.get("id") == ids.together_id(name, other):
            table.setdefault("with", []).append(other)
        elif colocation.get("id") == ids.apart_id(name, other):
            table.setdefault("apart_from", []).append(other)
    for order in cib.iterfind(f"configuration/constraints/rsc_order[@then='{name}']"):
        other = order.get("first", "")
        if other in services and order.get("id") == ids.after_id(name, other):
            table.setdefault("after", []).append(other)
    return table


def _meta(element: etree._Element) -> Table:
    """Return what a service's meta attributes say that is not the default."""
    given = pairs_of(element, "meta_attributes")
    table: Table = {}
    for attribute, key in (
        ("resource-stickiness", "stickiness"),
        ("migration-threshold", "migration_threshold"),
        ("priority", "priority"),
    ):
        value = given.get(attribute, "")
        if value != SERVICE_META.get(attribute) and _NUMBER.fullmatch(value):
            table[key] = int(value)
    timeout = given.get("failure-timeout", "")
    if timeout != SERVICE_META["failure-timeout"] and re.fullmatch(r"[1-9][0-9]*s?", timeout):
        table["failure_timeout"] = f"{timeout.removesuffix('s')}s"
    # Of its own resources only what the description says; an administrator's is for a while.
    said = given.get(ids.SETS, "").split() if mark(element) else list(given)
    if "target-role" in said and given["target-role"] in ("Started", "Stopped"):
        table["enabled"] = given["target-role"] == "Started"
    if "maintenance" in said:
        table["maintenance"] = is_true(given["maintenance"])
    return table


def _mirror(cib: etree._Element, name: str, members: list[etree._Element]) -> Table:
    disk = cib.find(f"configuration/resources/clone/primitive[@id='{ids.disk_id(name)}']")
    if disk is None:
        return {}
    # The CIB has DRBD's name for it; the device is what the service mounts.
    devices = [pairs_of(member, "instance_attributes").get("device", "") for member in members]
    device = next((device for device in devices if device.startswith("/")), "/dev/drbd0")
    resource = pairs_of(disk, "instance_attributes").get("drbd_resource", "")
    table: Table = {"resource": resource, "device": device}
    promoted = disk.find("operations/op[@role='Promoted']")
    interval = None if promoted is None else promoted.get("interval")
    if interval and interval != seconds(MIRROR_INTERVAL):
        table["monitor"] = interval
    return {"mirror": table}


def _parts(service: str, members: list[etree._Element]) -> Table:
    """Return the parts of a service by kind, and their order if it is not the usual one."""
    found = [part_of(service, member) for member in members]
    kinds: list[str] = [kind for kind, _ in found]
    order = list(dict.fromkeys(kinds))
    if kinds != sorted(kinds, key=order.index):
        # Parts of a kind start together; where they do not, each is an app with its agent.
        found = [part_of(service, member, plain=True) for member in members]
        order = ["app"]
    parts: dict[str, list[Table]] = {}
    for kind, part in found:
        parts.setdefault(kind, []).append(part)
    table: Table = {}
    if [kind for kind in _KINDS if kind in parts] != order:
        table["start_order"] = [*order, *(kind for kind in _KINDS if kind not in parts)]
    for key, several in parts.items():
        table[key] = several[0] if len(several) == 1 else several
    return table
