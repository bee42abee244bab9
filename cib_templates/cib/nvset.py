"""Sets of name/value pairs in a CIB, with the IDs that pcs gives them."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree


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


def pairs_of(element: etree._Element, tag: str) -> dict[str, str]:
    """Return all pairs of an element's sets of one kind.

    Args:
        element: A resource or a node.
        tag: The sets' element name, such as `instance_attributes`.
    """
    return {
        pair.get("name", ""): pair.get("value", "") for pair in element.iterfind(f"{tag}/nvpair")
    }


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
