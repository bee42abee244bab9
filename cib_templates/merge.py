"""A description merged into a live CIB: what is Takeover's is put right, the rest is left alone.

What that is says `ownership`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lxml import etree

from cib_templates import ids
from cib_templates.adoption import adopt as take_over
from cib_templates.description import Description
from cib_templates.errors import OwnershipError
from cib_templates.nodes import node_sets
from cib_templates.nvset import nvset, pairs_of, value_of
from cib_templates.obstacles import (
    ids_of,
    refuse_dangling,
    refuse_foreign_members,
    refuse_taken_ids,
)
from cib_templates.ownership import from_fragments, is_ours, mark
from cib_templates.properties import PROPERTIES_ID, properties
from cib_templates.render import sections

Shape = tuple[str, list[tuple[str, str]], list["Shape"]]

# Elements whose order has a meaning: a group starts in it, a set is colocated in it.
_ORDERED = frozenset(("primitive", "resource_set", "resource_ref", "acl_permission"))
# The sections whose elements `changes` names.
_SECTIONS = (
    *("crm_config/cluster_property_set", "nodes", "resources", "constraints", "fencing-topology"),
    *("acls", "tags", "alerts", "op_defaults", "rsc_defaults"),
)
# What an administrator sets with pcs for a while, and a fragment does not take back.
_ADMINISTRATORS = frozenset(("target-role", "is-managed", "maintenance"))


@dataclass(frozen=True)
class Changes:
    """The IDs of what differs between two CIBs.

    Attributes:
        created: Only in the new one.
        changed: In both, and not the same.
        removed: Only in the old one.
    """

    created: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.created or self.changed or self.removed)


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
            for element in _elements(section)
            if element.get("id") in foreign_text or is_ours(str(section.tag), element, marked)
        ]
        for section in _elements(configuration)
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


def changes(old: etree._Element, new: etree._Element) -> Changes:
    """Compare two CIBs, but for what Pacemaker itself writes."""
    before, after = _entities(old), _entities(new)
    both = [identity for identity in after if identity in before]
    return Changes(
        created=tuple(identity for identity in after if identity not in before),
        changed=tuple(
            identity for identity in both if not _same(before[identity], after[identity])
        ),
        removed=tuple(identity for identity in before if identity not in after),
    )


def _entities(cib: etree._Element) -> dict[str, etree._Element]:
    return {
        element.get("id", ""): element
        for section in _SECTIONS
        for parent in cib.iterfind(f"configuration/{section}")
        for element in _elements(parent)
    }


def _elements(parent: etree._Element) -> list[etree._Element]:
    """Return the children that are elements, not comments."""
    return [child for child in parent if isinstance(child.tag, str)]


def _same(one: etree._Element, other: etree._Element) -> bool:
    """Return whether two elements mean the same."""
    # Nearly always they are also written the same, and that is seen in a third of the time.
    return _written_the_same(one, other) or _shape(one) == _shape(other)


def _written_the_same(one: etree._Element, other: etree._Element) -> bool:
    return (
        len(one) == len(other)
        and one.tag == other.tag
        and one.attrib == other.attrib
        and all(map(_written_the_same, one, other))
    )


def _shape(element: etree._Element) -> Shape:
    """Return what an element means: most children have no order."""
    children = [_shape(child) for child in _elements(element)]
    children.sort(key=lambda child: (child[0],) if child[0] in _ORDERED else child)
    return str(element.tag), sorted(element.items()), children


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
    for pair in _elements(rendered):
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
                for child in _elements(new):
                    new.remove(child)
                new.extend(_elements(wanted))
                _keep_pairs(copy.deepcopy(element), new, _formerly(listed))
                if not _same(new, element):
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
    if _written_the_same(old, new):
        return old
    original = copy.deepcopy(old)
    differs = False
    if old.tag == new.tag:
        differs = _keep_members(old, new)
    else:
        refuse_foreign_members(old)
    formerly = _formerly(value_of(old, "meta_attributes", ids.SETS))
    _keep_pairs(old, new, formerly, only=_ADMINISTRATORS if whole else None)
    return original if not differs and _same(original, new) else new


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
    for child in _elements(old):
        if child.tag not in tags:
            continue
        prefix = "utilization." if child.tag == "utilization" else ""
        same = new.find(f"{child.tag}[@id='{child.get('id')}']")
        for pair in _elements(child):
            name = pair.get("name", "")
            ours = name in written[child.tag] or f"{prefix}{name}" in formerly
            if ours or (only is not None and name not in only):
                child.remove(pair)
        if same is not None:
            same.extend(_elements(child))
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
    return [child for child in _elements(element) if child.tag in ("primitive", "group")]
