"""What others made in a live CIB, and would be harmed by a merge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from cib_templates.cib.ownership import mark
from cib_templates.errors import OwnershipError

# The attributes by which constraints and permissions name resources.
_REFERENCES = ("rsc", "with-rsc", "first", "then", "reference")
# The elements whose `id` is a reference.
_REFERENCE_TAGS = ("resource_ref", "obj_ref", "role")


def refuse_foreign_members(group: etree._Element) -> None:
    """Refuse to remove a group with members that are not Takeover's.

    Raises:
        OwnershipError: It has such members.
    """
    if group.tag != "group" or not mark(group):
        return
    foreign = [str(member.get("id")) for member in group.iterfind("primitive") if not mark(member)]
    if foreign:
        raise OwnershipError(
            f"{group.get('id')} shall be removed, but its group has members that are not "
            f"Takeover's: {', '.join(foreign)}. Take them out first: pcs resource group remove "
            f"{group.get('id')} {' '.join(foreign)}"
        )


def _own(element: etree._Element) -> Iterator[etree._Element]:
    """Yield an element of ours and everything in it, but the members that others added."""
    foreign = {
        inner
        for group in element.iter("group")
        # All of a fragment's is the description's.
        if mark(group)
        for member in group.iterfind("primitive")
        if not mark(member)
        for inner in member.iter(etree.Element)
    }
    return (inner for inner in element.iter(etree.Element) if inner not in foreign)


def ids_of(elements: Iterable[etree._Element]) -> set[str]:
    """Return the IDs of elements of ours and of what is in them."""
    return {
        identity
        for element in elements
        for inner in _own(element)
        if (identity := inner.get("id")) and inner.tag not in _REFERENCE_TAGS
    }


def refuse_taken_ids(configuration: etree._Element, *, ours: set[str], wanted: set[str]) -> None:
    """Refuse to add an element whose ID something of others' has.

    Args:
        configuration: The live configuration.
        ours: The IDs of what of it is Takeover's.
        wanted: The IDs of what it shall have.

    Raises:
        OwnershipError: Such an ID is taken.
    """
    # A node's ID is a number of its own kind, not an XML ID.
    elsewhere = ("node", *_REFERENCE_TAGS)
    new = wanted - ours
    if not new:
        return
    taken = sorted(
        identity
        for element in configuration.iter(etree.Element)
        if (identity := element.get("id")) in new and element.tag not in elsewhere
    )
    if taken:
        raise OwnershipError(
            f"the cluster already has {', '.join(map(str, taken))}, which Takeover did not make. "
            "Rename it in the description, take it over as it is (--adopt), or remove it from the "
            "cluster with pcs"
        )


def refuse_dangling(configuration: etree._Element, *, removed: set[str]) -> None:
    """Refuse to remove what something of others' refers to.

    Args:
        configuration: The configuration after the removal.
        removed: The IDs that were removed.

    Raises:
        OwnershipError: Something refers to one of them.
    """
    if not removed:
        return
    for element in configuration.iter(etree.Element):
        named = {element.get(name) for name in _REFERENCES}
        if element.tag in _REFERENCE_TAGS:
            named.add(element.get("id"))
        if element.tag == "fencing-level":
            named.update((element.get("devices") or "").split(","))
        dangling = sorted(str(name) for name in named & removed)
        if dangling:
            tag, identity = _referrer(element)
            raise OwnershipError(
                f"{', '.join(dangling)} shall be removed, but {tag} {identity!r}, "
                "which is not Takeover's, refers to it. Remove that with pcs first"
            )


def _referrer(element: etree._Element) -> tuple[str, str]:
    """Return the constraint, tag or other named element that holds a reference."""
    named = element
    while named.tag in (*_REFERENCE_TAGS, "resource_set"):
        parent = named.getparent()
        if parent is None:
            break
        named = parent
    return str(named.tag), named.get("id", "")
