"""Where two configurations differ, as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from cib_templates.comparing.diff import AttributeDiff, Diff, ObjectDiff

if TYPE_CHECKING:
    from pcs_wrapper.views.contract import difference as contract

_SIGNS = {"created": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}
# The parts of new services are described only if there are at most so many of these.
_MANY = 10


def differences_text(differences: Diff) -> Iterator[str]:
    """Yield the lines that describe what differs, a service together with its parts."""
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
                for part in found[1:]:
                    yield f"    {part.what} {part.name}: {_what_it_is(part)}"
        else:
            yield f"{_sign('changed')} service {name}"
            for each in found:
                yield from _object(each, "" if each.what == "service" else "    ")
    for each in others:
        yield from _object(each, "")


def _is_whole(found: Sequence[ObjectDiff]) -> bool:
    return found[0].what == "service" and found[0].change != "changed"


def _whole_service(found: Sequence[ObjectDiff]) -> str:
    service, *parts = found
    nodes = next((fact.new for fact in service.attributes if fact.name == "nodes"), None)
    where = f" on {nodes}" if nodes else ""
    names = ", ".join(part.name.removeprefix(f"{service.name}-") for part in parts)
    return f"{_sign(service.change)} service {service.name}{where}: {names}"


def _what_it_is(part: ObjectDiff) -> str:
    """Describe a new part, without the times of its operations."""
    times = ("monitor", "start ", "stop timeout", "meta ")
    facts = [fact for fact in part.attributes if not fact.name.startswith(times)]
    return ", ".join(f"{fact.name} {fact.new}" for fact in facts)


def _object(each: ObjectDiff, indent: str) -> Iterator[str]:
    """Yield a line for an object, and lines for its attributes that differ."""
    title = f"{indent}{_sign(each.change)} {each.what} {each.name}"
    if each.what == "property" and len(each.attributes) == 1:
        yield f"{title}: {_values(each.attributes[0])}"
    elif each.what == "service":
        for fact in each.attributes:
            yield f"    {fact.name}: {_values(fact)}"
    elif each.change == "created":
        yield f"{title}: {_what_it_is(each)}"
    else:
        yield title
        for fact in each.attributes:
            yield f"{indent}    {fact.name}: {_values(fact)}"


def _values(fact: AttributeDiff) -> str:
    if fact.old is None:
        return f"{fact.new}"
    return f"{fact.old} → {'(nothing)' if fact.new is None else fact.new}"


def _sign(change: str) -> str:
    sign, colour = _SIGNS[change]
    return click.style(sign, fg=colour, bold=True)


def difference_record(difference: ObjectDiff) -> contract.Difference:
    """Return an object that differs, as a part of an output."""
    from pcs_wrapper.views.contract import difference as contract

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
