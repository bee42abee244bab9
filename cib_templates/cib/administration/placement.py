"""What an administrator says of where a resource runs: pinned to a node, banned from one, or moved.

The constraints have the IDs and the form that crm_resource(8) gives them, so that `pcs resource
clear` takes them out, too. That of a move ends by itself at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from lxml import etree

_PREFER = "cli-prefer-"
_BAN = "cli-ban-"
_ALWAYS = ("INFINITY", "+INFINITY")
_NEVER = "-INFINITY"


@dataclass(frozen=True)
class Placement:
    """Where a resource runs, or does not, because an administrator said so.

    Attributes:
        id: The constraint's ID.
        resource: The resource's ID.
        node: The node's name.
        kind: Whether the resource prefers the node to all others, or may not run there.
        ends: When that ends by itself; None if it does not.
    """

    id: str
    resource: str
    node: str
    kind: Literal["pin", "ban"]
    ends: datetime | None = None

    def has_ended(self, now: datetime) -> bool:
        """Return whether it has no effect any more."""
        return self.ends is not None and self.ends <= now


def placements(cib: etree._Element, resource: str | None = None) -> Iterator[Placement]:
    """Yield what administrators said of where resources run.

    Args:
        cib: A whole CIB.
        resource: The ID of the only resource that is asked about; None for all.
    """
    for constraint in cib.iterfind("configuration/constraints/rsc_location"):
        name = constraint.get("rsc", "")
        if resource is None or name == resource:
            found = _placement(constraint, name)
            if found is not None:
                yield found


def with_pin(
    cib: etree._Element, resource: str, node: str, ends: datetime | None = None
) -> etree._Element:
    """Return a copy of a CIB in which a resource prefers a node to all others.

    Args:
        cib: A whole CIB; it is not modified.
        resource: The resource's ID.
        node: The node's name.
        ends: When that ends by itself; None if it does not.
    """
    place: dict[str, str] = {} if ends else {"node": node, "score": "INFINITY"}
    pin = _location(f"{_PREFER}{resource}", resource, place)
    if ends:
        rule = etree.SubElement(
            pin,
            "rule",
            {"id": f"{_PREFER}rule-{resource}", "score": "INFINITY", "boolean-op": "and"},
        )
        etree.SubElement(
            rule,
            "expression",
            {
                "id": f"{_PREFER}expr-{resource}",
                "attribute": "#uname",
                "operation": "eq",
                "value": node,
                "type": "string",
            },
        )
        etree.SubElement(rule, "date_expression", end_of(f"{_PREFER}lifetime-end-{resource}", ends))
    return _with(cib, pin)


def with_ban(cib: etree._Element, resource: str, node: str) -> etree._Element:
    """Return a copy of a CIB in which a resource may not run on a node.

    Args:
        cib: A whole CIB; it is not modified.
        resource: The resource's ID.
        node: The node's name.
    """
    place = {"node": node, "score": _NEVER}
    return _with(cib, _location(f"{_BAN}{resource}-on-{node}", resource, place))


def without(cib: etree._Element, *placed: Placement) -> etree._Element:
    """Return a copy of a CIB without some of what administrators said.

    Args:
        cib: A whole CIB; it is not modified.
        placed: What shall go.
    """
    new = copy.deepcopy(cib)
    gone = {each.id for each in placed}
    for section in new.iterfind("configuration/constraints"):
        for constraint in list(section):
            if constraint.get("id") in gone:
                section.remove(constraint)
    return new


def end_of(identity: str, ends: datetime) -> dict[str, str]:
    """Return the attributes of a date expression that holds until a time."""
    written = ends.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return {"id": identity, "operation": "lt", "end": written}


def read_end(rule: etree._Element) -> datetime | None:
    """Return until when a rule holds; None if it does not say, or not as it is written here."""
    for expression in rule.iterfind("date_expression[@operation='lt']"):
        try:
            found = datetime.fromisoformat(expression.get("end", "").replace(" +", "+"))
        except ValueError:
            continue
        return (found if found.tzinfo else found.astimezone()).astimezone(UTC)
    return None


def _placement(constraint: etree._Element, resource: str) -> Placement | None:
    identity = constraint.get("id", "")
    rule = constraint.find("rule")
    if rule is None:
        node, score, ends = constraint.get("node", ""), constraint.get("score", ""), None
    else:
        names = rule.iterfind("expression[@attribute='#uname'][@operation='eq']")
        node = next((name.get("value", "") for name in names), "")
        score, ends = rule.get("score", ""), read_end(rule)
    if identity == f"{_PREFER}{resource}" and score in _ALWAYS and node:
        return Placement(identity, resource, node, "pin", ends)
    if identity.startswith(f"{_BAN}{resource}-on-") and score == _NEVER and node:
        return Placement(identity, resource, node, "ban", ends)
    return None


def _location(identity: str, resource: str, place: dict[str, str]) -> etree._Element:
    return etree.Element(
        "rsc_location", {"id": identity, "rsc": resource, "role": "Started"} | place
    )


def _with(cib: etree._Element, constraint: etree._Element) -> etree._Element:
    new = copy.deepcopy(cib)
    for configuration in new.iterfind("configuration"):
        section = configuration.find("constraints")
        if section is None:
            section = etree.SubElement(configuration, "constraints")
        for present in list(section):
            if present.get("id") == constraint.get("id"):
                section.remove(present)
        section.append(constraint)
    return new
