"""Taking over resources that others made, when a description names them.

They get Takeover's mark, and with it the IDs of what came with them and can have no mark: location
constraints and fencing levels. Nothing else changes, so they go on running. From then on they are
what a description says only where it says something else than `deriving` makes of them
(`unchanged`): what a description cannot express stays as it is, for good.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Mapping

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.nvset import pairs_of, plain_sets
from cib_templates.cib.ownership import mark
from cib_templates.deriving.fencing import devices_of, fencing, levels_of
from cib_templates.deriving.services import locations_of

_RESOURCES = "configuration/resources"


def adopted(
    cib: etree._Element, wanted: Iterable[etree._Element], nodes: Iterable[str]
) -> etree._Element:
    """Return a live CIB's resources, with Takeover's mark on those that a description has, too.

    Args:
        cib: The live CIB.
        wanted: The resources of the description.
        nodes: The names of the description's nodes.
    """
    [resources] = cib.iterfind(_RESOURCES)
    taken = {element.get("id", "") for element in cib.iter(etree.Element)}
    present = {element.get("id"): element for element in resources}
    by_id = {element.get("id"): element for element in wanted}
    came = _came_with(cib, list(nodes), by_id)
    # By the ID of its first member, whose place it takes: a group to be made of single resources.
    groups: dict[str | None, etree._Element] = {}
    grouped: set[str | None] = set()
    for identity, new in by_id.items():
        members = [m.get("id") for m in new.iterfind("primitive") if m.get("id") in present]
        if new.tag == "group" and identity not in present and members:
            groups[members[0]] = new
            grouped.update(members)
    result = etree.Element(resources.tag, resources.attrib)
    for element in resources:
        identity = element.get("id")
        same = by_id.get(identity)
        if identity in groups:
            result.append(
                _marked(_grouped(groups[identity], present), groups[identity], came, taken)
            )
        elif same is not None and same.tag == element.tag:
            result.append(_marked(element, same, came, taken))
        elif identity not in grouped:
            result.append(copy.deepcopy(element))
    return result


def _came_with(
    cib: etree._Element, nodes: list[str], described: Container[str | None]
) -> dict[str, list[str]]:
    """Return, by a resource's ID, the IDs of the constraints and levels that a description says."""
    came: dict[str, list[str]] = {}
    for element in cib.iterfind(f"{_RESOURCES}/*"):
        for location in locations_of(cib, element, nodes):
            came.setdefault(element.get("id", ""), []).append(location.get("id", ""))
    devices = [identity for identity in fencing(cib, nodes) if identity in described]
    for node in nodes:
        for level in levels_of(cib, node, devices):
            for device in devices_of(level):
                came.setdefault(device, []).append(level.get("id", ""))
    return came


def _grouped(new: etree._Element, present: Mapping[str | None, etree._Element]) -> etree._Element:
    """Return a group of resources that are in none."""
    group = etree.Element("group", id=str(new.get("id")))
    members = (present.get(member.get("id")) for member in new.iterfind("primitive"))
    group.extend(copy.deepcopy(member) for member in members if member is not None)
    return group


def _marked(
    old: etree._Element, new: etree._Element, came: Mapping[str, list[str]], taken: set[str]
) -> etree._Element:
    """Return a resource with the marks of the description's resource and of its members.

    A mark is on a group of single resources from the start: it is Takeover's own.
    """
    by_id = {element.get("id"): element for element in (new, *new.iterfind("primitive"))}
    result = copy.deepcopy(old)
    for element in (result, *result.iterfind("primitive")):
        identity = element.get("id", "")
        like = by_id.get(identity)
        if like is None or mark(element):
            continue
        said = pairs_of(like, "meta_attributes")
        marks = {name: said[name] for name in (ids.MARK, ids.SETS) if name in said}
        # A clone that a description has is whole as Takeover makes it.
        is_new = element is result and old.getparent() is None
        if not is_new and result.tag != "clone":
            marks[ids.ADOPTED] = " ".join(dict.fromkeys([identity, *came.get(identity, ())]))
        _add(element, marks, taken)
    return result


def _add(element: etree._Element, marks: Mapping[str, str], taken: set[str]) -> None:
    """Add pairs to a resource's first set of them, or to a new one before it if it has conditions.

    The first is the one that pcs changes, so that pcs can take them away again.

    Args:
        element: The resource.
        marks: The pairs.
        taken: All IDs in the CIB; it is added to.
    """
    first = element.find("meta_attributes")
    if first is not None and first in plain_sets(element, "meta_attributes"):
        place = first
    else:
        identity = _free(f"{element.get('id')}-meta_attributes", taken)
        place = etree.Element("meta_attributes", id=identity)
        if first is None:
            element.append(place)
        else:
            first.addprevious(place)
    for name, value in marks.items():
        identity = _free(f"{place.get('id')}-{name}", taken)
        etree.SubElement(place, "nvpair", id=identity, name=name, value=value)


def _free(usual: str, taken: set[str]) -> str:
    """Return an ID that nothing has, and take it: others may have given the usual one away."""
    identity, number = usual, 1
    while identity in taken:
        number += 1
        identity = f"{usual}-{number}"
    taken.add(identity)
    return identity
