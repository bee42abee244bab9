"""The names of what a cluster has, from this node's files alone: quickly, and asking nobody.

They are for whoever types a command. Only root can read Pacemaker's file; Corosync's has the nodes
for everybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lxml import etree

from cib_templates.cib.text import NotXml, parse_cib
from cib_templates.reading.files import MEBIBYTE, read_file
from pcs_wrapper.machine.files import LARGEST_CIB
from pcs_wrapper.machine.machine import Machine

# Of a node; no other section of corosync.conf(5) has a key of that name.
_NODE = re.compile(r"^\s*name:\s*(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Names:
    """The names of what a cluster has; none where they cannot be read.

    Attributes:
        nodes: The nodes.
        services: The services, each with the IDs of its parts.
    """

    nodes: Sequence[str] = ()
    services: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_names(machine: Machine) -> Names:
    """Read the names of the cluster that this machine belongs to, whether it runs or not."""
    try:
        cib = parse_cib(read_file(machine.archive / "cib.xml", LARGEST_CIB))
    except (OSError, NotXml):
        return Names(_members(machine))
    nodes = [node.get("uname", "") for node in cib.iterfind("configuration/nodes/node")]
    resources = cib.iterfind("configuration/resources/*")
    return Names(
        list(filter(None, nodes)) or _members(machine),
        {each.get("id", ""): _parts(each) for each in resources if _is_service(each)},
    )


def _members(machine: Machine) -> Sequence[str]:
    try:
        found = read_file(machine.corosync_conf, MEBIBYTE)
    except OSError:
        return ()
    return _NODE.findall(found.decode(errors="replace"))


def _is_service(resource: etree._Element) -> bool:
    return resource.tag != "template" and resource.get("class") != "stonith"


def _parts(resource: etree._Element) -> list[str]:
    return [each.get("id", "") for each in resource.iter("primitive")]
