"""What of a live CIB is not in the description that was imported from it.

Whatever a description does not say stays as it is. The whole CIB that would result is compared with
the live one all the same, object by object and attribute by attribute: what would be another value
after all is told as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.nvset import is_true
from cib_templates.cib.ownership import came_with
from cib_templates.cib.record import is_record
from cib_templates.cib.secrecy.masking import MASK
from cib_templates.comparing.attributes import RESOURCES, Secret, attributes_of
from cib_templates.comparing.diff import ObjectDiff
from cib_templates.comparing.marks import beyond_marks, without_marks
from cib_templates.deriving.parts import whole_seconds
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from cib_templates.rendering.nodes import node_sets
from cib_templates.rendering.properties import PROPERTIES, REFUSED, properties
from cib_templates.rendering.render import sections

_STAYS = "not in the description; it stays as it is"
_NOT_COPIED = "a secret is not copied; it stays as it is, better in a file that the agent reads"
# What Pacemaker writes into a CIB by itself.
_PACEMAKERS = frozenset(name for name, why in REFUSED.items() if why.startswith("Pacemaker "))
# What the description says in another place.
_SAID_ELSEWHERE = _PACEMAKERS | {"cluster-name"}
_OF_EVERY_NODE = frozenset(("uname", "type"))
_LISTS = frozenset(("nodes", "plugs"))


@dataclass(frozen=True)
class Undescribed:
    """Something in a CIB that is not in its description, or becomes something else by it.

    Attributes:
        what: Its kind and ID.
        why: What becomes of it.
    """

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


def undescribed(cib: etree._Element, description: Description) -> list[Undescribed]:
    """Return what of a CIB a description leaves out or changes.

    Args:
        cib: The CIB that was imported.
        description: The description that it was imported to.
    """
    merged = merge(cib, description, adopt=True)
    bare = without_marks(cib)
    changed = beyond_marks(cib, merged).differences
    becomes = {(each.name, inner.name) for each in changed for inner in each.attributes}
    stay = [
        Undescribed(what, _STAYS) for what in _others(bare, _all_described(merged, description))
    ]
    found = [
        *stay,
        *_properties(bare, description),
        *_nodes(bare, description),
        *_locations(bare, merged, description),
        *_attributes(bare, _described(description), becomes),
        *(line for each in changed for line in _changed(each)),
    ]
    return list(dict.fromkeys(found))


def not_managed(cib: etree._Element, description: Description) -> list[str]:
    """Return what of a CIB is not the description's, by kind and ID."""
    return list(_others(cib, _all_described(cib, description)))


def _all_described(marked: etree._Element, description: Description) -> set[str]:
    """Return the IDs of what a description says, also of what it says in other words."""
    came: set[str] = set()
    for resource in marked.iterfind("configuration/resources//*"):
        came |= came_with(resource) or frozenset()
    return came | set(_described(description))


def _others(cib: etree._Element, described: Set[str]) -> Iterator[str]:
    """Yield the kind and ID of each object that is not described."""
    for element in cib.iterfind("configuration/*/*"):
        section = element.getparent()
        is_said_elsewhere = section is not None and section.tag in ("crm_config", "nodes")
        # An empty set of defaults, which every new cluster has, is not worth a word.
        is_empty = len(element) + len(element.attrib) <= 1
        if (
            isinstance(element.tag, str)
            and element.get("id") not in described
            and not is_empty
            and not is_record(element)
            and not is_said_elsewhere
        ):
            yield f"{element.tag!s} {element.get('id')}"


def _described(description: Description) -> dict[str, etree._Element]:
    """Return what a description makes of its own, by the IDs."""
    return {
        element.get("id", ""): element
        for elements in sections(description, services=True).values()
        for whole in elements
        for element in whole.iter(etree.Element)
    }


def _properties(cib: etree._Element, description: Description) -> Iterator[Undescribed]:
    """Yield the properties that the description does not say like this."""
    said = properties(description)
    for pair in cib.iterfind("configuration/crm_config/*/nvpair"):
        name, value = pair.get("name", ""), pair.get("value", "")
        if name in _SAID_ELSEWHERE or said.get(name) == value:
            continue
        why = _STAYS
        if name in PROPERTIES:
            why = f"{_STAYS}, though Takeover's is {PROPERTIES[name]}"
        yield Undescribed(f"property {name} {value}", why)
    for rule in cib.iterfind("configuration/crm_config/*/rule"):
        yield Undescribed(f"rule {rule.get('id')}", _STAYS)


