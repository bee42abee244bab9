"""Node attributes and utilization in the CIB."""

from __future__ import annotations

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.nvset import nvset
from cib_templates.model.cluster import Node


def node_sets(node: Node, identity: str) -> list[etree._Element]:
    """Return a node's sets of attributes and of utilization, with the IDs that pcs gives them.

    Args:
        node: The node.
        identity: Its ID in the CIB, a number.
    """
    attributes = dict(node.attributes)
    if node.standby is not None:
        attributes["standby"] = "on" if node.standby else "off"
    if node.maintenance is not None:
        attributes["maintenance"] = "true" if node.maintenance else "false"
    listed = [*attributes, *(f"utilization.{name}" for name in node.utilization)]
    if listed:
        attributes[ids.SETS] = " ".join(sorted(listed))
    sets = []
    if attributes:
        sets.append(nvset("instance_attributes", f"nodes-{identity}", attributes))
    if node.utilization:
        amounts = {name: str(amount) for name, amount in node.utilization.items()}
        sets.append(nvset("utilization", f"nodes-{identity}-utilization", amounts))
    return sets
