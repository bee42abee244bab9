"""Fencing devices and levels of a CIB as tables: the inverse of `rendering.fencing`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import seconds
from cib_templates.cib.numbers import whole_number
from cib_templates.cib.ownership import came_with, mark
from cib_templates.deriving.parts import name_of, public_parameters, whole_seconds
from cib_templates.deriving.sayable import sayable
from cib_templates.model.cluster import Fencing

Table = dict[str, Any]

_FENCING_TIMEOUT = timedelta(seconds=60)
_OURS = ("pcmk_host_list", "pcmk_host_map", "pcmk_reboot_timeout", "pcmk_off_timeout")
# Between the pairs of pcmk_host_map, and within one (lib/fencing, build_port_aliases).
_PAIRS = re.compile(r"[;\s]+")
_PAIR = re.compile(r"[:=]")


def fencing(cib: etree._Element, nodes: list[str]) -> dict[str, tuple[str, Table]]:
    """Return the ID of each fencing device, its name in the description, and its table.

    Args:
        cib: The whole CIB.
        nodes: The names of all nodes.
    """
    found: dict[str, tuple[str, Table]] = {}
    for primitive in cib.iterfind("configuration/resources/primitive[@class='stonith']"):
        identity = primitive.get("id", "")
        name = mark(primitive).removeprefix("fencing.") or name_of(identity)
        device: Table = {"agent": primitive.get("type", "")}
        is_usual = mark(primitive) and came_with(primitive) is None
        if not is_usual or identity != ids.fencing_id(name):
            device["id"] = identity
        given = public_parameters(primitive)
        fenced = _fenced(given, nodes)
        if fenced is None:
            continue
        device |= fenced
        timeout = whole_seconds(given.get("pcmk_reboot_timeout", ""))
        if timeout and f"{timeout}s" != seconds(_FENCING_TIMEOUT):
            device["timeout"] = f"{timeout}s"
        own = {key: value for key, value in given.items() if key not in _OURS}
        if own:
            device["parameters"] = own
        said = sayable(Fencing, device)
        is_new = ids.NAME.fullmatch(name) and name not in [other for other, _ in found.values()]
        if said is not None and is_new:
            found[identity] = name, said
    return found


def _fenced(given: Mapping[str, str], nodes: list[str]) -> Table | None:
    """Return which nodes a device can fence, and what it calls them; None if only remote nodes."""
    if plugs := given.get("pcmk_host_map"):
        pairs = [_PAIR.split(pair, maxsplit=1) for pair in _PAIRS.split(plugs) if pair]
        pairs = [pair for pair in pairs if pair[0] in nodes]
        if not pairs:
            return None
        of_nodes = {pair[0]: pair[-1] for pair in pairs}
        said = {"plugs": of_nodes}
        table = {"agent": "x"} | said
        if len(of_nodes) == len(pairs) and sayable(Fencing, table) == table:
            return said
        # Several plugs of one node: only which nodes it fences can be said.
        return {"nodes": list(of_nodes)} if list(of_nodes) != nodes else {}
    # Others may be remote nodes.
    listed = re.split(r"[,;\s]+", given.get("pcmk_host_list", ""))
    known = [node for node in listed if node in nodes]
    if any(listed) and not known:
        return None
    return {"nodes": known} if known and known != nodes else {}


def levels_of(cib: etree._Element, node: str, devices: Collection[str]) -> list[etree._Element]:
    """Return a node's fencing levels, if a description can say all of them.

    Takeover's own, by their IDs; of devices that it took over, those that came with them; of what
    others made, all.

    Args:
        cib: The whole CIB.
        node: The node's name.
        devices: The IDs of the fencing devices that are described.
    """
    came = _came_with_devices(cib)
    own, others = [], []
    for level in cib.iterfind("configuration/fencing-topology/fencing-level"):
        if level.get("target") == node:
            name = level.get("id", "")
            if name == ids.level_id(node, level.get("index", "")):
                own.append(level)
            elif came is None or name in came:
                others.append(level)
    # Beside Takeover's own, those of others are not what is described.
    found = sorted(own or others, key=_index)
    is_known = all(set(devices_of(level)) <= set(devices) for level in found)
    in_order = [_index(level) for level in found] == list(range(1, len(found) + 1))
    return found if is_known and in_order else []


def devices_of(level: etree._Element) -> list[str]:
    """Return the IDs of the devices of a fencing level."""
    return [name.strip() for name in (level.get("devices") or "").split(",")]


def fencing_levels(
    cib: etree._Element, node: str, devices: Mapping[str, tuple[str, Table]]
) -> list[list[str]]:
    """Return a node's fencing levels, with the devices' names in the description."""
    return [
        [devices[identity][0] for identity in devices_of(level)]
        for level in levels_of(cib, node, devices)
    ]


def _came_with_devices(cib: etree._Element) -> frozenset[str] | None:
    """Return the IDs of what came with devices that were taken over; None if none is marked."""
    marked = [
        came_with(device) or frozenset()
        for device in cib.iterfind("configuration/resources/primitive[@class='stonith']")
        if mark(device)
    ]
    return frozenset[str]().union(*marked) if marked else None


def _index(level: etree._Element) -> int:
    """Return a fencing level's place; Pacemaker ignores one that is no number."""
    return whole_number(level.get("index")) or 0
