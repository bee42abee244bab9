"""The description of a rig's cluster, in full: a PostgreSQL that any of its nodes can take over."""

import json
from pathlib import Path
from string import Template

from vagrant.common.disks import TARGET
from vagrant.common.networks import CLUSTER_LINKS, floating_address
from vagrant.rig import Rig, RigLayout

#: Where it is on a rig's first node.
DESCRIPTION = "/root/shop.toml"

#: Where Debian's releases have PostgreSQL's programs.
_POSTGRES = {"bookworm": "/usr/lib/postgresql/15/bin", "trixie": "/usr/lib/postgresql/17/bin"}


def description(rig: Rig) -> str:
    """Return the cluster's description, for a rig's nodes, disks, networks and fencing."""
    layout, equipment = rig.layout, rig.equipment
    template = Template(Path(__file__).with_name("description.toml").read_text())
    nodes = "".join(
        f"[nodes.{node}]\nlinks = {json.dumps(_addresses(layout, node))}\n\n"
        for node in layout.node_names
    )
    return template.substitute(
        nodes=nodes,
        node_names=", ".join(json.dumps(node) for node in layout.node_names),
        portal=layout.portal,
        target=TARGET,
        token=equipment.token_time,
        fencing=equipment.fencing,
        disk=equipment.disk,
        postgres=postgres_programs(rig),
        address=floating_address(),
    )


def postgres_programs(rig: Rig) -> str:
    """Return the folder that has PostgreSQL's programs on a rig's nodes."""
    return _POSTGRES[rig.layout.release]


def _addresses(layout: RigLayout, node: str) -> list[str]:
    return [layout.node_address(node, link) for link in CLUSTER_LINKS]
