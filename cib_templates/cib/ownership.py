"""What in a live CIB is Takeover's.

- the resources that carry its mark (`ids.MARK`), with their agent, parameters and operations, and
  of their meta attributes and utilization what it writes: `target-role`, which
  `pcs resource disable` sets, stays as it is unless the description says `enabled`;
- the constraints of these resources, and fencing levels, whose IDs have its forms;
- of the cluster's properties and the nodes' attributes those that it writes;
- what the tag `ids.FRAGMENTS` refers to.

What others made and a description took over (`ids.ADOPTED`) is Takeover's, too, and remains as it
was, but for what the description says otherwise than import would.

What was written only because the description said so is listed beside it (`ids.SETS`): when the
description no longer does, it goes.
"""

from __future__ import annotations

from collections.abc import Collection

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.nvset import value_of


def mark(element: etree._Element) -> str:
    """Return a resource's mark, the path of a table of a description; empty if it has none."""
    return value_of(element, "meta_attributes", ids.MARK) or ""


def came_with(element: etree._Element) -> frozenset[str] | None:
    """Return the IDs of what was taken over with a resource; None if Takeover has made it."""
    listed = value_of(element, "meta_attributes", ids.ADOPTED)
    return None if listed is None else frozenset(listed.split())


def is_our_constraint(element: etree._Element, resources: Collection[str]) -> bool:
    """Return whether a constraint is Takeover's.

    Args:
        element: A constraint.
        resources: The IDs of Takeover's resources.
    """
    identity = element.get("id", "")
    if identity in _PATTERN_IDS:
        # One to which others added a resource of theirs is no longer only Takeover's.
        members = [member.get("id") for member in element.iterfind("resource_set/resource_ref")]
        return all(member in resources for member in members)
    attribute, forms = ids.CONSTRAINTS.get(str(element.tag), ("", ()))
    resource = element.get(attribute, "") if attribute else ""
    return resource in resources and identity.startswith(
        tuple(f"{resource}{form}" for form in forms)
    )


def is_our_level(element: etree._Element) -> bool:
    """Return whether a fencing level is Takeover's."""
    target, index = element.get("target", ""), element.get("index", "")
    return element.get("id") == ids.level_id(target, index)


def is_ours(section: str, element: etree._Element, resources: Collection[str]) -> bool:
    """Return whether an element of a section of the CIB is Takeover's.

    Args:
        section: The section's name.
        element: One of its children.
        resources: The IDs of Takeover's resources.
    """
    match section:
        case "resources":
            return element.get("id") in resources
        case "constraints":
            return is_our_constraint(element, resources)
        case "fencing-topology":
            return is_our_level(element)
        case "tags":
            return element.get("id") == ids.FRAGMENTS
        case _:
            return False


def from_fragments(configuration: etree._Element) -> set[str]:
    """Return the IDs of what comes from fragments in a live CIB."""
    references = configuration.iterfind(f"tags/tag[@id='{ids.FRAGMENTS}']/obj_ref")
    return {reference.get("id", "") for reference in references}


_PATTERN_IDS = frozenset(map(ids.pattern_id, ids.PATTERNS_APART))
