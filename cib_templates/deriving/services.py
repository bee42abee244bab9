"""Groups, clones and single resources of a CIB as services: the inverse of `services`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, get_args

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import seconds
from cib_templates.cib.nvset import is_true, pairs_of, property_of
from cib_templates.cib.ownership import came_with, mark
from cib_templates.comparing.changes import elements, same
from cib_templates.deriving.parts import agent_of, part_of, whole_seconds
from cib_templates.model.services import Kind
from cib_templates.rendering.constraints import RELATIONS, default_preference
from cib_templates.rendering.services import MIRROR_INTERVAL, SERVICE_META

Table = dict[str, Any]

_KINDS: tuple[Kind, ...] = get_args(Kind)
_NEVER = "-INFINITY"
_ALWAYS = ("INFINITY", "+INFINITY")
_NUMBER = re.compile(r"[+-]?[0-9]{1,6}")
# The most that a description's score can be, which is below INFINITY.
_MOST = 999_999
# What pcs makes of `pcs resource move` and `ban`: for a while.
_FOR_A_WHILE = "cli-"
# How a description writes what Pacemaker calls INFINITY; 0 is "never" there.
_INFINITE = {
    ("resource-stickiness", "INFINITY"): str(_MOST),
    ("migration-threshold", "INFINITY"): "0",
}
_OF_REMOTE_NODES = "ocf:pacemaker:remote"


def services(cib: etree._Element, nodes: list[str]) -> dict[str, Table]:
    """Return the services that a CIB has, by their names.

    What cannot be said as a service is not among them, and may stay as it is.

    Args:
        cib: The whole CIB.
        nodes: The names of all nodes.
    """
    candidates = {
        _name(element): element
        for resources in cib.iterfind("configuration/resources")
        for element in elements(resources)
    }
    names = {name for name in candidates if ids.NAME.fullmatch(name)}
    found = {}
    for name in names:
        table = _service(cib, candidates[name], name, nodes)
        if table is not None:
            found[name] = table
    return {
        name: found[name] | _relations(cib, candidates[name].get("id", ""), found)
        for name in candidates
        if name in found
    }


def _service(
    cib: etree._Element, element: etree._Element, name: str, nodes: list[str]
) -> Table | None:
    members = _members(element)
    places = _nodes(cib, element, nodes)
    if not members or places is None:
        return None
    parts = _parts(name, members, utilization=uses_utilization(cib))
    if parts is None:
        return None
    service = _pattern(cib, element, name) | places | _meta(cib, element)
    return service | _mirror(cib, name, members) | parts


def uses_utilization(cib: etree._Element) -> bool:
    """Return whether Pacemaker looks at utilization when it places resources."""
    return _property(cib, "placement-strategy") not in (None, "", "default")


def _property(cib: etree._Element, name: str) -> str | None:
    crm_config = cib.find("configuration/crm_config")
    return None if crm_config is None else property_of(crm_config, name)


def _members(element: etree._Element) -> list[etree._Element]:
    """Return the primitives of what can be a service; none if it cannot be one."""
    if element.tag == "primitive":
        return [element] if _is_application(element) else []
    if element.tag == "clone" and mark(element) and element.find("group") is not None:
        return element.findall("group/primitive")
    members = element.findall("primitive") if element.tag == "group" else []
    if came_with(element) is not None:
        # Others that somebody has added since are theirs.
        members = [member for member in members if mark(member)]
    return members if all(map(_is_application, members)) else []


def _is_application(primitive: etree._Element) -> bool:
    """Return whether a primitive can be a part of a service.

    Fencing devices cannot, nor what is made from a template, which says the rest; nor what is the
    connection to a remote node, or runs one: Pacemaker looks for those outside of groups.
    """
    return (
        primitive.get("class") not in ("stonith", None)
        and agent_of(primitive) != _OF_REMOTE_NODES
        and "remote-node" not in pairs_of(primitive, "meta_attributes")
    )


def _name(element: etree._Element) -> str:
    if found := mark(element):
        return found.removeprefix("services.")
    return element.get("id", "")


def _pattern(cib: etree._Element, element: etree._Element, name: str) -> Table:
    if element.tag == "clone":
        return {"pattern": "everywhere"}
    if _disk(cib, name) is not None:
        return {"pattern": "mirror"}
    for pattern in ids.PATTERNS_APART:
        apart = f"configuration/constraints/rsc_colocation[@id='{ids.pattern_id(pattern)}']"
        if cib.find(f"{apart}/resource_set/resource_ref[@id='{name}']") is not None:
            return {"pattern": pattern}
    return {"pattern": "standby"}


def _nodes(cib: etree._Element, element: etree._Element, nodes: list[str]) -> Table | None:
    """Return the nodes that may run a resource, the preferred one first, and their scores.

    Returns:
        A service's keys; None if no node may run it, which cannot be said.
    """
    scores: dict[str, int] = {}
    never = set()
    always = set()
    for location in locations_of(cib, element, nodes):
        node, score = location.get("node", ""), location.get("score", "")
        if score == _NEVER:
            never.add(node)
        elif score in _ALWAYS:
            always.add(node)
            scores.setdefault(node, 0)
        else:
            scores[node] = scores.get(node, 0) + int(score)
    # Takeover writes preferences in the order of the nodes; others do not.
    is_ours = bool(mark(element)) and came_with(element) is None
    rank = {node: scores[node] + (_MOST + 1) * (node in always) for node in scores}
    listed = list(scores) if is_ours else sorted(scores, key=lambda node: -rank[node])
    if _is_opt_in(cib):
        # A node that is not named may not run it.
        never.update(node for node in nodes if node not in scores)
    allowed = [*listed, *(node for node in nodes if node not in scores)]
    allowed = [node for node in allowed if node not in never]
    if not allowed:
        return None
    explicit = {
        node: scores[node]
        for place, node in enumerate(allowed)
        if node in scores
        and node not in always
        and abs(scores[node]) <= _MOST
        and scores[node] != default_preference(place, len(allowed))
    }
    return {"nodes": allowed} | ({"preferences": explicit} if explicit else {})


def _is_opt_in(cib: etree._Element) -> bool:
    """Return whether a resource may run only where a constraint says so."""
    value = _property(cib, "symmetric-cluster")
    return value is not None and not is_true(value)


def locations_of(
    cib: etree._Element, element: etree._Element, nodes: Collection[str]
) -> list[etree._Element]:
    """Return the location constraints that a service's nodes and preferences say.

    Takeover's own, by their IDs; of what it took over, those that came with it; of what others
    made, all whose meaning is nothing but a node and a score.

    Args:
        cib: The whole CIB.
        element: The outermost resource.
        nodes: The names of all nodes.
    """
    identity, came = element.get("id", ""), came_with(element)
    found = []
    for location in cib.iterfind("configuration/constraints/rsc_location"):
        node = location.get("node", "")
        if location.get("rsc") != identity or node not in nodes or not _is_plain(location):
            continue
        name = location.get("id", "")
        own = name in (ids.preference_id(identity, node), ids.avoidance_id(identity, node))
        theirs = not mark(element) and not name.startswith(_FOR_A_WHILE)
        if own or theirs or name in (came or ()):
            found.append(location)
    return found


def _is_plain(location: etree._Element) -> bool:
    """Return whether a location constraint says nothing but a node and a score."""
    score = location.get("score", "")
    return (
        set(location.attrib) == {"id", "rsc", "node", "score"}
        and len(location) == 0
        and (score in (_NEVER, *_ALWAYS) or _NUMBER.fullmatch(score) is not None)
    )


def _relations(cib: etree._Element, name: str, services: Collection[str]) -> Table:
    """Return which other services one is kept with, apart from, and started after."""
    table: dict[str, list[str]] = {}
    for constraint in cib.iterfind("configuration/constraints/*"):
        if name not in (constraint.get("rsc"), constraint.get("then")):
            continue
        for key, make in RELATIONS.items():
            other = constraint.get("first" if key == "after" else "with-rsc", "")
            if other in services and other != name and same(constraint, make(name, other)):
                table.setdefault(key, []).append(other)
    return table


def _meta(cib: etree._Element, element: etree._Element) -> Table:
    """Return what a service's meta attributes say that is not the default."""
    given = pairs_of(element, "meta_attributes")
    is_ours = bool(mark(element)) and came_with(element) is None
    # What Takeover makes has all of them; of what others made, these are what Pacemaker assumes.
    usual = {} if is_ours else _assumed(cib)
    table: Table = {}
    for attribute, key in (
        ("resource-stickiness", "stickiness"),
        ("migration-threshold", "migration_threshold"),
        ("priority", "priority"),
    ):
        value = given.get(attribute, usual.get(attribute, ""))
        value = _INFINITE.get((attribute, value), value)
        if value != SERVICE_META.get(attribute) and _NUMBER.fullmatch(value):
            table[key] = int(value)
    if table.get("stickiness") == 0:
        # A service that does not want to stay goes back to the node that it prefers.
        del table["stickiness"]
        table["failback"] = True
    timeout = whole_seconds(given.get("failure-timeout", usual.get("failure-timeout", "")))
    if timeout and f"{timeout}s" != SERVICE_META["failure-timeout"]:
        table["failure_timeout"] = f"{timeout}s"
    # Of its own resources only what the description says; an administrator's is for a while.
    said = given.get(ids.SETS, "").split() if mark(element) else list(given)
    if given.get("target-role") in ("Started", "Stopped") and "target-role" in said:
        table["enabled"] = given["target-role"] == "Started"
    if "maintenance" in said and "maintenance" in given:
        table["maintenance"] = is_true(given["maintenance"])
    if "priority" in table and "priority" not in said:
        del table["priority"]
    return table


