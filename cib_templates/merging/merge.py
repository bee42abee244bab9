"""A description merged into a live CIB: what is Takeover's is put right, the rest is left alone.

What that is says `ownership`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.ids import PROPERTIES_ID
from cib_templates.cib.nvset import nvset, pairs_of, value_of
from cib_templates.cib.ownership import from_fragments, is_ours, mark
from cib_templates.comparing.changes import elements, same, written_the_same
from cib_templates.errors import OwnershipError
from cib_templates.merging.adoption import adopt as take_over
from cib_templates.merging.conflicts import (
    ids_of,
    refuse_dangling,
    refuse_foreign_members,
    refuse_taken_ids,
)
from cib_templates.model.description import Description
from cib_templates.rendering.nodes import node_sets
from cib_templates.rendering.properties import properties
from cib_templates.rendering.render import sections

# What an administrator sets with pcs for a while, and a fragment does not take back.
_ADMINISTRATORS = frozenset(("target-role", "is-managed", "maintenance"))


def merge(
    live: etree._Element,
    description: Description,
    *,
    services: bool = True,
    adopt: bool = False,
) -> etree._Element:
    """Return a live CIB with what the description says.

    Versions (`epoch` and so on) stay the live CIB's, so that the difference can be pushed.

    Args:
        live: The whole CIB of a cluster; it is not modified.
        description: What the cluster shall have.
        services: Whether to merge services too, not only properties and fencing.
        adopt: Whether to take over resources with the same IDs that others made.

    Raises:
        OwnershipError: Something that is not Takeover's is in the way.
    """
    cib = copy.deepcopy(live)
    configuration = cib.find("configuration")
    if configuration is None:
        raise OwnershipError("the live CIB has no configuration section: is it a CIB?")
    _set_properties(_section(configuration, "crm_config"), properties(description))
    _set_nodes(configuration, description)

    wanted = sections(description, services=services)
    if adopt:
        take_over(_section(configuration, "resources"), wanted["resources"])
    kinds = ("fencing.", "services.") if services else ("fencing.",)
    marked = {
        element.get("id", "")
        for element in configuration.iterfind("resources/*")
        if mark(element).startswith(kinds)
    }
    foreign_text = from_fragments(configuration) if services else set[str]()
    ours = {
        str(section.tag): [
            element
            for element in elements(section)
            if element.get("id") in foreign_text or is_ours(str(section.tag), element, marked)
        ]
        for section in elements(configuration)
        if services or section.tag != "tags"
    }
    before = ids_of(element for elements in ours.values() for element in elements)
    after = ids_of(element for elements in wanted.values() for element in elements)
    refuse_taken_ids(configuration, ours=before, wanted=after)
    for section in dict.fromkeys([*ours, *wanted]):
        present, needed = ours.get(section, []), wanted.get(section, [])
        if present or needed:
            _replace(_section(configuration, section), present, needed, marked)
    refuse_dangling(configuration, gone=before - after)
    etree.indent(cib)
    return cib


def _section(configuration: etree._Element, name: str) -> etree._Element:
    section = configuration.find(name)
    return etree.SubElement(configuration, name) if section is None else section


def _set_properties(crm_config: etree._Element, wanted: dict[str, str]) -> None:
    rendered = nvset("cluster_property_set", PROPERTIES_ID, wanted)
    present = crm_config.find(f"cluster_property_set[@id='{PROPERTIES_ID}']")
    if present is None:
        crm_config.insert(0, rendered)
        return
    pairs = {pair.get("name"): pair for pair in present.iterfind("nvpair")}
    listed = pairs.get(ids.SETS)
    ours = [] if listed is None else [ids.SETS, *(listed.get("value") or "").split()]
    for name in ours:
        if name not in wanted and name in pairs:
            present.remove(pairs[name])
    for pair in elements(rendered):
        existing = pairs.get(pair.get("name"))
        if existing is None:
            present.append(pair)
        else:
            existing.set("value", pair.get("value", ""))


def _set_nodes(configuration: etree._Element, description: Description) -> None:
    """Put attributes and utilization of the nodes right that the cluster has already."""
    for element in configuration.iterfind("nodes/node"):
        node = description.nodes.get(element.get("uname", ""))
        if node is not None:
            wanted = etree.Element("node")
            wanted.extend(node_sets(node, element.get("id", "")))
            listed = value_of(element, "instance_attributes", ids.SETS)
            if len(wanted) or listed is not None:
                new = copy.deepcopy(element)
                for child in elements(new):
                    new.remove(child)
                new.extend(elements(wanted))
                _keep_pairs(copy.deepcopy(element), new, _formerly(listed))
                if not same(new, element):
                    element[:] = list(new)


def _replace(
    parent: etree._Element,
    ours: Sequence[etree._Element],
    wanted: Sequence[etree._Element],
    marked: Collection[str],
) -> None:
    """Update our elements in their places, remove those that are not wanted, append the new."""
    by_id = {element.get("id"): element for element in wanted}
    for old in ours:
        new = by_id.pop(old.get("id"), None)
        if new is None:
            refuse_foreign_members(old)
            parent.remove(old)
        elif (right := _updated(old, new, whole=old.get("id") not in marked)) is not old:
            parent.replace(old, right)
    parent.extend(by_id.values())


def _updated(old: etree._Element, new: etree._Element, *, whole: bool = False) -> etree._Element:
    """Return the new element with what others added to the old one, or the old if it is right.

    Args:
        old: The element of the live CIB.
        new: What the description says.
        whole: Whether all of it is the description's, so that only what an administrator sets
            for a while is kept.
    """
    if written_the_same(old, new):
        return old
    original = copy.deepcopy(old)
    differs = False
    if old.tag == new.tag:
        differs = _keep_members(old, new)
    else:
        refuse_foreign_members(old)
    formerly = _formerly(value_of(old, "meta_attributes", ids.SETS))
    _keep_pairs(old, new, formerly, only=_ADMINISTRATORS if whole else None)
    return original if not differs and same(original, new) else new


def _formerly(listed: str | None) -> frozenset[str]:
    """Return the names of what the description said when it was last merged."""
    return frozenset() if listed is None else frozenset((ids.SETS, *listed.split()))


def _keep_pairs(
    old: etree._Element,
    new: etree._Element,
    formerly: Collection[str],
    *,
    only: Collection[str] | None = None,
) -> None:
    """Add to the new element's sets what others wrote into the old one's.

    Args:
        old: The element of the live CIB.
        new: What the description says.
        formerly: The names that the description had; utilization's with a prefix.
        only: If given, nothing but these names is kept.
    """
    tags = ("meta_attributes", "utilization")
    if old.tag == "node":
        tags = ("instance_attributes", "utilization")
    written = {tag: set(pairs_of(new, tag)) for tag in tags}
    for child in elements(old):
        if child.tag not in tags:
            continue
        prefix = "utilization." if child.tag == "utilization" else ""
        same = new.find(f"{child.tag}[@id='{child.get('id')}']")
        for pair in elements(child):
            name = pair.get("name", "")
            ours = name in written[child.tag] or f"{prefix}{name}" in formerly
            if ours or (only is not None and name not in only):
                child.remove(pair)
        if same is not None:
            same.extend(elements(child))
        elif len(child):
            new.append(child)


def _keep_members(old: etree._Element, new: etree._Element) -> bool:
    """Keep what others did to the members, and those that others put into a group.

    These stay behind the same members as before. Return whether a member is not as it was.
    """
    differs = False
    wanted = {member.get("id"): member for member in _members(new)}
    position = 0
    for member in _members(old):
        replacement = wanted.get(member.get("id"))
        if replacement is not None:
            new.replace(replacement, updated := _updated(member, replacement))
            differs = differs or updated is replacement
            position = new.index(updated) + 1
        elif old.tag == "group" and mark(old) and not mark(member):
            new.insert(position, member)
            position += 1
    return differs


def _members(element: etree._Element) -> list[etree._Element]:
    return [child for child in elements(element) if child.tag in ("primitive", "group")]
