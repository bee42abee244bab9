"""What is not well with the cluster: status, drift, plan and apply tell the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from cib_templates.cib.administration.for_a_while import ForAWhile, sets_for_a_while
from cib_templates.cib.administration.ordering import Contradiction, contradictions
from cib_templates.cib.administration.placement import Placement, placements
from cib_templates.cib.nvset import is_true
from cib_templates.findings import Finding, error, warning
from pcs_wrapper.health import diagnosis, obstacles
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.corosync import read_links
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.pacemaker.pauses import Pause, pause_of

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
SERVICE_PINNED = warning(
    "service-pinned", "An administrator has pinned a service to a node, which it prefers to all."
)
SERVICE_BANNED = warning(
    "service-banned", "An administrator has banned a service from a node, which cannot take over."
)
SERVICE_RESTARTING = warning(
    "service-restarting", "A service is being restarted, or its restart was interrupted."
)
SERVICE_HELD = warning(
    "service-held",
    "A constraint holds a service on a node for a while: a move or a restart is under way, or was "
    "interrupted.",
)
NODE_AWAY = warning("node-away", "A node is offline, or may not run anything.")
NODE_PAUSED = warning(
    "node-paused", "A node takes nothing new because it is paused, although it is online."
)
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
        placements: Where services are pinned to, or banned from.
        for_a_while: What resources have for a while, as during a restart.
        pauses: The nodes that are paused, each with its pause.
        contradictions: The constraints that contradict the order of a group.
    """

    links: Mapping[int, Mapping[str, bool]] | None
    properties: Mapping[str, str]
    placements: tuple[Placement, ...] = ()
    for_a_while: tuple[ForAWhile, ...] = ()
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    contradictions: tuple[Contradiction, ...] = ()


def watch(machine: Machine, live: etree._Element) -> Watched:
    """Return what the condition of the cluster is judged by.

    Args:
        machine: This machine.
        live: The live CIB.
    """
    now = machine.now()
    names = [each.get("uname", "") for each in live.iterfind("configuration/nodes/node")]
    paused = {name: pause for name in names if (pause := pause_of(live, name, now))}
    return Watched(
        read_links(machine),
        properties_of(live),
        tuple(placements(live)),
        tuple(sets_for_a_while(live)),
        paused,
        tuple(contradictions(live)),
    )


def properties_of(live: etree._Element) -> dict[str, str]:
    """Return the cluster's properties.

    Args:
        live: The live CIB.
    """
    pairs = live.iterfind("configuration/crm_config/cluster_property_set/nvpair")
    # In doubt the first set counts (Pacemaker Explained, "Cluster Options").
    properties: dict[str, str] = {}
    for pair in pairs:
        properties.setdefault(pair.get("name") or "", pair.get("value") or "")
    return properties


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
    yield from map(obstacles.against_group, watched.contradictions)
    yield from _services(state)
    yield from _placements(machine, watched)
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
    yield from _paused(state, watched.pauses)
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
        yield obstacles.NO_QUORUM.at((), without, "Bring nodes back (takeover cluster start)")


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
                f"To end that: takeover service maintenance off {service.id}",
            )


def _placements(machine: Machine, watched: Watched) -> Iterator[Finding]:
    restarting = {
        each.outermost: each.ends
        for each in watched.for_a_while
        if each.ends is not None and each.ends > machine.now()
    }
    for name, ends in restarting.items():
        yield SERVICE_RESTARTING.at(
            (name,),
            f"it, or a part of it, is stopped or started for a restart, until {ends:%H:%M:%S} UTC "
            "at the longest: that is under way, or was interrupted",
            f"To start it if it was interrupted: takeover service start {name}",
        )
    for placed in watched.placements:
        name, node = placed.resource, placed.node
        hint = f"To end that: takeover service unpin {name}"
        if placed.ends is not None:
            if not placed.has_ended(machine.now()) and name not in restarting:
                yield SERVICE_HELD.at(
                    (name,),
                    f"it is held on {node} until {placed.ends:%H:%M:%S} UTC: a move or a restart "
                    "is under way, or was interrupted",
                    "The next command that changes the cluster takes that out",
                )
        elif placed.kind == "pin":
            yield SERVICE_PINNED.at((name,), f"it is pinned to {node}", hint)
        else:
            yield SERVICE_BANNED.at(
                (name,), f"it is banned from {node}, which cannot take it over", hint
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
                "OFFLINE": f"To start it: takeover cluster start {node.name}",
                "standby": f"To end that: takeover node resume {node.name}",
            }
            yield NODE_AWAY.at(
                (node.name,), f"{node.name} is {node.state}", hint.get(node.state, "")
            )


def _paused(state: ClusterState, paused: Mapping[str, Pause]) -> Iterator[Finding]:
    """Find the pauses that Pacemaker does not show as standby: those by a constraint."""
    for node in state.nodes:
        pause = paused.get(node.name)
        if pause is not None and node.state == "online":
            what = "keeps what it runs and takes nothing new" if pause.keeps else "runs nothing"
            until = ""
            if pause.until is not None:
                until = f", until {pause.until.isoformat(timespec='seconds')}"
            yield NODE_PAUSED.at(
                (node.name,),
                f"{node.name} is paused: it {what}{until}",
                f"To end that: takeover node resume {node.name}",
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
