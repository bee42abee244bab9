"""A description merged into a live CIB: what is Takeover's is put right, the rest is left alone.

What is Takeover's, the module `ownership` says. No function here changes what it is given.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.nvset import set_pair, value_of
from cib_templates.cib.ownership import from_fragments, is_ours, mark
from cib_templates.comparing.changes import elements, same, written_the_same
from cib_templates.errors import OwnershipError
from cib_templates.merging.adoption import adopted
from cib_templates.merging.conflicts import (
    ids_of,
    refuse_dangling,
    refuse_foreign_members,
    refuse_taken_ids,
)
from cib_templates.merging.properties import with_properties
from cib_templates.merging.unchanged import with_what_was_adopted
from cib_templates.model.attributes import is_an_agents
from cib_templates.model.description import Description
from cib_templates.rendering.nodes import node_sets
from cib_templates.rendering.properties import properties
from cib_templates.rendering.render import sections

# What an administrator sets with pcs for a while, and a fragment does not take back.
_ADMINISTRATORS = frozenset(("target-role", "is-managed", "maintenance"))
_MEMBERS = ("primitive", "group")


def merge(
    live: etree._Element,
    description: Description,
    *,
    services: bool = True,
    adopt: bool = False,
) -> etree._Element:
    """Return a live CIB with what the description says, as a new one.

    Versions (`epoch` and so on) stay the live CIB's, so that the difference can be pushed.

    Args:
        live: The whole CIB of a cluster; it is not modified.
        description: What the cluster shall have.
        services: Whether to merge services too, not only properties and fencing.
        adopt: Whether to take over resources with the same IDs that others made.

    Raises:
        OwnershipError: Something that is not Takeover's is in the way.
    """
    # The only one that is changed here; the functions below leave what they are given as it is.
    cib = copy.deepcopy(live)
    configuration = cib.find("configuration")
    if configuration is None:
        raise OwnershipError("the live CIB has no configuration section: is it a CIB?")

    def section(name: str) -> etree._Element:
        found = configuration.find(name)
        return etree.SubElement(configuration, name) if found is None else found

    wanted = sections(description, services=services)
    taken_over = False
    if adopt:
        resources = section("resources")
        with_marks = adopted(cib, wanted["resources"], description.nodes)
        taken_over = not same(resources, with_marks)
        configuration.replace(resources, with_marks)
    crm_config = section("crm_config")
    configuration.replace(
        crm_config, with_properties(crm_config, properties(description), adopt=taken_over)
    )
    for node in configuration.iterfind("nodes/node"):
        node[:] = _node_children(node, description)
    wanted, replaced = with_what_was_adopted(cib, description, wanted)
    for identity in replaced:
        for element in configuration.xpath("*/*[@id=$id]", id=identity):
            element.getparent().remove(element)

    kinds = ("fencing.", "services.") if services else ("fencing.",)
    marked = {
        element.get("id", "")
        for element in configuration.iterfind("resources/*")
        if mark(element).startswith(kinds)
    }
    of_fragments = from_fragments(configuration) if services else set[str]()
    ours = {
        str(present.tag): [
            element
            for element in elements(present)
            if element.get("id") in of_fragments or is_ours(str(present.tag), element, marked)
        ]
        for present in elements(configuration)
        if services or present.tag != "tags"
    }
    before = ids_of(element for elements in ours.values() for element in elements)
    after = ids_of(element for elements in wanted.values() for element in elements)
    refuse_taken_ids(configuration, ours=before, wanted=after)
    for name in dict.fromkeys([*ours, *wanted]):
        present, needed = ours.get(name, []), wanted.get(name, [])
        if present or needed:
            section(name)[:] = _section_children(section(name), present, needed, marked)
    refuse_dangling(configuration, removed=before - after)
    etree.indent(cib)
    return cib


def _node_children(element: etree._Element, description: Description) -> list[etree._Element]:
    """Return what a node of the cluster shall contain: its attributes and its utilization."""
    node = description.nodes.get(element.get("uname", ""))
    listed = value_of(element, "instance_attributes", ids.SETS)
    wanted = [] if node is None else node_sets(node, element.get("id", ""))
    if node is None or not (wanted or listed is not None):
        return list(element)
    merged = copy.deepcopy(element)
    formerly = _formerly(listed)
    for tag, prefix in (("instance_attributes", ""), ("utilization", "utilization.")):
        pairs = {
            pair.get("name", ""): pair
            for each in wanted
            if each.tag == tag
            for pair in each.iterfind("nvpair")
        }
        gone = [
            name.removeprefix(prefix)
            for name in formerly
            if name.startswith(prefix)
            and name.removeprefix(prefix) not in pairs
            and not is_an_agents(name)
        ]
        for name in gone:
            set_pair(merged, tag, name, None)
        for name, pair in pairs.items():
            set_pair(merged, tag, name, pair)
    return list(element) if same(merged, element) else list(merged)


def _section_children(
    section: etree._Element,
    ours: Collection[etree._Element],
    wanted: Sequence[etree._Element],
    marked: Collection[str],
) -> list[etree._Element]:
    """Return what a section shall contain: ours as wanted, in their places, and the new at the end.

    Args:
        section: The section of the live CIB.
        ours: Those of its elements that are Takeover's.
        wanted: Those that it shall have.
        marked: The IDs of the resources with Takeover's mark.
    """
    by_id = {element.get("id"): element for element in wanted}
    own = {element.get("id") for element in ours}
    children = []
    for child in section:
        identity = child.get("id")
        if identity not in own:
            children.append(child)
        elif (new := by_id.pop(identity, None)) is not None:
            merged = _merged(child, new, whole=identity not in marked)
            children.append(child if merged is None else merged)
        else:
            refuse_foreign_members(child)
    return [*children, *by_id.values()]


def _merged(
    old: etree._Element, wanted: etree._Element, *, whole: bool = False
) -> etree._Element | None:
    """Return what is wanted, with what others added to the old element; None if that is right.

    Args:
        old: The element of the live CIB.
        wanted: What the description says.
        whole: Whether all of it is the description's, so that only what an administrator sets
            for a while is kept.
    """
    if written_the_same(old, wanted):
        return None
    differs = False
    if old.tag == wanted.tag:
        children, differs = _with_members(old, wanted)
    else:
        refuse_foreign_members(old)
        children = list(wanted)
    formerly = _formerly(value_of(old, "meta_attributes", ids.SETS))
    only = _ADMINISTRATORS if whole else None
    merged = _new(wanted, _with_kept_pairs(children, old, formerly, only=only))
    return None if not differs and same(old, merged) else merged


def _new(like: etree._Element, children: Iterable[etree._Element]) -> etree._Element:
    """Return an element with the tag and attributes of another, and these children.

    Those that are in another element are copied, not taken out of it.
    """
    element = etree.Element(like.tag, like.attrib)
    element.extend(
        child if child.getparent() is None else copy.deepcopy(child) for child in children
    )
    return element


def _formerly(listed: str | None) -> frozenset[str]:
    """Return the names that the description had when it was last merged."""
    return frozenset() if listed is None else frozenset((ids.SETS, *listed.split()))


def _with_kept_pairs(
    children: Sequence[etree._Element],
    old: etree._Element,
    formerly: Collection[str],
    *,
    only: Collection[str] | None = None,
) -> list[etree._Element]:
    """Return the children of a new element with what others wrote into the sets of the old one.

    Args:
        children: What the description says.
        old: The element of the live CIB.
        formerly: The names that the description had; utilization's with a prefix.
        only: If given, nothing but these names is kept.
    """
    written = {
        (child.tag, pair.get("name")) for child in children for pair in child.iterfind("nvpair")
    }
    result = list(children)
    for present in elements(old):
        if present.tag not in ("meta_attributes", "utilization"):
            continue
        prefix = "utilization." if present.tag == "utilization" else ""
        kept = [
            pair
            for pair in elements(present)
            if (present.tag, name := pair.get("name", "")) not in written
            and f"{prefix}{name}" not in formerly
            and (only is None or name in only)
        ]
        if not kept:
            continue
        key = (present.tag, present.get("id"))
        place = next(
            (at for at, each in enumerate(result) if (each.tag, each.get("id")) == key), None
        )
        if place is None:
            result.append(_new(present, kept))
        else:
            result[place] = _new(result[place], [*result[place], *kept])
    return result


def _with_members(old: etree._Element, wanted: etree._Element) -> tuple[list[etree._Element], bool]:
    """Return the children of the wanted element, with what others did to the members.

    Members that others put into a group stay behind the same members as before.

    Returns:
        The children, and whether one of the members is not as it was.
    """
    before = {member.get("id"): member for member in _members(old)}
    children = []
    differs = False
    for child in wanted:
        member = before.get(child.get("id")) if child.tag in _MEMBERS else None
        if member is None:
            children.append(child)
        elif (merged := _merged(member, child)) is None:
            children.append(member)
        else:
            children.append(merged)
            differs = True
    position = 0
    for member in before.values():
        identities = [child.get("id") for child in children]
        if member.get("id") in identities:
            position = identities.index(member.get("id")) + 1
        elif old.tag == "group" and mark(old) and not mark(member):
            children.insert(position, member)
            position += 1
    return children, differs


def _members(element: etree._Element) -> list[etree._Element]:
    return [child for child in elements(element) if child.tag in _MEMBERS]
