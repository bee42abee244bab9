"""Taking over what others made hurts nothing: it adds marks, and the cluster does not act."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from cib_templates.cib.ownership import came_with
from cib_templates.comparing.diff import ObjectDiff
from cib_templates.comparing.marks import beyond_marks
from cib_templates.findings import Finding, error
from pcs_wrapper.pacemaker.simulation import Action

ADOPTION_CHANGES = error(
    "adoption-changes",
    "Resources of others would be taken over, and the same apply would change something, too.",
)
ADOPTION_ACTS = error(
    "adoption-acts",
    "Taking over resources of others would make the cluster start, stop, move or fence something.",
)

# How many objects are named; of more, the number is told.
_MANY = 10
_WITH_CHANGES = (
    "Take it over as `takeover import` describes it, and apply your changes afterwards. To do both "
    "at once, look at `takeover plan --adopt-with-changes`, and apply it with the same option"
)
_VERBS = {
    "start": "starts",
    "stop": "stops",
    "restart": "restarts",
    "reload": "reloads",
    "move": "moves",
    "fence": "is fenced",
}


def taken_over(old: etree._Element, new: etree._Element) -> tuple[str, ...]:
    """Return the IDs of what others made and a change takes over.

    Args:
        old: The live CIB.
        new: The CIB after the change.
    """
    before, after = _adopted(old), _adopted(new)
    return tuple(identity for identity in after if identity not in before)


def _adopted(cib: etree._Element) -> dict[str, None]:
    resources = cib.iterfind("configuration/resources//*")
    return {each.get("id", ""): None for each in resources if came_with(each) is not None}


def obstacles(
    old: etree._Element, new: etree._Element, actions: Iterable[Action]
) -> Iterator[Finding]:
    """Find what speaks against taking something over without looking.

    Args:
        old: The live CIB.
        new: The CIB after the change.
        actions: What the scheduler would then do.
    """
    changes = [_changed(each) for each in beyond_marks(old, new).differences]
    if changes:
        yield ADOPTION_CHANGES.at(
            (),
            "to take resources over is to mark them and nothing else, but this would also change "
            f"{_few(changes)}",
            _WITH_CHANGES,
        )
    acts = [_acts(action) for action in actions if not action.anyway]
    if acts:
        yield ADOPTION_ACTS.at(
            (),
            f"Pacemaker's scheduler says that the cluster would then act: {_few(acts)}",
            _WITH_CHANGES,
        )


def _changed(each: ObjectDiff) -> str:
    if each.change != "changed":
        return f"{each.what} {each.name} ({each.change})"
    names = ", ".join(
        f"{attribute.name}: {_value(attribute.old)} → {_value(attribute.new)}"
        for attribute in each.attributes
    )
    return f"{each.what} {each.name} ({names})"


def _value(text: str | None) -> str:
    return "not set" if text is None else text


def _acts(action: Action) -> str:
    verb = _VERBS.get(action.kind, action.word)
    where = action.dest or action.source
    place = "" if where is None or action.kind == "fence" else f" on {where}"
    if action.kind == "move":
        place = f" from {action.source} to {action.dest}"
    reason = f" ({action.reason})" if action.reason else ""
    return f"{action.target} {verb}{place}{reason}"


def _few(several: list[str]) -> str:
    more = len(several) - _MANY
    rest = f"; and {more} more" if more > 0 else ""
    return "; ".join(several[:_MANY]) + rest