def _assumed(cib: etree._Element) -> dict[str, str]:
    """Return the meta attributes of a resource that has none of its own."""
    defaults = cib.find("configuration/rsc_defaults")
    given = {} if defaults is None else pairs_of(defaults, "meta_attributes")
    return {"resource-stickiness": "0", "migration-threshold": "INFINITY"} | given


def _mirror(cib: etree._Element, name: str, members: list[etree._Element]) -> Table:
    disk = _disk(cib, name)
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


def _disk(cib: etree._Element, name: str) -> etree._Element | None:
    """Return the primitive of a service's mirror; None if it has none that Takeover made."""
    disk = cib.find(f"configuration/resources/clone/primitive[@id='{ids.disk_id(name)}']")
    return disk if disk is not None and mark(disk) else None


def _parts(service: str, members: list[etree._Element], *, utilization: bool) -> Table | None:
    """Return the parts of a service by kind, and their order if it is not the usual one.

    Returns:
        A service's keys; None if one of the parts cannot be said.
    """
    found = [part_of(service, member, utilization=utilization) for member in members]
    kinds: list[str] = [each[0] for each in found if each is not None]
    order = list(dict.fromkeys(kinds))
    if kinds != sorted(kinds, key=order.index):
        # Parts of a kind start together; where they do not, each is an app with its agent.
        found = [
            part_of(service, member, plain=True, utilization=utilization) for member in members
        ]
        order = ["app"]
    parts: dict[str, list[Table]] = {}
    for each in found:
        if each is None:
            return None
        kind, part = each
        parts.setdefault(kind, []).append(part)
    table: Table = {}
    if [kind for kind in _KINDS if kind in parts] != order:
        table["start_order"] = [*order, *(kind for kind in _KINDS if kind not in parts)]
    for key, several in parts.items():
        names = [part.get("name") for part in several]
        if len(names) != len(set(names)):
            return None
        table[key] = several[0] if len(several) == 1 else several
    return table
