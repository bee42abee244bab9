"""Pauses of nodes in the CIB: what makes a node run nothing, or take nothing new.

A node that shall run nothing has the node attribute `standby`, as `pcs node standby` gives it one,
and `pcs node unstandby` takes it away. A pause that keeps what runs, or that ends by itself, is a
location constraint: `takeover-keep-NODE` or `takeover-pause-NODE`. Its pattern leaves out the
resources that may stay, and all fencing devices, because a node to which a device is forbidden
fences nobody with it. `pcs constraint delete` takes it away.

The end of a pause is a date in the constraint's rule, as that of `pcs resource ban lifetime=` is:
Pacemaker itself ends the pause, wherever the command was typed and whatever was rebooted since. A
timer of systemd is lost with a reboot, and a node is mostly paused to be rebooted. The attribute
has no date: a rule in its set would have `pcs node standby` write into that set later, where the
attribute would have no effect.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.nvset import is_true, nvset, pairs_of, set_pair

_STANDBY = "standby"
_NEVER = "-INFINITY"
_EVERYTHING = ".*"
# How Pacemaker reads a date; the end of a pause is in UTC.
_DATE = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Pause:
    """A pause of a node.

    Attributes:
        keeps: Whether the node keeps what it runs, and only takes nothing new.
        until: When it ends by itself; None if it does not.
        is_configured: Whether it is in the configuration. Otherwise it ends with a restart of the
            node's cluster (`crm_attribute --lifetime reboot`).
    """

    keeps: bool = False
    until: datetime | None = None
    is_configured: bool = True


def constraint_ids(node: str) -> tuple[str, str]:
    """Return the IDs of the constraints that a pause of a node may have: to drain, and to keep."""
    return f"takeover-pause-{node}", f"takeover-keep-{node}"


def pause_of(live: etree._Element, node: str, now: datetime) -> Pause | None:
    """Return the pause of a node; None if it has none, or its time is over.

    Args:
        live: The live CIB with its status.
        node: The node's name.
        now: The time of day.
    """
    found: list[Pause] = []
    element = _node(live, node)
    if element is not None and is_true(pairs_of(element, "instance_attributes").get(_STANDBY, "")):
        found.append(Pause())
    for name, keeps in zip(constraint_ids(node), (False, True), strict=True):
        constraint = _constraint(live, name)
        if constraint is not None:
            until = _until(constraint)
            if until is None or now < until:
                found.append(Pause(keeps, until))
    if has_transient(live, node):
        found.append(Pause(is_configured=False))
    # One that drains is stronger than one that keeps, and one without an end than one with.
    found.sort(key=lambda each: (each.keeps, each.until is not None, not each.is_configured))
    return found[0] if found else None


def has_transient(live: etree._Element, node: str, mode: str = _STANDBY) -> bool:
    """Return whether a node is in standby, or another mode, until its cluster is restarted.

    Args:
        live: The live CIB with its status.
        node: The node's name.
        mode: The name of the node attribute: standby or maintenance.
    """
    return any(is_true(pair.get("value", "")) for pair in _transient(live, node, mode))


def with_pause(
    live: etree._Element, node: str, pause: Pause, *, kept: Collection[str], is_remote: bool
) -> etree._Element:
    """Return a CIB in which a node is paused, in place of any pause that it had.

    Args:
        live: The live CIB; it is not modified.
        node: The node's name.
        pause: The pause.
        kept: The IDs of the outermost resources that may stay on the node.
        is_remote: Whether it is a remote or guest node.
    """
    cib = without_constraints(live, node)
    if not pause.keeps and pause.until is None:
        _set_standby(cib, node, "on", is_remote=is_remote)
        return cib
    _set_standby(cib, node, None, is_remote=is_remote)
    devices = cib.iterfind("configuration/resources/primitive[@class='stonith']")
    may_stay = sorted({*kept, *(device.get("id", "") for device in devices)})
    name = constraint_ids(node)[1 if pause.keeps else 0]
    constraint = etree.Element("rsc_location", {"id": name, "rsc-pattern": _all_but(may_stay)})
    if pause.until is None:
        constraint.attrib.update({"node": node, "score": _NEVER})
    else:
        _add_rule(constraint, name, node, pause.until)
    constraints = cib.find("configuration/constraints")
    if constraints is not None:
        constraints.append(constraint)
    return cib


def without_pause(live: etree._Element, node: str) -> etree._Element:
    """Return a CIB in which a node is not paused; what ends with a restart is not in it.

    Args:
        live: The live CIB; it is not modified.
        node: The node's name.
    """
    cib = without_constraints(live, node)
    _set_standby(cib, node, None, is_remote=False)
    return cib


def without_transient(live: etree._Element, node: str) -> etree._Element:
    """Return a CIB without the standby of a node that ends with a restart of its cluster."""
    cib = copy.deepcopy(live)
    for pair in _transient(cib, node, _STANDBY):
        parent = pair.getparent()
        if parent is not None:
            parent.remove(pair)
    return cib


def without_constraints(live: etree._Element, node: str) -> etree._Element:
    """Return a CIB without the constraints of a pause, also of one whose time is over."""
    cib = copy.deepcopy(live)
    for name in constraint_ids(node):
        constraint = _constraint(cib, name)
        parent = None if constraint is None else constraint.getparent()
        if constraint is not None and parent is not None:
            parent.remove(constraint)
    return cib


def _constraint(cib: etree._Element, name: str) -> etree._Element | None:
    found = cib.iterfind("configuration/constraints/rsc_location")
    return next((each for each in found if each.get("id") == name), None)


def _node(cib: etree._Element, name: str) -> etree._Element | None:
    found = cib.iterfind("configuration/nodes/node")
    return next((each for each in found if each.get("uname") == name), None)


def _transient(cib: etree._Element, node: str, mode: str) -> list[etree._Element]:
    return [
        pair
        for state in cib.iterfind("status/node_state")
        if state.get("uname") == node
        for pair in state.iterfind("transient_attributes/instance_attributes/nvpair")
        if pair.get("name") == mode
    ]


def _set_standby(cib: etree._Element, node: str, value: str | None, *, is_remote: bool) -> None:
    """Set a node's attribute; without a value it goes, or is off if a description sets it."""
    element = _node(cib, node)
    nodes = cib.find("configuration/nodes")
    if element is None and value is not None and is_remote and nodes is not None:
        # Pacemaker makes this element only when a remote node gets its first attribute.
        element = etree.SubElement(nodes, "node", id=node, uname=node, type="remote")
    if element is None:
        return
    described = pairs_of(element, "instance_attributes").get(ids.SETS, "").split()
    if value is None and _STANDBY in described:
        value = "off"
    wanted = None
    if value is not None:
        identity = f"nodes-{element.get('id', '')}"
        [wanted] = nvset("instance_attributes", identity, {_STANDBY: value})
    set_pair(element, "instance_attributes", _STANDBY, wanted)


def _all_but(names: Collection[str]) -> str:
    """Return the pattern that matches all IDs but these (Pacemaker Explained, `rsc-pattern`)."""
    # Of what an ID may contain, only the dot means something else in a pattern.
    listed = "|".join(name.replace(".", r"\.") for name in names)
    return f"!^({listed})$" if listed else _EVERYTHING


def _add_rule(constraint: etree._Element, name: str, node: str, until: datetime) -> None:
    rule = etree.SubElement(
        constraint, "rule", {"id": f"{name}-rule", "boolean-op": "and", "score": _NEVER}
    )
    etree.SubElement(
        rule,
        "expression",
        id=f"{name}-rule-node",
        attribute="#uname",
        operation="eq",
        value=node,
    )
    end = until.astimezone(UTC).strftime(_DATE)
    etree.SubElement(rule, "date_expression", id=f"{name}-rule-until", operation="lt", end=end)


def _until(constraint: etree._Element) -> datetime | None:
    """Return when a constraint of a pause ends; None if it does not."""
    date = constraint.find("rule/date_expression")
    if date is None:
        return None
    try:
        return datetime.strptime(date.get("end", ""), _DATE).replace(tzinfo=UTC)
    except ValueError:
        # Somebody has edited it.
        return None
