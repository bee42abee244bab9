"""The fencing devices of a CIB, and in which order they are tried for a node."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from cib_templates.cib.numbers import whole_number
from cib_templates.cib.nvset import pairs_of
from cib_templates.deriving.fencing import devices_of

# Between the pairs of pcmk_host_map, and within one (lib/fencing, build_port_aliases).
_PAIRS = re.compile(r"[;\s]+")
_PAIR = re.compile(r"[:=]")
_LIST = re.compile(r"[,;\s]+")


@dataclass(frozen=True)
class Device:
    """A fencing device, as it is configured.

    Attributes:
        id: The resource's ID.
        agent: Its fence agent, such as `fence_ipmilan`.
        parameters: Its parameters, which may be secret.
        plugs: What the device calls each node that it is configured for; None if nodes are not
            listed.
        fences_all: Whether it takes any node, without a list and without being asked.
    """

    id: str
    agent: str
    parameters: Mapping[str, str] = field(repr=False)
    plugs: Mapping[str, str] | None
    fences_all: bool = False

    def plug(self, node: str) -> str:
        """Return what the device calls a node."""
        return (self.plugs or {}).get(node, node)


def devices_in(cib: etree._Element) -> tuple[Device, ...]:
    """Return the fencing devices of a CIB, in their order."""
    templates = {
        template.get("id", ""): template
        for template in cib.iterfind("configuration/resources/template")
    }
    return tuple(
        _device(primitive, templates.get(primitive.get("template", "")))
        for primitive in cib.iterfind("configuration/resources//primitive")
        if _class_of(primitive, templates) == "stonith"
    )


def _class_of(primitive: etree._Element, templates: Mapping[str, etree._Element]) -> str:
    return _said(primitive, templates.get(primitive.get("template", "")), "class")


def _said(primitive: etree._Element, template: etree._Element | None, name: str) -> str:
    """Return an attribute of a primitive, which may be its template's."""
    own = primitive.get(name)
    if own is None and template is not None:
        own = template.get(name)
    return own or ""


def _device(primitive: etree._Element, template: etree._Element | None) -> Device:
    of_template = {} if template is None else pairs_of(template, "instance_attributes")
    parameters = of_template | pairs_of(primitive, "instance_attributes")
    agent = _said(primitive, template, "type")
    check = parameters.get("pcmk_host_check", "")
    plugs: dict[str, str] | None = None
    if check in ("", "static-list"):
        pairs = [_PAIR.split(each, 1) for each in _PAIRS.split(parameters.get("pcmk_host_map", ""))]
        mapped = {pair[0]: pair[-1] for pair in pairs if pair[0]}
        listed = [each for each in _LIST.split(parameters.get("pcmk_host_list", "")) if each]
        if listed or mapped:
            plugs = {node: mapped.get(node, node) for node in (listed or mapped)}
            plugs |= {node: plug for node, plug in mapped.items() if node not in plugs}
    return Device(primitive.get("id", ""), agent, parameters, plugs, check == "none")


def levels_of(cib: etree._Element, node: str) -> tuple[tuple[str, ...], ...]:
    """Return the fencing levels of a node, in their order: the IDs of the devices of each.

    All devices of a level are needed; if one of them fails, the next level is tried. A level is
    for a node by its name, by a pattern or by one of the node's attributes (Pacemaker Explained,
    "Fencing Topologies").

    Args:
        cib: A whole CIB.
        node: The node's name.
    """
    attributes = _attributes(cib, node)
    found = [
        (whole_number(level.get("index")) or 0, tuple(each for each in devices_of(level) if each))
        for level in cib.iterfind("configuration/fencing-topology/fencing-level")
        if _is_for(level, node, attributes)
    ]
    merged: dict[int, tuple[str, ...]] = {}
    for index, names in sorted(found, key=lambda each: each[0]):
        merged[index] = merged.get(index, ()) + names
    return tuple(merged.values())


def _is_for(level: etree._Element, node: str, attributes: Mapping[str, str]) -> bool:
    if (target := level.get("target")) is not None:
        return target == node
    if (pattern := level.get("target-pattern")) is not None:
        try:
            return re.search(pattern, node) is not None
        except re.error:
            return False
    value = level.get("target-value")
    return value is not None and attributes.get(level.get("target-attribute", "")) == value


def _attributes(cib: etree._Element, node: str) -> Mapping[str, str]:
    for element in cib.iterfind("configuration/nodes/node"):
        if element.get("uname") == node:
            return pairs_of(element, "instance_attributes")
    return {}


def in_order(
    levels: Sequence[tuple[str, ...]], candidates: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Return what is tried to fence a node, in this order: groups of devices that act together.

    Args:
        levels: The node's fencing levels; without any, each device that can fence it is tried.
        candidates: The IDs of the devices that can fence it.
    """
    return tuple(levels) or tuple((device,) for device in candidates)


def may_fence(device: Device, node: str) -> bool:
    """Return whether a device is for a node, as far as its configuration says it."""
    return device.plugs is None or node in device.plugs


def candidates_of(cib: etree._Element, nodes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return for each node what would be tried to fence it, as far as the configuration says it.

    Args:
        cib: A whole CIB.
        nodes: The names of the nodes.
    """
    devices = devices_in(cib)
    found = {}
    for node in nodes:
        able = [device.id for device in devices if may_fence(device, node)]
        order = in_order(levels_of(cib, node), able)
        found[node] = tuple(dict.fromkeys(device for together in order for device in together))
    return found
