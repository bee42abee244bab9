"""Fencing in the CIB: the devices, where they may run, and in which order they are tried."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import seconds
from cib_templates.model.description import Description
from cib_templates.model.timing import Times
from cib_templates.rendering.constraints import location
from cib_templates.rendering.primitives import operations, resource
from cib_templates.rendering.priorities import tie_breaker
from cib_templates.rendering.services import marked

# A fence agent's monitor logs in to a device that is often slow and takes few sessions at a time.
_FENCING_INTERVAL = timedelta(seconds=60)

# Fence agents that shut a node out of its disks, and let it in again by the action `on`: nothing
# may run on a node before that (Pacemaker Explained, "Unfencing"). pcs says so by itself for agents
# whose metadata have automatic="1" and on_target="1" at that action; these are Debian's.
_UNFENCING = frozenset(("fence_scsi", "fence_mpath"))


def fencing_resources(description: Description) -> list[etree._Element]:
    """Return a primitive for each fencing device."""
    elements = []
    decides = tie_breaker(description)
    for name, device in description.fencing.items():
        identity = description.fencing[name].resource_id(name)
        parameters: dict[str, str] = dict(device.parameters)
        nodes = description.fenced_by(name)
        if device.plugs is None:
            parameters["pcmk_host_list"] = ",".join(nodes)
        else:
            parameters["pcmk_host_map"] = _host_map(device.plugs, nodes)
        parameters["pcmk_reboot_timeout"] = seconds(device.timeout)
        parameters["pcmk_off_timeout"] = seconds(device.timeout)
        always = {"provides": "unfencing"} if device.agent in _UNFENCING else {}
        extra = {"priority": "1"} if name == decides else {}
        meta = marked(f"fencing.{name}", extra, always)
        element = resource(identity, f"stonith:{device.agent}", parameters, meta)
        times = Times(_FENCING_INTERVAL, device.timeout, device.timeout, device.timeout)
        element.append(operations(identity, times))
        elements.append(element)
    return elements


def _host_map(plugs: Mapping[str, str], nodes: list[str]) -> str:
    return ";".join(f"{node}:{plugs[node]}" for node in nodes)


def fencing_locations(description: Description) -> list[etree._Element]:
    """Return the constraints that keep a device from the one node that it fences.

    A node that has to be fenced cannot be trusted to do it. A cluster's only node has nobody else:
    there the device runs, so that it is known to work before the second node comes.
    """
    elements: list[etree._Element] = []
    if len(description.nodes) == 1:
        return elements
    for name in description.fencing:
        nodes = description.fenced_by(name)
        if len(nodes) == 1:
            identity = description.fencing[name].resource_id(name)
            ban = ids.avoidance_id(identity, nodes[0])
            elements.append(location(ban, identity, nodes[0], "-INFINITY"))
    return elements


def fencing_levels(description: Description) -> list[etree._Element]:
    """Return the levels of each node: all devices of one, or else those of the next."""
    return [
        etree.Element(
            "fencing-level",
            {
                "id": ids.level_id(name, index),
                "target": name,
                "index": str(index),
                "devices": ",".join(description.fencing[d].resource_id(d) for d in devices),
            },
        )
        for name, node in description.nodes.items()
        for index, devices in enumerate(node.fencing_levels, start=1)
    ]
