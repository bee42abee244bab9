"""A cluster's CIB as a description: the inverse of `render`.

What Takeover has made carries its marks and comes back as it was described. What others made
becomes services with the same resources, for `apply --adopt`. What a description has no words for
stays where it is; `undescribed` lists it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import in_words, seconds
from cib_templates.cib.ids import PROPERTIES_ID
from cib_templates.cib.nvset import is_true, pairs_of
from cib_templates.cib.ownership import came_with, from_fragments, mark
from cib_templates.deriving.fencing import fencing, fencing_levels
from cib_templates.deriving.parts import amounts
from cib_templates.deriving.sayable import sayable
from cib_templates.deriving.services import services, uses_utilization
from cib_templates.model.attributes import is_an_agents
from cib_templates.model.fields import Name, Parameter, Utilization
from cib_templates.model.table import Table
from cib_templates.model.timing import FENCING_DELAY
from cib_templates.rendering.priorities import DEFAULT_PRIORITY
from cib_templates.rendering.properties import KNOWN

Document = dict[str, Any]

# What an administrator sets for a while: said in a description, it would come back later.
_FOR_A_WHILE = ("maintenance-mode", "stop-all-resources")
_TWO = 2
_DELAY = "priority-fencing-delay"


@dataclass(frozen=True)
class Cluster:
    """What is not in a CIB, but in Corosync's configuration.

    Attributes:
        name: The cluster's name.
        token: Corosync's token timeout.
        links: Each node's addresses, in the order of the links.
        times: Corosync's other times that are not the defaults, by their keys in a description.
    """

    name: str
    token: timedelta
    links: Mapping[str, list[str]]
    times: Mapping[str, timedelta] = field(default_factory=dict)


class _Pairs(Table):
    """The tables of a description whose names are the cluster's own."""

    properties: dict[Name, Parameter] | None = None
    attributes: dict[Name, Parameter] | None = None
    utilization: Utilization | None = None


def import_cib(cib: etree._Element, cluster: Cluster) -> Document:
    """Return a description of a cluster, as the tables and values of its TOML.

    Args:
        cib: The whole CIB.
        cluster: The rest.
    """
    nodes = list(cluster.links)
    devices = fencing(cib, nodes)
    found: Document = {
        "properties": dict(_properties(cib)),
        "nodes": {
            name: {"links": list(links)} | _node(cib, name) | _levels(cib, name, devices)
            for name, links in cluster.links.items()
        },
        "fencing": dict(devices.values()),
        "services": services(cib, nodes),
        "fragments": list(_fragments(cib)),
    }
    delay = _fencing_delay(cib, cluster, found)
    document: Document = {
        "schema": 1,
        "cluster": {
            "name": cluster.name,
            "token": in_words(cluster.token),
            **{key: in_words(time) for key, time in cluster.times.items()},
            **delay,
        },
    }
    return document | {key: tables for key, tables in found.items() if tables}


def _properties(cib: etree._Element) -> Iterator[tuple[str, str]]:
    found = cib.find(f"configuration/crm_config/cluster_property_set[@id='{PROPERTIES_ID}']")
    if found is None or found.find("rule") is not None:
        return
    pairs = {pair.get("name", ""): pair.get("value", "") for pair in found.iterfind("nvpair")}
    listed = pairs.get(ids.SETS, "").split()
    for name, value in pairs.items():
        if name in KNOWN and (name in listed or name not in _FOR_A_WHILE):
            said = sayable(_Pairs, {"properties": {name: value}})
            yield from ((said or {}).get("properties") or {}).items()


def _fencing_delay(cib: etree._Element, cluster: Cluster, found: Document) -> Document:
    """Return by how long fencing the one of two nodes that serves is delayed.

    Where Takeover has set that, neither it nor the priorities are an administrator's, and they are
    taken out of what was found; where nobody has, it stays so.
    """
    if len(cluster.links) != _TWO:
        return {}
    properties, tables = found["properties"], found["services"].values()
    given = properties.get(_DELAY)
    if given is None:
        return {"fencing_delay": "0s"}
    if not any(
        mark(device)
        and came_with(device) is None
        and pairs_of(device, "meta_attributes").get("priority")
        for device in cib.iterfind("configuration/resources/primitive[@class='stonith']")
    ):
        return {}
    del properties[_DELAY]
    if all(table.get("priority") == DEFAULT_PRIORITY for table in tables):
        for table in tables:
            del table["priority"]
    return {"fencing_delay": given} if given != seconds(FENCING_DELAY) else {}


def _levels(
    cib: etree._Element, name: str, devices: Mapping[str, tuple[str, Document]]
) -> Document:
    levels = fencing_levels(cib, name, devices)
    return {"fencing_levels": levels} if levels else {}


def _node(cib: etree._Element, name: str) -> Document:
    """Return what an administrator has said of a node in the CIB, and nobody else changes.

    Agents keep what they know in nodes' attributes, too (which copy of a database is the newest),
    and nothing tells those apart: written back later, they would be false. So only those that a
    description has set are a description's.
    """
    table: Document = {}
    node = cib.find(f"configuration/nodes/node[@uname='{name}']")
    if node is None:
        return table
    found = pairs_of(node, "instance_attributes")
    listed = found.get(ids.SETS, "").split()
    attributes = {
        key: value for key, value in found.items() if key in listed and not is_an_agents(key)
    }
    for key in ("standby", "maintenance"):
        if key in attributes:
            table[key] = is_true(attributes.pop(key))
    amounts_of = pairs_of(node, "utilization")
    if not uses_utilization(cib):
        amounts_of = {n: v for n, v in amounts_of.items() if f"utilization.{n}" in listed}
    several = {"attributes": attributes, "utilization": amounts(amounts_of)}
    pairs = {key: each for key, each in several.items() if each}
    return table | (sayable(_Pairs, pairs) or {})


def _fragments(cib: etree._Element) -> Iterator[Document]:
    """Yield what comes from a description's fragments, as one."""
    configuration = cib.find("configuration")
    listed = set() if configuration is None else from_fragments(configuration)
    whole = etree.Element("configuration")
    for section in [] if configuration is None else configuration:
        for element in section:
            if isinstance(element.tag, str) and element.get("id") in listed:
                target = whole.find(str(section.tag))
                if target is None:
                    target = etree.SubElement(whole, str(section.tag))
                target.append(etree.fromstring(etree.tostring(element, with_tail=False)))
    if len(whole):
        etree.indent(whole)
        yield {"xml": etree.tostring(whole, encoding="unicode") + "\n"}
