"""A description as a CIB: cluster properties, fencing, services, and where these may run.

The element and attribute names are those of "Pacemaker Explained".
"""

from __future__ import annotations

from lxml import etree

from cib_templates.cib.ids import PROPERTIES_ID
from cib_templates.cib.nvset import nvset
from cib_templates.model.description import Description
from cib_templates.rendering.constraints import constraints
from cib_templates.rendering.fencing import fencing_levels, fencing_locations, fencing_resources
from cib_templates.rendering.fragments import add_fragments
from cib_templates.rendering.nodes import node_sets
from cib_templates.rendering.properties import properties
from cib_templates.rendering.services import service_resources

# The newest schema that Pacemaker 2.1.5 has (Debian 12); Pacemaker 3.0 takes it too.
SCHEMA = "pacemaker-3.9"


def render(description: Description) -> etree._Element:
    """Return the CIB of a cluster that has what the description says and nothing else."""
    # The version attributes are required by the schema; a cluster counts its own.
    cib = etree.Element(
        "cib", {"validate-with": SCHEMA, "admin_epoch": "0", "epoch": "1", "num_updates": "0"}
    )
    configuration = etree.SubElement(cib, "configuration")
    crm_config = etree.SubElement(configuration, "crm_config")
    crm_config.append(nvset("cluster_property_set", PROPERTIES_ID, properties(description)))
    nodes = etree.SubElement(configuration, "nodes")
    for number, (name, node) in enumerate(description.nodes.items(), start=1):
        element = etree.SubElement(nodes, "node", id=str(number), uname=name)
        element.extend(node_sets(node, str(number)))
    for section, elements in sections(description, services=True).items():
        # What has nothing to say is left out, but for the two that every CIB has.
        if elements or section in ("resources", "constraints"):
            etree.SubElement(configuration, section).extend(elements)
    etree.SubElement(cib, "status")
    etree.indent(cib)
    return cib


def sections(description: Description, *, services: bool) -> dict[str, list[etree._Element]]:
    """Return what a description has for each section of the CIB but properties and nodes.

    Args:
        description: The cluster.
        services: Whether with the services, not only with fencing.
    """
    wanted = {
        "resources": fencing_resources(description),
        "constraints": fencing_locations(description),
        "fencing-topology": fencing_levels(description),
    }
    if services:
        wanted["resources"] += service_resources(description)
        wanted["constraints"] += constraints(description)
        add_fragments(wanted, description.fragments)
    return wanted
