"""A cluster's CIB as a description: the inverse of `render`.

What Takeover has made carries its marks and comes back as it was described. What others made
becomes services with the same resources, for `apply --adopt`. What a description has no words for
stays where it is; `undescribed` lists it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import in_words, seconds
from cib_templates.cib.ids import PROPERTIES_ID
from cib_templates.cib.numbers import whole_number
from cib_templates.cib.nvset import is_true, pairs_of
from cib_templates.cib.ownership import from_fragments, mark
from cib_templates.cib.secrets import is_secret
from cib_templates.importing.parts import amounts, public_parameters
from cib_templates.importing.services import services
from cib_templates.rendering.properties import KNOWN

Document = dict[str, Any]

_FENCING_TIMEOUT = timedelta(seconds=60)
_OURS_OF_FENCING = ("pcmk_host_list", "pcmk_host_map", "pcmk_reboot_timeout", "pcmk_off_timeout")


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


def import_cib(cib: etree._Element, cluster: Cluster) -> Document:
    """Return a description of a cluster, as the tables and values of its TOML.

    Args:
        cib: The whole CIB.
        cluster: The rest.
    """
    devices = dict(_fencing(cib, list(cluster.links)))
    found: Document = {
        "properties": dict(_properties(cib)),
        "nodes": {
            name: {"links": list(links)} | _node(cib, name, devices)
            for name, links in cluster.links.items()
        },
        "fencing": dict(devices.values()),
        "services": services(cib, list(cluster.links)),
        "fragments": list(_fragments(cib)),
    }
    document: Document = {
        "schema": 1,
        "cluster": {
            "name": cluster.name,
            "token": in_words(cluster.token),
            **{key: in_words(time) for key, time in cluster.times.items()},
        },
    }
    return document | {key: tables for key, tables in found.items() if tables}


def _properties(cib: etree._Element) -> Iterator[tuple[str, str]]:
    found = cib.find(f"configuration/crm_config/cluster_property_set[@id='{PROPERTIES_ID}']")
    for pair in [] if found is None else found.iterfind("nvpair"):
        if pair.get("name") in KNOWN and pair.get("value"):
            yield str(pair.get("name")), str(pair.get("value"))


def _node(cib: etree._Element, name: str, devices: Mapping[str, tuple[str, Document]]) -> Document:
    """Return what the CIB has of a node.

    Args:
        cib: The CIB.
        name: The node's name.
        devices: The fencing devices' names and tables, by their IDs.
    """
    table: Document = {}
    levels = [
        (_index(level), (level.get("devices") or "").split(","))
        for level in cib.iterfind(f"configuration/fencing-topology/*[@target='{name}']")
    ]
    # Levels of others, or of devices that are not there, cannot be said.
    if levels and all(device in devices for _, several in levels for device in several):
        table["fencing_levels"] = [
            [devices[d][0] for d in several] for _, several in sorted(levels)
        ]
    node = cib.find(f"configuration/nodes/node[@uname='{name}']")
    if node is None:
        return table
    found = pairs_of(node, "instance_attributes")
    # Those of Pacemaker's own, such as #health-disk, are not an administrator's.
    attributes = {
        name: value
        for name, value in found.items()
        if ids.NAME.fullmatch(name) and not is_secret(name, value)
    }
    attributes.pop(ids.SETS, None)
    for key in ("standby", "maintenance"):
        if key in attributes:
            table[key] = is_true(attributes.pop(key))
    if utilization := pairs_of(node, "utilization"):
        table["utilization"] = amounts(utilization)
    return table | ({"attributes": attributes} if attributes else {})


def _index(level: etree._Element) -> int:
    """Return a fencing level's place; Pacemaker ignores one that is no number."""
    return whole_number(level.get("index")) or 0


def _fencing(cib: etree._Element, nodes: list[str]) -> Iterator[tuple[str, tuple[str, Document]]]:
    """Yield the ID of each fencing device, its name in the description, and its table."""
    for primitive in cib.iterfind("configuration/resources/primitive[@class='stonith']"):
        identity = primitive.get("id", "")
        name = mark(primitive).removeprefix("fencing.")
        device: Document = {"agent": primitive.get("type", "")}
        if not name:
            name = re.sub(r"[^A-Za-z0-9_-]", "-", identity)
            device["id"] = identity
        given = public_parameters(primitive)
        device |= _fenced(given, nodes)
        timeout = given.get("pcmk_reboot_timeout", "")
        if timeout and timeout != seconds(_FENCING_TIMEOUT):
            device["timeout"] = timeout
        own = {key: value for key, value in given.items() if key not in _OURS_OF_FENCING}
        if own:
            device["parameters"] = own
        yield identity, (name, device)


def _fenced(given: Mapping[str, str], nodes: list[str]) -> Document:
    """Return which nodes a device can fence, and what it calls them."""
    if plugs := given.get("pcmk_host_map"):
        pairs = [pair.partition(":") for pair in plugs.split(";") if pair]
        return {"plugs": {node: plug for node, _, plug in pairs if node in nodes}}
    # Others may be remote nodes.
    listed = given.get("pcmk_host_list", "").replace(",", " ").split()
    listed = [node for node in listed if node in nodes]
    return {"nodes": listed} if listed and listed != nodes else {}


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
