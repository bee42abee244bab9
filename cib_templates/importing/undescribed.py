"""What of a live CIB is not in the description that was imported from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.ids import PROPERTIES_ID
from cib_templates.cib.masking import MASK
from cib_templates.cib.nvset import pairs_of
from cib_templates.cib.ownership import mark
from cib_templates.cib.record import is_record
from cib_templates.cib.secrets import is_secret
from cib_templates.comparing.changes import changed_ids
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from cib_templates.rendering.fragments import SECTIONS
from cib_templates.rendering.render import sections

_STAYS = "not in the description; it stays as it is"


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
    described = _described(description)
    identities = set(described)
    stay = [Undescribed(what, _STAYS) for what in _others(cib, identities)]
    return [
        *stay,
        *_changed_operations(cib, merged, identities),
        *_other_meta(cib, merged, described),
        *_secrets(cib, identities),
    ]


def not_managed(cib: etree._Element, description: Description) -> list[str]:
    """Return what of a CIB is not the description's, by kind and ID."""
    return list(_others(cib, set(_described(description))))


def _others(cib: etree._Element, described: Set[str]) -> Iterator[str]:
    """Yield the kind and ID of each object that is not described."""
    for section in SECTIONS:
        for element in cib.iterfind(f"configuration/{section}/*"):
            # An empty set of defaults, which every new cluster has, is not worth a word.
            is_empty = len(element) + len(element.attrib) <= 1
            if element.get("id") not in described and not is_empty and not is_record(element):
                yield f"{element.tag!s} {element.get('id')}"


def _described(description: Description) -> dict[str, etree._Element]:
    """Return what a description makes of its own, by the IDs."""
    return {
        element.get("id", ""): element
        for elements in sections(description, services=True).values()
        for whole in elements
        for element in whole.iter(etree.Element)
    }


def _changed_operations(
    cib: etree._Element, merged: etree._Element, described: Set[str]
) -> Iterator[Undescribed]:
    """Yield the actions of resources that would not be as they are now."""
    for identity in changed_ids(cib, merged).changed:
        if identity == PROPERTIES_ID:
            continue
        old, new = _operations(cib, identity), _operations(merged, identity)
        for name, was in old.items():
            now = new.get(name)
            if now != was and name.split()[0] in described:
                becomes = "not in the description" if now is None else f"becomes {now}"
                yield Undescribed(f"{name}, {was}", becomes)


def _other_meta(
    cib: etree._Element, merged: etree._Element, described: Mapping[str, etree._Element]
) -> Iterator[Undescribed]:
    """Yield the meta attributes of others' resources that a description does not have like this."""
    for resource in cib.iterfind("configuration/resources//primitive"):
        identity = resource.get("id", "")
        if identity not in described or mark(resource):
            continue
        wanted = _meta(described[identity])
        [found] = merged.xpath("configuration/resources//primitive[@id=$id]", id=identity)
        becomes = _meta(found)
        for name, value in _meta(resource).items():
            if wanted.get(name) == value:
                continue
            shown = MASK if is_secret(name, value) else value
            what = f"{identity}, meta attribute {name} {shown}"
            if becomes.get(name) == value:
                yield Undescribed(what, _STAYS)
            else:
                yield Undescribed(what, f"becomes {becomes.get(name, 'the default')}")


def _meta(resource: etree._Element) -> dict[str, str]:
    """Return a resource's meta attributes, with those that it has from what it is in."""
    found: dict[str, str] = {}
    for element in (*reversed(list(resource.iterancestors())), resource):
        found |= pairs_of(element, "meta_attributes")
    return found


def _secrets(cib: etree._Element, described: Set[str]) -> Iterator[Undescribed]:
    for resource in cib.iterfind("configuration/resources//primitive"):
        for name, value in pairs_of(resource, "instance_attributes").items():
            if resource.get("id") in described and is_secret(name, value):
                what = f"{resource.get('id')}, parameter {name}"
                yield Undescribed(
                    what, "a secret is not copied: keep it in a file that the agent reads"
                )


def _operations(cib: etree._Element, identity: str) -> dict[str, str]:
    """Return the times of a resource's actions, and of those of its members."""
    found = {}
    for resource in cib.iterfind("configuration/resources//primitive"):
        if identity in [element.get("id") for element in (resource, *resource.iterancestors())]:
            for op in resource.iterfind("operations/op"):
                words = [resource.get("id"), op.get("name"), op.get("role")]
                name = " ".join(str(word) for word in words if word)
                timeout = op.get("timeout") or "the default"
                found[name] = f"interval {op.get('interval') or '0'} timeout {timeout}"
    return found
