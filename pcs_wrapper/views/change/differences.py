"""The differences between two configurations, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cib_templates.comparing.diff import AttributeDiff, Diff, ObjectDiff
from pcs_wrapper.machine.terminal import style

if TYPE_CHECKING:
    from pcs_wrapper.views.contract.change import difference as contract

_SIGNS = {"created": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}
# The largest number of new services whose parts are described.
_MANY = 10


def differences_text(differences: Diff) -> Iterator[str]:
    """Yield the lines that describe differences, each service together with its parts."""
    by_service: dict[str, list[ObjectDiff]] = {}
    others = []
    for each in differences.differences:
        if each.service is None:
            others.append(each)
        else:
            by_service.setdefault(each.service, []).append(each)
    whole = [found for found in by_service.values() if _is_whole(found)]
    for name, found in by_service.items():
        if _is_whole(found):
            yield _whole_service(found)
            if found[0].change == "created" and len(whole) <= _MANY:
                for part in _parts(found):
                    yield f"    {part.what} {part.name}: {_attributes(part)}"
        else:
            yield f"{_sign('changed')} service {name}"
            for each in found:
                yield from _object(each, "" if each.what == "service" else "    ")
    for each in others:
        yield from _object(each, "")


def _is_whole(found: Sequence[ObjectDiff]) -> bool:
    return found[0].what == "service" and found[0].change != "changed"


def _whole_service(found: Sequence[ObjectDiff]) -> str:
    service, parts = found[0], _parts(found)
    nodes = next((each.new for each in service.attributes if each.name == "nodes"), None)
    where = f" on {nodes}" if nodes else ""
    title = f"{_sign(service.change)} service {service.name}{where}"
    names = ", ".join(part.name.removeprefix(f"{service.name}-") for part in parts)
    # A single resource without a group has no parts.
    return f"{title}: {names}" if names else title


def _parts(found: Sequence[ObjectDiff]) -> list[ObjectDiff]:
    """Return the parts of a service, without the group that is in its clone."""
    return [each for each in found[1:] if each.what != "group"]


def _attributes(part: ObjectDiff) -> str:
    """Return the attributes of a new part as text, without its operations and meta attributes."""
    left_out = ("monitor", "start ", "stop timeout", "meta ")
    shown = [each for each in part.attributes if not each.name.startswith(left_out)]
    return ", ".join(f"{each.name} {each.new}" for each in shown)


def _object(difference: ObjectDiff, indent: str) -> Iterator[str]:
    """Yield a line for an object, and a line for each of its attributes that differ."""
    title = f"{indent}{_sign(difference.change)} {difference.what} {difference.name}"
    if difference.what == "property" and len(difference.attributes) == 1:
        yield f"{title}: {_values(difference.attributes[0])}"
    elif difference.what == "service":
        for each in difference.attributes:
            yield f"    {each.name}: {_values(each)}"
    elif difference.change == "created":
        yield f"{title}: {_attributes(difference)}"
    else:
        yield title
        for each in difference.attributes:
            yield f"{indent}    {each.name}: {_values(each)}"


def _values(attribute: AttributeDiff) -> str:
    if attribute.old is None:
        return f"{attribute.new}"
    return f"{attribute.old} → {'(nothing)' if attribute.new is None else attribute.new}"


def _sign(change: str) -> str:
    sign, colour = _SIGNS[change]
    return style(sign, fg=colour, bold=True)


def difference_record(difference: ObjectDiff) -> contract.Difference:
    """Return an object that differs, as a part of an output."""
    from pcs_wrapper.views.contract.change import difference as contract

    return contract.Difference(
        change=difference.change,
        what=difference.what,
        name=difference.name,
        service=difference.service,
        facts=[
            contract.Fact(name=each.name, old=each.old, new=each.new)
            for each in difference.attributes
        ],
    )
