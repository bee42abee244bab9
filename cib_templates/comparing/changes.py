"""Which objects of two CIBs differ, by their IDs."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.record import is_record

Shape = tuple[str, list[tuple[str, str]], list["Shape"]]
# Elements whose order has a meaning: a group starts in it, a set is colocated in it.
_ORDERED = frozenset(("primitive", "resource_set", "resource_ref", "acl_permission"))
# The sections whose elements `changed_ids` names.
_SECTIONS = (
    *("crm_config/cluster_property_set", "nodes", "resources", "constraints", "fencing-topology"),
    *("acls", "tags", "alerts", "op_defaults", "rsc_defaults"),
)


@dataclass(frozen=True)
class ChangedIds:
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


def changed_ids(old: etree._Element, new: etree._Element) -> ChangedIds:
    """Compare two CIBs, but for what Pacemaker itself writes."""
    before, after = entities(old), entities(new)
    both = [identity for identity in after if identity in before]
    return ChangedIds(
        created=tuple(identity for identity in after if identity not in before),
        changed=tuple(identity for identity in both if not same(before[identity], after[identity])),
        removed=tuple(identity for identity in before if identity not in after),
    )


def entities(cib: etree._Element) -> dict[str, etree._Element]:
    """Return the elements of a CIB that `changed_ids` compares, by their IDs."""
    return {
        element.get("id", ""): element
        for section in _SECTIONS
        for parent in cib.iterfind(f"configuration/{section}")
        for element in elements(parent)
        if not is_record(element)
    }


def elements(parent: etree._Element) -> list[etree._Element]:
    """Return the children that are elements, not comments."""
    return [child for child in parent if isinstance(child.tag, str)]


def same(one: etree._Element, other: etree._Element) -> bool:
    """Return whether two elements mean the same."""
    # Nearly always they are also written the same, and that is seen in a third of the time.
    return written_the_same(one, other) or _shape(one) == _shape(other)


def written_the_same(one: etree._Element, other: etree._Element) -> bool:
    """Return whether two elements have the same text, but for blanks."""
    return (
        len(one) == len(other)
        and one.tag == other.tag
        and one.attrib == other.attrib
        and all(map(written_the_same, one, other))
    )


def _shape(element: etree._Element) -> Shape:
    """Return what an element means: most children have no order."""
    children = [_shape(child) for child in elements(element)]
    children.sort(key=lambda child: (child[0],) if child[0] in _ORDERED else child)
    return str(element.tag), sorted(element.items()), children
