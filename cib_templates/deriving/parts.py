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
from cib_templates.cib.ownership import came_with, mark
from cib_templates.cib.secrecy.secrets import is_secret
from cib_templates.deriving.sayable import sayable
from cib_templates.model.services import Address, App, Filesystem, Kind, Part
from cib_templates.model.timing import times_of
from cib_templates.rendering.primitives import AGENTS, META_OF_A_SERVICE
from cib_templates.rendering.services import SERVICE_META

Table = dict[str, Any]

_DAY = 86400
# The interval of an action that is not repeated.
_NEVER = re.compile(r"0+(ms|s|m|min|h)?")
# Of each of Takeover's agents: the kind of part, and the table that says it.
_KINDS: dict[str, tuple[Kind, type[Part]]] = {
    AGENTS[Filesystem][0]: ("filesystem", Filesystem),
    AGENTS[Address][0]: ("address", Address),
    AGENTS[App][0]: ("app", App),
}
_BOOLEANS = {"true": True, "false": False}


def part_of(
    service: str, primitive: etree._Element, *, plain: bool = False, utilization: bool = True
) -> tuple[Kind, Table] | None:
    """Return the kind of part that a primitive is, and its table; None if it cannot be said.

    One of another agent, or whose values have no place in the keys, becomes an `app` with the
    agent's name and its parameters: that can say nearly everything.

    Args:
        service: The service's name.
        primitive: The primitive.
        plain: Whether it becomes that in any case.
        utilization: Whether utilization counts in this cluster, so that it is said.
    """
    agent = agent_of(primitive)
    given = public_parameters(primitive)
    kind, model = _KINDS.get(agent, ("app", App))
    table = None if plain or agent not in _KINDS else _by_keys(given, model)
    if table is not None:
        # Whether it has all that a part of this kind needs, such as a directory.
        table = sayable(model, table)
    if table is None:
        kind, model = "app", App
        table = {"agent": agent} | ({"parameters": given} if given else {})
    named = _names(service, primitive)
    is_whole = primitive.get("id") == service
    extras = _extras(primitive, is_whole=is_whole, utilization=utilization)
    more = _times(kind, table, primitive) | extras
    whole = sayable(model, named | table | more)
    is_same = whole is not None and whole.get("agent") == table.get("agent")
    return (kind, whole) if whole is not None and is_same else None


def public_parameters(primitive: etree._Element) -> dict[str, str]:
    """Return the parameters of a primitive that may be in a description: no secrets."""
    given = pairs_of(primitive, "instance_attributes")
    return {name: value for name, value in given.items() if not is_secret(name, value)}


def agent_of(primitive: etree._Element) -> str:
    """Return the name of a primitive's agent, as pcs writes it."""
    words = [primitive.get(name) for name in ("class", "provider", "type")]
    return ":".join(word for word in words if word)


def name_of(identity: str) -> str:
    """Return a name that a description can have for what has this ID."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", identity)


def _names(service: str, primitive: etree._Element) -> Table:
    identity = primitive.get("id", "")
    if identity == service:
        return {"id": identity}
    path = mark(primitive)
    if not path:
        return {"name": name_of(identity), "id": identity}
    kind, _, name = path.removeprefix(f"services.{service}.").partition(".")
    named: Table = {"name": name} if name else {}
    is_usual = came_with(primitive) is None and identity == ids.part_id(service, kind, name)
    return named if is_usual else named | {"id": identity}


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
    stop = duration(table["stop_timeout"]) if "stop_timeout" in table else None
    usual = times_of(kind, App.model_construct(stop_timeout=stop))
    times: Table = {}
    monitor = operation(primitive, "monitor")
    if monitor is not None:
        for attribute, key, expected in (
            ("interval", "monitor", usual.interval),
            ("timeout", "monitor_timeout", usual.monitor),
        ):
            value = whole_seconds(monitor.get(attribute, ""))
            if value and f"{value}s" != seconds(expected):
                times[key] = f"{value}s"
    actions = {
        name: whole_seconds(found.get("timeout", ""))
        for name in ("start", "stop")
        if (found := operation(primitive, name)) is not None
    }
    expected_of = {"start": seconds(usual.start), "stop": seconds(usual.stop)}
    if any(value and f"{value}s" != expected_of[name] for name, value in actions.items()):
        times["timeout"] = f"{max(value or 0 for value in actions.values())}s"
    return times


def operation(primitive: etree._Element, name: str) -> etree._Element | None:
    """Return the action of a primitive that a description's times are about; None if there is none.

    A resource can have several monitors. The first is the one that it has everywhere; others look
    more closely, or at another role.
    """
    for found in primitive.iterfind("operations/op"):
        if (
            found.get("name") == name
            and found.get("role", "Started") == "Started"
            and not (name == "monitor" and _NEVER.fullmatch(found.get("interval", "0")))
        ):
            return found
    return None


def _extras(primitive: etree._Element, *, is_whole: bool, utilization: bool) -> Table:
    """Return meta attributes and utilization: of ours those that the description has.

    Args:
        primitive: The primitive.
        is_whole: Whether it is the whole service, so that some are the service's.
        utilization: Whether utilization counts in this cluster.
    """
    meta = pairs_of(primitive, "meta_attributes")
    amounts_of = pairs_of(primitive, "utilization")
    if mark(primitive):
        listed = meta.get(ids.SETS, "").split()
        meta = {name: value for name, value in meta.items() if name in listed}
        amounts_of = {n: v for n, v in amounts_of.items() if f"utilization.{n}" in listed}
    elif not utilization:
        amounts_of = {}
    others = META_OF_A_SERVICE | ids.MARKS
    if is_whole:
        others |= frozenset(SERVICE_META)
    meta = {
        name: value
        for name, value in meta.items()
        if name not in others and not is_secret(name, value)
    }
    extras: Table = {"meta": meta} if meta else {}
    if said := amounts(amounts_of):
        extras["utilization"] = said
    return extras


def amounts(utilization: Mapping[str, str]) -> Table:
    """Return what is needed or there, as numbers; what is written otherwise cannot be said."""
    numbers = {name: whole_number(amount) for name, amount in utilization.items()}
    return {
        name: number
        for name, number in numbers.items()
        if number is not None and str(number) == utilization[name]
    }


def whole_seconds(text: str) -> int | None:
    """Return a time of the CIB in whole seconds, None if it is not one that a description takes."""
    try:
        value = duration(f"{text}s" if text.isdigit() else text)
    except ValueError:
        return None
    is_whole = not value % timedelta(seconds=1)
    return int(value.total_seconds()) if is_whole and 0 < value.total_seconds() <= _DAY else None
