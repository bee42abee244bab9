"""Taking over resources that others made, when a description names them.

They get Takeover's mark; from then on a merge treats them as its own.
They go on running: what a resource is, to Pacemaker, is its ID and its parameters.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.nvset import nvset
from cib_templates.cib.ownership import mark


def adopted(resources: etree._Element, wanted: Iterable[etree._Element]) -> etree._Element:
    """Return a live CIB's resources, with Takeover's mark on those that a description has, too.

    Args:
        resources: The section of a live CIB.
        wanted: The resources of the description.
    """
    present = {element.get("id"): element for element in resources}
    by_id = {element.get("id"): element for element in wanted}
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
            result.append(_marked(_grouped(groups[identity], present), groups[identity]))
        elif same is not None and same.tag == element.tag:
            result.append(_marked(element, same))
        elif identity not in grouped:
            result.append(copy.deepcopy(element))
    return result


def _grouped(new: etree._Element, present: Mapping[str | None, etree._Element]) -> etree._Element:
    """Return a group of resources that are in none."""
    group = etree.Element("group", id=str(new.get("id")))
    members = (present.get(member.get("id")) for member in new.iterfind("primitive"))
    group.extend(copy.deepcopy(member) for member in members if member is not None)
    return group


def _marked(old: etree._Element, new: etree._Element) -> etree._Element:
    """Return a resource with the marks of the description's resource and of its members."""
    marks = {element.get("id"): mark(element) for element in (new, *new.iterfind("primitive"))}
    result = copy.deepcopy(old)
    for element in (result, *result.iterfind("primitive")):
        identity = element.get("id")
        if identity not in marks or mark(element):
            continue
        set_id = f"{identity}-meta_attributes"
        wanted = nvset("meta_attributes", set_id, {ids.MARK: marks[identity]})
        existing = element.find(f"meta_attributes[@id='{set_id}']")
        if existing is None:
            element.append(wanted)
        else:
            existing.extend(wanted)
    return result