def _nodes(cib: etree._Element, description: Description) -> Iterator[Undescribed]:
    """Yield the attributes of nodes, and what nodes have, that the description does not say."""
    for element in cib.iterfind("configuration/nodes/node"):
        node = description.nodes.get(element.get("uname", ""))
        said = etree.Element("node")
        said.extend([] if node is None else node_sets(node, element.get("id", "")))
        name = element.get("uname") or element.get("id")
        known = _pairs(said)
        for key, value in _pairs(element).items():
            if known.get(key) != value:
                yield Undescribed(f"node {name}, {key} {_shown(value)}", _STAYS)


def _pairs(node: etree._Element) -> dict[str, str]:
    """Return a node's attributes and utilization, without the IDs of the sets."""
    found: dict[str, str] = {}
    for name, value in attributes_of(node).items():
        kind, _, rest = name.partition(" ")
        if name not in _OF_EVERY_NODE:
            key = rest.partition(" ")[2] or rest or kind
            found[f"utilization {key}" if kind == "utilization" else key] = value
    return found


def _locations(
    cib: etree._Element, merged: etree._Element, description: Description
) -> Iterator[Undescribed]:
    """Yield the location constraints that came with a service, and whose score it does not say."""
    scores = {
        (each.get("rsc"), each.get("node")): each.get("score", "")
        for each in sections(description, services=True)["constraints"]
        if each.tag == "rsc_location"
    }
    came: set[str] = set()
    for resource in merged.iterfind("configuration/resources/*"):
        came |= came_with(resource) or frozenset()
    summed: dict[tuple[str | None, str | None], int] = {}
    several = [
        each
        for each in cib.iterfind("configuration/constraints/rsc_location")
        if each.get("id") in came
    ]
    for each in several:
        key = each.get("rsc"), each.get("node")
        if re.fullmatch(r"[+-]?[0-9]+", each.get("score", "")):
            summed[key] = summed.get(key, 0) + int(each.get("score", ""))
    for each in several:
        key = each.get("rsc"), each.get("node")
        score, said = each.get("score", ""), scores.get(key, "")
        if said not in (score, str(summed.get(key))):
            yield Undescribed(
                f"rsc_location {each.get('id')}, score {score}",
                f"the description says {said}; it stays as it is",
            )


def _attributes(
    cib: etree._Element, described: Mapping[str, etree._Element], becomes: Set[tuple[str, str]]
) -> Iterator[Undescribed]:
    """Yield what described resources and levels have that is not said like this."""
    for element in (
        *cib.iterfind("configuration/resources//*"),
        *cib.iterfind("configuration/fencing-topology/*"),
    ):
        identity = element.get("id", "")
        is_object = element.tag in RESOURCES or element.tag == "fencing-level"
        if not is_object or identity not in described:
            continue
        said = attributes_of(described[identity])
        for name, value in attributes_of(element).items():
            if (identity, name) in becomes or _means_the_same(name, value, said.get(name)):
                continue
            if isinstance(value, Secret):
                yield Undescribed(f"{identity}, {_word(name)}", _NOT_COPIED)
            else:
                other = said.get(name)
                why = (
                    _STAYS if other is None else f"the description says {other}; it stays as it is"
                )
                yield Undescribed(f"{identity}, {name} {value}", why)


def _word(name: str) -> str:
    return name if " " in name else f"parameter {name}"


def _means_the_same(name: str, value: str, other: str | None) -> bool:
    """Return whether two ways of writing a value mean the same to Pacemaker."""
    if other is None or value == other:
        return value == other
    if isinstance(value, Secret):
        return False
    if name in _LISTS:
        return _words(value) == _words(other)
    if name == "meta migration-threshold":
        # A description writes "never" as 0.
        return {value, other} == {"INFINITY", "0"}
    if name.startswith("meta ") and {value.lower(), other.lower()} & {"true", "false"}:
        return is_true(value) == is_true(other)
    is_time = name in ("timeout", "timeout of off", "monitor") or name.endswith(
        (" timeout", "failure-timeout")
    )
    seconds = whole_seconds(value)
    return is_time and seconds is not None and seconds == whole_seconds(other)


def _words(text: str) -> set[str]:
    return set(re.split(r"[,;\s]+", text.replace("=", ":")))


def _changed(each: ObjectDiff) -> Iterator[Undescribed]:
    """Yield what would be another value after the description was applied."""
    if each.change == "removed":
        yield Undescribed(f"{each.what} {each.name}", "is removed")
    elif each.change == "created":
        yield Undescribed(f"{each.what} {each.name}", "is new")
    for attribute in each.attributes if each.change == "changed" else ():
        old = "the default" if attribute.old is None else attribute.old
        new = "the default" if attribute.new is None else attribute.new
        yield Undescribed(f"{each.name}, {attribute.name} {old}", f"becomes {new}")


def _shown(value: str) -> str:
    return MASK if isinstance(value, Secret) else value
