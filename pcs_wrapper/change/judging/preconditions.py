"""What must be right before a description is applied: it is of this cluster, and can be applied."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator

from lxml import etree

from cib_templates.findings import Finding, Severity, error
from cib_templates.merging.handover import passed
from cib_templates.model.description import Description
from pcs_wrapper.change.stopping import outermost_of
from pcs_wrapper.errors import NotApplicable
from pcs_wrapper.machine import disks
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.corosync import ClusterConfig
from pcs_wrapper.pacemaker.crm_mon import ClusterState

_OUR_AGENTS = "primitive[@provider='takeover']"

NODES_DIFFER = error(
    "nodes-differ", "The running cluster has other nodes than the description: is it another one?"
)
CLUSTER_NAME_DIFFERS = error(
    "cluster-name-differs",
    "The running cluster has another name than the description: is it another one?",
)
AGENT_MISSING = error("agent-missing", "One of Takeover's agents is not installed on this node.")
FENCE_AGENT_MISSING = error(
    "fence-agent-missing", "A fence agent that a device uses is not installed on this node."
)
SBD_DISK_NOT_EMPTY = error(
    "sbd-disk-not-empty",
    "A disk that SBD shall have has something else on it, such as a filesystem, which SBD's header "
    "would destroy.",
)
EXCLUSIVE_DOUBLED = error(
    "exclusive-doubled",
    "A resource of the cluster has a disk, mount point, address or DRBD resource that a new one "
    "would have as well.",
)
EXCLUSIVE_PASSED = error(
    "exclusive-passed",
    "A disk, mount point or address would pass from one resource to another; for a moment both "
    "could have it, on two nodes.",
)


def require(machine: Machine, findings: Iterable[Finding]) -> None:
    """Warn of what is seldom meant, and refuse to go on if anything is wrong.

    Raises:
        NotApplicable: With everything that is wrong.
    """
    wrong = []
    for finding in findings:
        if finding.severity is Severity.WARNING:
            machine.console.warning(f"{finding.message}. {finding.hint}")
        else:
            wrong.append(finding)
    if wrong:
        raise NotApplicable(wrong)


def other_cluster(
    description: Description, state: ClusterState, config: ClusterConfig
) -> Iterator[Finding]:
    """Find what says that it is not the description of this cluster.

    Args:
        description: What the cluster shall be.
        state: How the cluster is.
        config: Corosync's configuration, which apply does not change.
    """
    described = set(description.nodes)
    # A remote node is a resource, and not one of those that a description names.
    present = {node.name for node in state.nodes if not node.remote}
    if described != present:
        more = ", ".join(sorted(described - present))
        fewer = ", ".join(sorted(present - described))
        differences = [f"the cluster lacks {more}"] if more else []
        differences += [f"the description lacks {fewer}"] if fewer else []
        yield NODES_DIFFER.at(
            ("nodes",),
            "the description and the running cluster do not have the same nodes: "
            f"{'; '.join(differences)}",
            _renamed(description, config) or "Is it the description of this cluster?",
        )
    cluster = description.cluster
    if config.name != cluster.name:
        yield CLUSTER_NAME_DIFFERS.at(
            ("cluster", "name"),
            f"the running cluster is called {config.name!r}, the description's {cluster.name!r}",
            "Is it the description of this cluster? apply does not rename one. pcs 0.12 and newer "
            "can, while it is off: takeover cluster stop, pcs cluster rename NAME, takeover "
            "cluster start",
        )


def _renamed(description: Description, config: ClusterConfig) -> str:
    """Return how a node gets the name that the description has for its addresses; may be empty."""
    links = {name: [*map(str, node.links)] for name, node in description.nodes.items()}
    pairs = [
        (old, new)
        for old, addresses in config.nodes.items()
        for new, described in links.items()
        if addresses == described and old not in links and new not in config.nodes
    ]
    return "; ".join(
        f"Is {old} to be called {new}? A node gets another name when it leaves and comes back: "
        f"takeover node remove {old}, its new host name, takeover node add {new}"
        for old, new in pairs
    )


def missing_agents(machine: Machine, new: etree._Element) -> Iterator[Finding]:
    """Find those of Takeover's agents that the CIB uses and this node does not have."""
    used = {str(primitive.get("type")) for primitive in new.iterfind(f".//{_OUR_AGENTS}")}
    missing = [name for name in sorted(used) if not os.access(machine.agents / name, os.X_OK)]
    if missing:
        names = ", ".join(f"ocf:takeover:{name}" for name in missing)
        yield AGENT_MISSING.at(
            (),
            f"{names} {_are(missing)} not installed on this machine",
            "Run `takeover agents install` on every node",
        )


def missing_fence_agents(machine: Machine, description: Description) -> Iterator[Finding]:
    """Find the fence agents that a description uses and this node does not have.

    Of one that is missing, Pacemaker tells only that its device does not start.
    """
    used = {device.agent for device in description.fencing.values()}
    missing = [agent for agent in sorted(used) if machine.runner.find(agent) is None]
    if missing:
        yield FENCE_AGENT_MISSING.at(
            ("fencing",),
            f"{', '.join(missing)} {_are(missing)} not installed on this machine",
            "On every node, install the fence agent's package (Debian 12: fence-agents, 13: "
            "`apt search fence-agents-`)",
        )


def full_sbd_disks(machine: Machine, devices: Iterable[str]) -> Iterator[Finding]:
    """Find the disks that SBD shall have and that have something on them.

    An old header of SBD's may be written again.

    Args:
        machine: This machine.
        devices: The disks, before SBD's header is written to them.
    """
    for device in devices:
        if what := disks.content(machine, device):
            yield SBD_DISK_NOT_EMPTY.at(
                ("sbd", "devices"),
                f"{device} has something on it ({what}), which SBD's header would destroy",
                "Give SBD a disk of its own, of some MiB. If what is on this one is not needed: "
                f"wipefs --all {device}",
            )


def passed_exclusives(
    old: etree._Element, new: etree._Element, gone: Collection[str] = ()
) -> Iterator[Finding]:
    """Find what two resources could have at once, even if only for a moment.

    Args:
        old: The live CIB.
        new: The CIB after the change.
        gone: The IDs of the outermost resources that run nowhere any more when the change is
            pushed; what they have may pass to others.
    """
    for each in passed(old, new):
        if each.stays:
            yield EXCLUSIVE_DOUBLED.at(
                (),
                f"{each.what} belongs to {each.old}, which stays, and would also be started by "
                f"{each.new}",
                f"Leave it out of {each.new}, or remove {each.old} first",
            )
    found = [
        each
        for each in passed(old, new)
        if not each.stays and outermost_of(old, each.old) not in gone
    ]
    if found:
        passing = "; ".join(f"{each.what} from {each.old} to {each.new}" for each in found)
        services = dict.fromkeys(outermost_of(new, each.new) for each in found)
        noun = "service" if len(services) == 1 else "services"
        yield EXCLUSIVE_PASSED.at(
            (),
            f"something that only one may have would pass from one resource to another: {passing}. "
            "For a moment both could have it, on two nodes",
            f"First apply a description without the {noun} {', '.join(services)}, then this one",
        )


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
