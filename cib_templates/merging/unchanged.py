"""What was taken over remains as it is, but for what a description says otherwise.

What others made has more than a description can say: actions of other times, several monitors,
rules. So the description is not compared with that itself, but with what `deriving` makes of it. If
both say the same, the live element stays as it is; if not, only what they say differently changes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from lxml import etree

from cib_templates.cib.nvset import pairs_of, set_pair
from cib_templates.cib.ownership import came_with, is_our_constraint, is_our_level, mark
from cib_templates.comparing.changes import elements, same
from cib_templates.deriving.fencing import devices_of, fencing, fencing_levels, levels_of
from cib_templates.deriving.parts import operation
from cib_templates.deriving.services import locations_of, services
from cib_templates.errors import OwnershipError
from cib_templates.model.cluster import Fencing
from cib_templates.model.description import Description
from cib_templates.model.services import Service
from cib_templates.rendering.render import sections

_SETS = ("instance_attributes", "meta_attributes", "utilization")
_WHAT_IT_IS = ("class", "provider", "type")
_TIMES = ("interval", "timeout")
_LEVELS = "configuration/fencing-topology/fencing-level"

Sections = dict[str, list[etree._Element]]


def with_what_was_adopted(
    cib: etree._Element, description: Description, wanted: Sections
) -> tuple[Sections, set[str]]:
    """Return what each section shall have, with what was taken over as it shall be.

    Args:
        cib: The live CIB, in which all that was taken over has its marks.
        description: What the cluster shall be.
        wanted: What the description makes of each section.

    Returns:
        The sections, and the IDs of others' constraints and levels that came with what was taken
        over, and that the description has replaced.

    Raises:
        OwnershipError: What was taken over has become something that no description says.
    """
    live = {
        element.get("id", ""): element
        for element in cib.iterfind("configuration/resources/*")
        if came_with(element) is not None or _has_adopted(element)
    }
    if not live:
        return wanted, set()
    said = sections(_described(cib, description), services=True)
    saying = {element.get("id", ""): element for element in said["resources"]}
    resources = [_resource(element, live, saying) for element in wanted["resources"]]
    nodes = list(description.nodes)
    constraints, replaced = _constraints(
        cib, live, nodes, said["constraints"], wanted["constraints"]
    )
    levels, replaced_levels = _levels(
        cib, nodes, said["fencing-topology"], wanted["fencing-topology"]
    )
    result = wanted | {
        "resources": resources,
        "constraints": constraints,
        "fencing-topology": levels,
    }
    return result, replaced | replaced_levels


def _has_adopted(element: etree._Element) -> bool:
    return any(came_with(member) is not None for member in element.iterfind("primitive"))


def _described(cib: etree._Element, description: Description) -> Description:
    """Return what the description would be if it were made from what is Takeover's now."""
    nodes = list(description.nodes)
    marked = {
        element.get("id") for element in cib.iterfind("configuration/resources/*") if mark(element)
    }
    devices = {key: each for key, each in fencing(cib, nodes).items() if key in marked}
    levels = {name: fencing_levels(cib, name, devices) for name in nodes}
    return description.model_copy(
        update={
            "nodes": {
                name: node.model_copy(update={"fencing_levels": levels[name]})
                for name, node in description.nodes.items()
            },
            "fencing": {name: Fencing.model_validate(table) for name, table in devices.values()},
            "services": {
                name: Service.model_validate(table)
                for name, table in services(cib, nodes).items()
                if name in marked
            },
            "fragments": [],
        }
    )


def _resource(
    wanted: etree._Element,
    live: Mapping[str, etree._Element],
    said: Mapping[str, etree._Element],
) -> etree._Element:
    """Return what a resource of the description shall be.

    Args:
        wanted: What the description makes of it.
        live: What was taken over, by its ID.
        said: What the description would be if it were made from the live CIB.
    """
    identity = wanted.get("id", "")
    present = live.get(identity)
    if present is None or present.tag != wanted.tag:
        return wanted
    if identity not in said:
        raise OwnershipError(
            f"{identity} was taken over, and has been changed since into something that no "
            "description can express. Take it back with pcs, or remove it from the description"
        )
    return changed(present, said[identity], wanted)


def changed(live: etree._Element, said: etree._Element, wanted: etree._Element) -> etree._Element:
    """Return a live resource with what a description says otherwise than is said of it now.

    Args:
        live: The resource, or a member of one.
        said: What the description would make of it if it were made from the live CIB.
        wanted: What the description makes of it.
    """
    if came_with(live) is None and live.tag == "primitive":
        return wanted
    result = etree.Element(live.tag, live.attrib)
    if came_with(live) is None:
        # A group that Takeover has made, of members that it has not.
        result.extend(child for child in copy.deepcopy(wanted) if child.tag != "primitive")
    else:
        for name in _WHAT_IT_IS:
            if said.get(name) != wanted.get(name):
                result.attrib.pop(name, None)
                if wanted.get(name) is not None:
                    result.set(name, wanted.get(name, ""))
        result.extend(copy.deepcopy(child) for child in elements(live) if child.tag != "primitive")
        for tag in _SETS:
            _change_pairs(result, said, wanted, tag)
        _change_operations(result, said, wanted)
    place = next((at for at, child in enumerate(elements(live)) if child.tag == "primitive"), 0)
    result[place:place] = _members(live, said, wanted)
    return result


