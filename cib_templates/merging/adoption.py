"""Taking over resources that others made, when a description names them.

They get Takeover's mark in a copy of the live CIB; from then on a merge treats them as its own.
They go on running: what a resource is, to Pacemaker, is its ID and its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.nvset import nvset
from cib_templates.cib.ownership import mark


def adopt(resources: etree._Element, wanted: Iterable[etree._Element]) -> None:
    """Mark what of a live CIB's resources a description has, too.

    Args:
        resources: The section of the copy of a live CIB; it is modified.
        wanted: The resources of the description.
    """
    present = {element.get("id"): element for element in resources}
    for new in wanted:
        old = present.get(new.get("id"))
        members = [m for m in new.iterfind("primitive") if m.get("id") in present]
        if old is None and new.tag == "group" and members:
            old = _grouped(new, [present[m.get("id")] for m in members])
        if old is not None and old.tag == new.tag:
            _mark(old, new)
            inner = {member.get("id"): member for member in new.iterfind("primitive")}
            for member in old.iterfind("primitive"):
                if member.get("id") in inner:
                    _mark(member, inner[member.get("id")])


def _grouped(new: etree._Element, members: list[etree._Element]) -> etree._Element:
    """Put resources that are in no group into one, in the place of the first."""
    group = etree.Element("group", id=str(new.get("id")))
    members[0].addprevious(group)
    group.extend(members)
    return group


def _mark(old: etree._Element, new: etree._Element) -> None:
    if mark(old):
        return
    identity = f"{old.get('id')}-meta_attributes"
    wanted = nvset("meta_attributes", identity, {ids.MARK: mark(new)})
    existing = old.find(f"meta_attributes[@id='{identity}']")
    if existing is None:
        old.append(wanted)
    else:
        existing.extend(wanted)
