"""Orders that contradict the order in which a group starts: Pacemaker then does neither.

Its scheduler finds no order for the group's actions ("An invalid transition was produced"), and the
whole cluster starts, stops and moves nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from lxml import etree

from cib_templates.cib.numbers import whole_number

_START = "start"
_OPTIONAL = "Optional"


@dataclass(frozen=True)
class Contradiction:
    """An order of two parts of a group that is not the group's.

    Attributes:
        constraint: The constraint's ID.
        group: The group's ID.
        first: The part that the constraint starts first.
        then: The part that it starts afterwards, and the group before.
    """

    constraint: str
    group: str
    first: str
    then: str


def contradictions(cib: etree._Element) -> Iterator[Contradiction]:
    """Yield the orders that contradict a group's.

    Args:
        cib: A whole CIB.
    """
    places = {
        member.get("id", ""): (group.get("id", ""), place)
        for group in cib.iterfind("configuration/resources//group")
        if group.get("ordered", "true") != "false"
        for place, member in enumerate(group.iterfind("primitive"))
    }
    for constraint in cib.iterfind("configuration/constraints/rsc_order"):
        if _is_optional(constraint):
            continue
        for first, then in _pairs(constraint):
            group, place = places.get(first, ("", 0))
            other, later = places.get(then, ("", 0))
            if group and group == other and place > later:
                yield Contradiction(constraint.get("id", ""), group, first, then)
                break


def _is_optional(constraint: etree._Element) -> bool:
    """Return whether an order counts only where both happen by chance at once."""
    kind = constraint.get("kind")
    if kind is not None:
        return kind == _OPTIONAL
    score = constraint.get("score")
    return score is not None and whole_number(score) == 0


def _pairs(constraint: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield what starts before what, where both are started."""
    if constraint.get("first"):
        actions = (constraint.get("first-action") or _START, constraint.get("then-action"))
        if actions[0] == _START and actions[1] in (None, _START):
            yield constraint.get("first", ""), constraint.get("then", "")
        return
    sets = [
        (each.get("sequential", "true") != "false", [ref.get("id", "") for ref in each])
        for each in constraint.iterfind("resource_set")
        if each.get("action", _START) == _START
    ]
    for is_sequential, members in sets:
        if is_sequential:
            yield from pairwise(members)
    for (_, before), (_, after) in pairwise(sets):
        yield from ((first, then) for first in before for then in after)
