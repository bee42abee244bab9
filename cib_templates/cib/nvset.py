"""Sets of name/value pairs in a CIB, with the IDs that pcs gives them."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

from lxml import etree

from cib_templates.cib.ids import PROPERTIES_ID


def nvset(tag: str, identity: str, values: Mapping[str, str]) -> etree._Element:
    """Return a set such as `instance_attributes`.

    Args:
        tag: The set's element name.
        identity: Its ID; each pair's ID is this, a hyphen and the pair's name.
        values: The pairs, in the order in which they are written.
    """
    element = etree.Element(tag, id=identity)
    for name, value in values.items():
        etree.SubElement(element, "nvpair", id=f"{identity}-{name}", name=name, value=value)
    return element


def is_true(value: str) -> bool:
    """Return whether Pacemaker takes a value for true (crm_is_true)."""
    return value.lower() in ("true", "yes", "on", "y", "1")


def plain_sets(element: etree._Element, tag: str) -> list[etree._Element]:
    """Return an element's own sets of one kind that hold in any case, the strongest first.

    A set with a rule holds for some nodes or for some time only, and one that refers to another
    (`id-ref`) is that other one.

    Args:
        element: A resource or a node.
        tag: The sets' element name, such as `instance_attributes`.
    """
    found = [
        each
        for each in element.iterfind(tag)
        if each.get("id-ref") is None and each.find("rule") is None
    ]
    # Of two sets with the same name, that with the higher score wins, else the first.
    return sorted(found, key=lambda each: -(_score(each.get("score")) or 0))


def _score(text: str | None) -> float | None:
    if text is None:
        return None
    infinity = {"INFINITY": math.inf, "+INFINITY": math.inf, "-INFINITY": -math.inf}
    try:
        return infinity[text] if text in infinity else int(text)
    except ValueError:
        return None


def pairs_of(element: etree._Element, tag: str) -> dict[str, str]:
    """Return the pairs of an element's sets of one kind that hold in any case.

    Args:
        element: A resource or a node.
        tag: The sets' element name, such as `instance_attributes`.
    """
    found: dict[str, str] = {}
    for each in plain_sets(element, tag):
        for pair in each.iterfind("nvpair"):
            name, value = pair.get("name"), pair.get("value")
            if name is not None and value is not None:
                found.setdefault(name, value)
    return found


def value_of(element: etree._Element, tag: str, name: str) -> str | None:
    """Return the value that a resource's sets of one kind have for a name.

    Args:
        element: A resource.
        tag: The sets' element name, such as `meta_attributes`.
        name: The pair's name.
    """
    for pair in element.iterfind(f"{tag}/nvpair"):
        if pair.get("name") == name:
            return pair.get("value")
    return None


def property_of(crm_config: etree._Element, name: str) -> str | None:
    """Return the value of a cluster property that is in effect; None if it is not set.

    Args:
        crm_config: The section of the cluster's properties.
        name: The property's name.
    """
    sets = crm_config.iterfind("cluster_property_set")
    # Pacemaker's own set wins over others.
    for found in sorted(sets, key=lambda each: each.get("id") != PROPERTIES_ID):
        if found.find("rule") is None:
            for pair in found.iterfind("nvpair"):
                if pair.get("name") == name:
                    return pair.get("value")
    return None


def set_pair(element: etree._Element, tag: str, name: str, wanted: etree._Element | None) -> None:
    """Give an element another value, where it has that value now, or take the value away.

    Args:
        element: A resource or a node; it is changed.
        tag: The sets' element name.
        name: The pair's name.
        wanted: The pair in the set that it would be in; None if there shall be none.
    """
    sets = plain_sets(element, tag)
    present = [
        pair for each in sets for pair in each.iterfind("nvpair") if pair.get("name") == name
    ]
    if wanted is None:
        for each in sets:
            gone = [pair for pair in present if pair.getparent() is each]
            for pair in gone:
                each.remove(pair)
            if gone and len(each) == 0:
                element.remove(each)
        return
    if present:
        present[0].set("value", wanted.get("value", ""))
        return
    parent = wanted.getparent()
    identity = "" if parent is None else parent.get("id", "")
    sets.sort(key=lambda each: each.get("id") != identity)
    place = sets[0] if sets else etree.SubElement(element, tag, id=identity)
    place.append(copy.deepcopy(wanted))
