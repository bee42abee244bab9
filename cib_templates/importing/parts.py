"""A primitive as a service's part: the inverse of `primitives.primitive`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import duration, seconds
from cib_templates.cib.numbers import whole_number
from cib_templates.cib.nvset import pairs_of
from cib_templates.cib.ownership import mark
from cib_templates.cib.secrets import is_secret
from cib_templates.model.services import Address, App, Filesystem, Kind, Part
from cib_templates.model.timing import times_of
from cib_templates.rendering.primitives import AGENTS, META_OF_A_SERVICE

Table = dict[str, Any]

_DAY = 86400
# Of each of Takeover's agents: the kind of part, and the table that says it.
_KINDS: dict[str, tuple[Kind, type[Part]]] = {
    AGENTS[Filesystem][0]: ("filesystem", Filesystem),
    AGENTS[Address][0]: ("address", Address),
    AGENTS[App][0]: ("app", App),
}
_BOOLEANS = {"true": True, "false": False}


def part_of(service: str, primitive: etree._Element, *, plain: bool = False) -> tuple[Kind, Table]:
    """Return the kind of part that a primitive is, and its table.

    One of another agent, or whose values have no place in the keys, becomes an `app` with the
    agent's name and its parameters: that can say everything.

    Args:
        service: The service's name.
        primitive: The primitive.
        plain: Whether it becomes that in any case.
    """
    agent = agent_of(primitive)
    given = public_parameters(primitive)
    kind, model = _KINDS.get(agent, ("app", App))
    table = None if plain or agent not in _KINDS else _by_keys(given, model)
    if table is None:
        kind = "app"
        table = {"agent": agent} | ({"parameters": given} if given else {})
    named = _names(service, primitive)
    return kind, named | table | _times(kind, table, primitive) | _extras(primitive)


def public_parameters(primitive: etree._Element) -> dict[str, str]:
    """Return the parameters of a primitive that may be in a description: no secrets."""
    given = pairs_of(primitive, "instance_attributes")
    return {name: value for name, value in given.items() if not is_secret(name, value)}


def agent_of(primitive: etree._Element) -> str:
    """Return the name of a primitive's agent, as pcs writes it."""
    words = [primitive.get(name) for name in ("class", "provider", "type")]
    return ":".join(word for word in words if word)


def _names(service: str, primitive: etree._Element) -> Table:
    path = mark(primitive)
    if not path:
        identity = primitive.get("id", "")
        return {"name": re.sub(r"[^A-Za-z0-9_-]", "-", identity), "id": identity}
    _, _, name = path.removeprefix(f"services.{service}.").partition(".")
    return {"name": name} if name else {}


def _by_keys(given: Mapping[str, str], model: type[Part]) -> Table | None:
    """Return the keys that parameters stand for; None if one has no such value."""
    _, keys = AGENTS[model]
    table: Table = {}
    if "binfile" in given:
        try:
            arguments = shlex.split(given.get("cmdline_options", ""))
        except ValueError:
            return None
        table["command"] = [given["binfile"], *arguments]
    for name, key in keys.items():
        if name not in given or key == "command":
            continue
        value = _value(given[name], model.types_of(key))
        if value is None:
            return None
        table[key] = value
    others = {name: value for name, value in given.items() if name not in keys}
    return table | ({"parameters": others} if others else {})


def _value(text: str, types: Collection[type]) -> str | int | None:
    """Return a parameter's text as a key of these types has it; None if it has no such value."""
    if bool in types:
        return _BOOLEANS.get(text)
    if int not in types and timedelta not in types:
        return text
    number = whole_number(text)
    if number is None:
        return None
    return number if int in types else f"{text}s"


def _times(kind: Kind, table: Table, primitive: etree._Element) -> Table:
    """Return the times of a part that are not the usual ones.

    A description has one timeout for start and stop: the longer one.
    """
    found = {op.get("name", ""): op for op in primitive.iterfind("operations/op")}
    stop = duration(table["stop_timeout"]) if "stop_timeout" in table else None
    usual = times_of(kind, App.model_validate({"stop_timeout": stop}))
    times: Table = {}
    monitor = found.get("monitor")
    if monitor is not None:
        for attribute, key, expected in (
            ("interval", "monitor", usual.interval),
            ("timeout", "monitor_timeout", usual.monitor),
        ):
            value = _seconds(monitor.get(attribute, ""))
            if value and f"{value}s" != seconds(expected):
                times[key] = f"{value}s"
    actions = {
        name: _seconds(found[name].get("timeout", ""))
        for name in ("start", "stop")
        if name in found
    }
    expected_of = {"start": seconds(usual.start), "stop": seconds(usual.stop)}
    if any(value and f"{value}s" != expected_of[name] for name, value in actions.items()):
        times["timeout"] = f"{max(value or 0 for value in actions.values())}s"
    return times


def _extras(primitive: etree._Element) -> Table:
    """Return meta attributes and utilization: of ours those that the description has."""
    meta = pairs_of(primitive, "meta_attributes")
    utilization = pairs_of(primitive, "utilization")
    if mark(primitive):
        listed = meta.get(ids.SETS, "").split()
        meta = {name: value for name, value in meta.items() if name in listed}
        utilization = {n: v for n, v in utilization.items() if f"utilization.{n}" in listed}
    meta = {name: value for name, value in meta.items() if name not in META_OF_A_SERVICE}
    extras: Table = {"meta": meta} if meta else {}
    if utilization:
        extras["utilization"] = amounts(utilization)
    return extras


def amounts(utilization: Mapping[str, str]) -> Table:
    """Return what is needed or there, in numbers; what is no number is kept, and is a mistake."""
    numbers = {name: whole_number(amount) for name, amount in utilization.items()}
    return {
        name: utilization[name] if number is None else number for name, number in numbers.items()
    }


def _seconds(text: str) -> int | None:
    """Return a time of the CIB in whole seconds, None if it is not one that a description takes."""
    try:
        value = int(duration(f"{text}s" if text.isdigit() else text).total_seconds())
    except ValueError:
        return None
    return value if 0 < value <= _DAY else None