def _members(
    live: etree._Element, said: etree._Element, wanted: etree._Element
) -> list[etree._Element]:
    """Return the members that a group shall have."""
    before, saying = (
        {member.get("id"): member for member in group.iterfind("primitive")}
        for group in (live, said)
    )
    members = []
    for member in wanted.iterfind("primitive"):
        identity = member.get("id")
        if identity in before and identity in saying:
            members.append(changed(before[identity], saying[identity], member))
        else:
            members.append(copy.deepcopy(member))
    return members


def _change_pairs(
    result: etree._Element, said: etree._Element, wanted: etree._Element, tag: str
) -> None:
    """Change those pairs of a resource's sets of one kind that are said otherwise."""
    before, after = pairs_of(said, tag), pairs_of(wanted, tag)
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            set_pair(result, tag, name, wanted.find(f"{tag}/nvpair[@name='{name}']"))


def _change_operations(
    result: etree._Element, said: etree._Element, wanted: etree._Element
) -> None:
    """Change those times of a resource's actions that are said otherwise."""
    for new in wanted.iterfind("operations/op"):
        name = new.get("name", "")
        before, present = operation(said, name), operation(result, name)
        if before is not None and same(before, new):
            continue
        if present is not None:
            for attribute in _TIMES:
                if before is None or before.get(attribute) != new.get(attribute):
                    present.set(attribute, new.get(attribute, ""))
            continue
        operations = result.find("operations")
        if operations is None or operations.get("id-ref") is not None:
            if operations is not None:
                result.remove(operations)
            operations = etree.SubElement(result, "operations")
        operations.append(copy.deepcopy(new))


def _constraints(
    cib: etree._Element,
    live: Mapping[str, etree._Element],
    nodes: list[str],
    said: Sequence[etree._Element],
    wanted: Sequence[etree._Element],
) -> tuple[list[etree._Element], set[str]]:
    """Return the constraints that there shall be, and the IDs of those that are replaced."""
    saying = {each.get("id"): each for each in said}
    by_id = {each.get("id"): each for each in wanted}
    result = [each for each in wanted if not _is_location_of(each, live)]
    replaced: set[str] = set()
    for name, element in live.items():
        before = _locations(said, name)
        after = _locations(wanted, name)
        if came_with(element) is not None and _all_same(before, after):
            continue
        result.extend(after)
        own = {each.get("id") for each in after}
        came = {each.get("id", "") for each in locations_of(cib, element, nodes)}
        replaced |= came - own
    kept = []
    for constraint in cib.iterfind("configuration/constraints/*"):
        name = constraint.get("id", "")
        if not is_our_constraint(constraint, live) or name in replaced:
            continue
        is_location = _is_location_of(constraint, live)
        written = {each.get("id") for each in result}
        is_said = name in saying or name in by_id
        if name not in written and (is_location or not is_said):
            # By its ID it could be Takeover's, but no description has ever had it.
            kept.append(constraint)
    return [*result, *kept], replaced


def _is_location_of(constraint: etree._Element, live: Mapping[str, etree._Element]) -> bool:
    return constraint.tag == "rsc_location" and constraint.get("rsc") in live


def _locations(constraints: Sequence[etree._Element], name: str) -> list[etree._Element]:
    return [each for each in constraints if each.tag == "rsc_location" and each.get("rsc") == name]


def _levels(
    cib: etree._Element,
    nodes: list[str],
    said: Sequence[etree._Element],
    wanted: Sequence[etree._Element],
) -> tuple[list[etree._Element], set[str]]:
    """Return the fencing levels that there shall be, and the IDs of those that are replaced."""
    adopted = {
        device.get("id", "")
        for device in cib.iterfind("configuration/resources/primitive[@class='stonith']")
        if came_with(device) is not None
    }
    result: list[etree._Element] = []
    replaced: set[str] = set()
    for node in nodes:
        before, after = (
            [level for level in levels if level.get("target") == node] for levels in (said, wanted)
        )
        devices = [name for level in before for name in devices_of(level)]
        if not adopted.intersection(devices) or not _all_same(before, after):
            result.extend(after)
            if adopted.intersection(devices):
                replaced |= {level.get("id", "") for level in levels_of(cib, node, devices)}
        else:
            live = cib.iterfind(f"{_LEVELS}[@target='{node}']")
            result.extend(level for level in live if is_our_level(level))
    return result, replaced - {level.get("id", "") for level in result}


def _all_same(before: Sequence[etree._Element], after: Sequence[etree._Element]) -> bool:
    return len(before) == len(after) and all(map(same, before, after))
