"""What is not well with the cluster: status, drift, plan and apply tell the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.nvset import is_true
from cib_templates.findings import Finding, error, warning
from pcs_wrapper.health import diagnosis, obstacles
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.corosync import read_links
from pcs_wrapper.pacemaker.crm_mon import ClusterState

FENCING_OFF = error(
    "fencing-off",
    "Fencing is switched off, or there is no fencing device: after a failure of a node, either "
    "nothing is recovered, or two nodes may write to the same disk.",
)
SERVICE_STOPPED = error("service-stopped", "A service does not run, or not in all of its parts.")
FENCING_STOPPED = error("fencing-stopped", "A fencing device does not run.")
FENCING_FAILED = error("fencing-failed", "A node could not be fenced when it was tried last.")
MAINTENANCE = warning(
    "maintenance", "A node is in maintenance mode: nothing on it is recovered after a failure."
)
SERVICE_DISABLED = warning("service-disabled", "A service is stopped because it was disabled.")
SERVICE_UNMANAGED = warning(
    "service-unmanaged", "A service runs, but Pacemaker leaves it alone: there is no failover."
)
NODE_AWAY = warning("node-away", "A node is offline, or may not run anything.")
LINK_DOWN = warning(
    "link-down", "A Corosync link between two nodes is dead: another one still works, for now."
)


@dataclass(frozen=True)
class Watched:
    """What the condition of a cluster is judged by, beside its state.

    Attributes:
        links: For each of this node's Corosync links the IDs of the other nodes, and whether it
            is connected; None if that is not known.
        properties: The cluster's properties.
    """

    links: Mapping[int, Mapping[str, bool]] | None
    properties: Mapping[str, str]


def watch(machine: Machine, live: etree._Element) -> Watched:
    """Return what the condition of the cluster is judged by.

    Args:
        machine: This machine.
        live: The live CIB.
    """
    pairs = live.iterfind("configuration/crm_config/cluster_property_set/nvpair")
    # In doubt the first set counts (Pacemaker Explained, "Cluster Options").
    properties: dict[str, str] = {}
    for pair in pairs:
        properties.setdefault(pair.get("name") or "", pair.get("value") or "")
    return Watched(read_links(machine), properties)


def condition(machine: Machine, state: ClusterState, watched: Watched) -> Iterator[Finding]:
    """Find what is not well, the worst first.

    Args:
        machine: This machine.
        state: The state of the cluster.
        watched: What else it is judged by.
    """
    yield from _fencing_off(state, watched)
    yield from _undecided(state)
    yield from _unclean(state)
    yield from _services(state)
    for device, why in diagnosis.stopped_fencing(state).items():
        yield FENCING_STOPPED.at((device,), f"the fencing device does not run: {why}")
    unclean = {node.name for node in state.nodes if node.unclean}
    for node_name, failed in diagnosis.failed_fencing(state).items():
        if node_name not in unclean:
            yield FENCING_FAILED.at(
                (node_name,), f"{node_name} could not be fenced: {failed.reason} ({failed.count})"
            )
    yield from _maintenance(state)
    yield from _away(state)
    yield from _links(machine, state, watched.links or {})


def _fencing_off(state: ClusterState, watched: Watched) -> Iterator[Finding]:
    if not state.fencing_enabled:
        yield FENCING_OFF.at(
            (),
            "fencing is switched off (stonith-enabled=false), so a failed node may go on writing "
            "to a disk while another one takes it over",
            "To switch it on: pcs property set stonith-enabled=true",
        )
    elif not state.fencing and not watchdog_fences(watched.properties):
        yield FENCING_OFF.at(
            (),
            "there is no fencing device, so nothing is recovered when a node fails",
            "Describe one ([fencing.NAME]) and apply the description",
        )


def watchdog_fences(properties: Mapping[str, str]) -> bool:
    """Return whether nodes end themselves, with SBD and a watchdog but without a device."""
    timeout = properties.get("stonith-watchdog-timeout", "")
    return is_true(properties.get("have-watchdog", "")) and timeout.strip("0smh ") != ""


def _undecided(state: ClusterState) -> Iterator[Finding]:
    without = diagnosis.no_decision(state)
    if without and state.dc is None:
        yield obstacles.NO_DC.at(
            (), without, "The nodes' journals tell why: journalctl -u pacemaker"
        )
    elif without:
        yield obstacles.NO_QUORUM.at((), without, "Bring nodes back (pcs cluster start --all)")


def _unclean(state: ClusterState) -> Iterator[Finding]:
    for node in state.nodes:
        if node.unclean and (failure := diagnosis.fencing_failure(node.name, state)):
            yield obstacles.FENCING_FAILS.at(
                (node.name,),
                f"{node.name} is {node.state} and must be fenced, but {failure}",
                "Repair the device or the way to it: Pacemaker goes on trying",
            )
        elif node.unclean:
            yield obstacles.NODE_UNCLEAN.at(
                (node.name,), f"{node.name} is {node.state}: it must be fenced, and is not yet"
            )


def _services(state: ClusterState) -> Iterator[Finding]:
    for service in diagnosis.services(state):
        if service.is_disabled:
            yield SERVICE_DISABLED.at((service.id,), f"it is {service.state}: {service.why}")
        elif not service.is_running:
            yield SERVICE_STOPPED.at((service.id,), f"it is {service.state}: {service.why}")
        elif not state.maintenance and not all(part.managed for part in service.parts):
            yield SERVICE_UNMANAGED.at(
                (service.id,),
                "it runs, but Pacemaker leaves it alone, so there is no failover",
                f"To end that: pcs resource manage {service.id}",
            )


def _maintenance(state: ClusterState) -> Iterator[Finding]:
    if state.maintenance:
        yield obstacles.CLUSTER_IN_MAINTENANCE.at(
            (),
            "the cluster is in maintenance mode: nothing is recovered after a failure",
            "To end that: pcs property set maintenance-mode=false",
        )
    for node in state.nodes:
        if node.maintenance and not state.maintenance:
            yield MAINTENANCE.at(
                (node.name,),
                f"{node.name} is in maintenance mode: nothing on it is recovered after a failure",
                f"To end that: pcs node unmaintenance {node.name}",
            )


def _away(state: ClusterState) -> Iterator[Finding]:
    for node in state.nodes:
        if not node.unclean and not node.maintenance and node.state != "online":
            hint = {
                "OFFLINE": f"To start it: pcs cluster start {node.name}",
                "standby": f"To end that: pcs node unstandby {node.name}",
            }
            yield NODE_AWAY.at(
                (node.name,), f"{node.name} is {node.state}", hint.get(node.state, "")
            )


def _links(
    machine: Machine, state: ClusterState, links: Mapping[int, Mapping[str, bool]]
) -> Iterator[Finding]:
    """Find the links of this node that are dead, although the node at the other end is a member."""
    members = {node.number: node.name for node in state.nodes if node.online and node.number}
    for link, peers in links.items():
        lost = [members[peer] for peer, up in peers.items() if not up and peer in members]
        if lost:
            yield LINK_DOWN.at(
                (),
                f"link {link} from {machine.host} to {', '.join(lost)} is dead: if the next one "
                "fails, too, a node is lost",
                "Look at the network of that link: corosync-cfgtool -s",
            )
