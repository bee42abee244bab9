"""What must be right before a description is applied: it is of this cluster, and can be applied."""

from __future__ import annotations

import os
from datetime import timedelta

from lxml import etree

from cib_templates.merging.handover import passed
from cib_templates.model.description import Description
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.health import diagnosis
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.corosync import ClusterConfig
from pcs_wrapper.pacemaker.crm_mon import ClusterState

_OUR_AGENTS = "primitive[@provider='takeover']"


def check_quorum(state: ClusterState) -> None:
    """Refuse to change a configuration that another partition may be changing as well.

    Pacemaker takes changes without quorum, and lets one of two configurations win when the
    partitions meet. What the other partition runs meanwhile is not known here either.
    """
    without = diagnosis.no_decision(state)
    if without:
        raise ClusterError(
            f"{without}. Nothing was changed: the other partition may have quorum, and changes of "
            "its own. Bring nodes back (pcs cluster start --all), or apply it on a node of the "
            "other partition"
        )


def check_nodes(description: Description, state: ClusterState) -> None:
    """Check that the running cluster has the description's nodes."""
    described = set(description.nodes)
    present = {node.name for node in state.nodes}
    if described != present:
        more = ", ".join(sorted(described - present))
        fewer = ", ".join(sorted(present - described))
        differences = [f"the cluster lacks {more}"] if more else []
        differences += [f"the description lacks {fewer}"] if fewer else []
        raise ClusterError(
            "the description and the running cluster do not have the same nodes: "
            f"{'; '.join(differences)}. Is it the description of this cluster?"
        )


def check_corosync(machine: Machine, config: ClusterConfig, description: Description) -> None:
    """Check what is in Corosync's configuration, not in the CIB: apply does not change it."""
    described = description.cluster
    if config.name != described.name:
        raise ClusterError(
            f"the running cluster is called {config.name!r}, the description's {described.name!r}. "
            "Is it the description of this cluster? apply does not rename one"
        )
    if config.token != described.token:
        now, wanted = (
            token // timedelta(milliseconds=1) for token in (config.token, described.token)
        )
        machine.console.warning(
            f"the cluster's token is {now} ms, the description's {wanted} ms. apply leaves it as "
            f"it is; to change it: pcs cluster config update totem token={wanted}"
        )


def check_agents(machine: Machine, new: etree._Element) -> None:
    """Check that Takeover's agents that the CIB uses are installed on this node."""
    used = {str(primitive.get("type")) for primitive in new.iterfind(f".//{_OUR_AGENTS}")}
    missing = [name for name in sorted(used) if not os.access(machine.agents / name, os.X_OK)]
    if missing:
        names = ", ".join(f"ocf:takeover:{name}" for name in missing)
        raise ClusterError(
            f"{names} not installed on this machine: run `takeover agents install` on every node"
        )


def check_fence_agents(machine: Machine, description: Description) -> None:
    """Check that the fence agents are installed on this node.

    Of one that is missing, Pacemaker tells only that its device does not start.

    Raises:
        ClusterError: Some are not.
    """
    used = {device.agent for device in description.fencing.values()}
    missing = [agent for agent in sorted(used) if machine.runner.find(agent) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ClusterError(
            f"{', '.join(missing)} {verb} not installed on this machine. On every node, install "
            "the fence agent's package (Debian 12: fence-agents, 13: `apt search fence-agents-`)"
        )


def check_exclusive(old: etree._Element, new: etree._Element) -> None:
    """Refuse to let two resources have the same disk, even for a moment."""
    found = passed(old, new)
    if found:
        passing = "; ".join(f"{each.what} from {each.old} to {each.new}" for each in found)
        services = dict.fromkeys(_service_of(new, each.new) for each in found)
        noun = "service" if len(services) == 1 else "services"
        raise ClusterError(
            f"would pass from one resource to another: {passing}. For a moment both could have "
            f"it, on two nodes. First apply a description without the {noun} "
            f"{', '.join(services)}, then this one"
        )


def _service_of(cib: etree._Element, part: str) -> str:
    """Return the ID of the group that a resource is in."""
    group = cib.find(f"configuration/resources/group/primitive[@id='{part}']/..")
    return part if group is None else group.get("id", "")
