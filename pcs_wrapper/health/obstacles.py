"""What holds the cluster up, so that Pacemaker does not carry out what it should."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from cib_templates.cib.administration.ordering import Contradiction
from cib_templates.cib.numbers import whole_number
from cib_templates.findings import Finding, error, warning
from pcs_wrapper.health import diagnosis
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Node, Part

NO_DC = error("no-dc", "No node is elected to decide (DC), so nobody carries out a change.")
NO_QUORUM = error(
    "no-quorum", "This part of the cluster has no quorum: the other part may be changed meanwhile."
)
FENCING_FAILS = error(
    "fencing-fails",
    "A node has to be fenced and cannot be: Pacemaker starts nothing anywhere before it is.",
)
NODE_UNCLEAN = error(
    "node-unclean", "A node has to be fenced first: Pacemaker starts nothing before it is."
)
NODE_JOINING = error(
    "node-joining", "A node is joining the cluster; Pacemaker then decides everything anew."
)
NODE_SHUTTING_DOWN = error(
    "node-shutting-down", "A node is shutting down, and its resources are leaving it."
)
ACTION_IN_FLIGHT = error(
    "action-in-flight",
    "An action that was begun before has not ended: Pacemaker begins nothing new before it has.",
)
CLUSTER_IN_MAINTENANCE = warning(
    "cluster-in-maintenance", "The cluster is in maintenance mode: Pacemaker acts on nothing."
)
RESOURCES_STOPPED = error(
    "resources-stopped", "All resources are stopped by the property stop-all-resources."
)
NODE_IN_MAINTENANCE = error(
    "node-in-maintenance",
    "What is to be changed runs on a node in maintenance, where Pacemaker leaves it alone.",
)
RESOURCE_UNMANAGED = error(
    "resource-unmanaged", "What is to be changed is unmanaged: Pacemaker leaves it alone."
)
LAST_FENCING = error(
    "last-fencing",
    "The last fencing device would go: after the next failure of a node nothing is recovered.",
)
ORDER_AGAINST_GROUP = error(
    "order-against-group",
    "A constraint orders two parts of a group otherwise than the group: the scheduler finds no "
    'order ("invalid transition"), and nothing is started, stopped or moved any more.',
)

_AGAIN = "run this again"
# The properties about how a node is fenced. Those that say that it need not be (stonith-enabled,
# stonith-watchdog-timeout, startup-fencing) are no cure: its resources would be started twice.
_FENCING_PROPERTIES = frozenset(
    {
        *("stonith-action", "stonith-timeout", "stonith-max-attempts"),
        *("concurrent-fencing", "priority-fencing-delay"),
    }
)
# The op-status of an action that has not ended (PCMK_EXEC_PENDING).
_PENDING = "-1"
# The time after which an action that has not ended is one that hangs, in seconds.
_LONG = 15
# The roles of a resource while an action on it is in flight.
_DOING = {
    "Starting": "is being started",
    "Stopping": "is being stopped",
    "Promoting": "is being promoted",
    "Demoting": "is being demoted",
    "Migrating": "is being migrated",
}


@dataclass(frozen=True)
class Cure:
    """The changes that can end an obstacle.

    Attributes:
        properties: The names of cluster properties.
        resources: The IDs of resources.
        fencing: Whether changes of fencing devices and fencing levels can.
    """

    properties: frozenset[str] = frozenset()
    resources: frozenset[str] = frozenset()
    fencing: bool = False


@dataclass(frozen=True)
class Obstacle:
    """Something that holds the cluster up.

    Attributes:
        finding: What it is, and what would be right.
        until: When it is over, in a clause, such as `node1 has been fenced`.
        passes: Whether it usually passes by itself within moments.
        cannot_end: Whether it cannot end before somebody acts.
        cure: The changes that can end it.
    """

    finding: Finding
    until: str
    passes: bool = False
    cannot_end: bool = False
    cure: Cure = Cure()


def obstacles(state: ClusterState) -> tuple[Obstacle, ...]:
    """Return what holds the whole cluster up, the most important first.

    Args:
        state: The state of the cluster, with the reasons for failures that could be found.
    """
    decision = no_decision(state)
    if decision is not None:
        # What is said of nodes without a decision is only what this node sees.
        return (decision,)
    return (
        *(_unclean(node, state) for node in state.nodes if node.unclean),
        *_maintenance(state),
        *(found for node in state.nodes for found in _moving(node)),
        *_in_flight(state),
    )


def hanging(state: ClusterState, cib: etree._Element, now: datetime) -> Iterator[Obstacle]:
    """Yield the actions that have been in flight for long, and that no resource's role shows.

    Such an action is a probe: the resource is not known to run, so its role remains Stopped.

    Args:
        state: The state of the cluster.
        cib: The live CIB with its status.
        now: The time of day.
    """
    clean = {node.name for node in state.nodes if node.online and not node.unclean}
    shown = {part.id for resource in state.resources for part in resource.parts if in_flight(part)}
    for node_state in cib.iterfind("status/node_state"):
        node = node_state.get("uname", "")
        for operation in node_state.iterfind("lrm/lrm_resources/lrm_resource/lrm_rsc_op"):
            begun = whole_number(operation.get("last-rc-change"))
            if node not in clean or operation.get("op-status") != _PENDING or begun is None:
                continue
            resource = operation.getparent()
            name = "" if resource is None else resource.get("id", "").partition(":")[0]
            seconds = now.timestamp() - begun
            if seconds >= _LONG and name not in shown:
                what = operation.get("operation", "action")
                yield Obstacle(
                    ACTION_IN_FLIGHT.at(
                        (name,),
                        f"{what} of {name} on {node} was begun {seconds:.0f} s ago and has not "
                        "ended",
                        "Pacemaker begins nothing new before it has, or before its time limit is "
                        f"over; then {_AGAIN}. A change of {name} alone is let through",
                    ),
                    "what was begun before has ended",
                    cure=Cure(resources=frozenset({name})),
                )


def obstacles_of(
    state: ClusterState, resources: Collection[str], managed_by_it: Collection[str]
) -> Iterator[Obstacle]:
    """Yield what holds up a change of resources, beside what holds the whole cluster up.

    Args:
        state: The state of the cluster.
        resources: The IDs of the outermost resources that are changed.
        managed_by_it: The IDs of those of them that are unmanaged now, and not after the change.
    """
    if state.maintenance:
        return
    idle = {node.name for node in state.nodes if node.maintenance}
    for resource in state.resources:
        if resource.id not in resources:
            continue
        nodes = {node for part in resource.parts for node in part.nodes}
        if nodes and nodes <= idle:
            where = ", ".join(sorted(nodes))
            yield Obstacle(
                NODE_IN_MAINTENANCE.at(
                    (resource.id,),
                    f"{resource.id} runs on {where}, which is in maintenance: Pacemaker leaves it "
                    "alone there",
                    f"End that (pcs node unmaintenance {' '.join(sorted(nodes))}), then {_AGAIN}",
                ),
                f"the maintenance of {where} has ended",
            )
        elif resource.id not in managed_by_it and not all(part.managed for part in resource.parts):
            yield Obstacle(
                RESOURCE_UNMANAGED.at(
                    (resource.id,),
                    f"{resource.id} is unmanaged, so Pacemaker leaves it alone",
                    f"End that (takeover service maintenance off {resource.id}), then {_AGAIN}",
                ),
                f"{resource.id} is managed again",
            )


def last_fencing(devices: Collection[str]) -> Finding:
    """Return that a change takes all fencing devices out.

    Args:
        devices: Their IDs.
    """
    return LAST_FENCING.at(
        (),
        f"{', '.join(sorted(devices))} would go, and nothing could fence a node then: nothing "
        "would be recovered after its failure, and nothing started",
        "Have another fencing device first",
    )


def against_group(found: Contradiction) -> Finding:
    """Return what a constraint does that contradicts the order of a group.

    Args:
        found: The constraint.
    """
    return ORDER_AGAINST_GROUP.at(
        (found.constraint,),
        f"the constraint {found.constraint} starts {found.first} before {found.then}, and the "
        f"group {found.group} starts {found.then} first: Pacemaker does neither, and moves "
        f"{found.group} nowhere",
        f"Take it out, as the group has an order: pcs constraint delete {found.constraint}",
    )


def no_decision(state: ClusterState) -> Obstacle | None:
    """Return why this partition of the cluster decides nothing; None if it does.

    Pacemaker takes changes without quorum, and lets one of two configurations win when the
    partitions meet. What the other partition runs meanwhile is not known here either.
    """
    without = diagnosis.no_decision(state)
    if not without:
        return None
    if state.dc is None:
        finding = NO_DC.at(
            (),
            without,
            "Nothing was changed, because nobody would carry it out. Wait until one is elected, "
            f"then {_AGAIN}; the nodes' journals tell why it takes long: journalctl -u corosync "
            "-u pacemaker",
        )
        return Obstacle(finding, "a node has been elected to decide (DC)", passes=True)
    finding = NO_QUORUM.at(
        (),
        without,
        "Nothing was changed: the other partition may have quorum, and changes of its own. Bring "
        "nodes back (takeover cluster start), or apply it on a node of the other partition",
    )
    return Obstacle(finding, "there is quorum", cannot_end=True)


def _unclean(node: Node, state: ClusterState) -> Obstacle:
    failure = diagnosis.fencing_failure(node.name, state)
    stops = {
        failed.resource
        for failed in state.failures
        if failed.action in ("stop", "demote") and failed.node == node.name
    }
    until = f"{node.name} has been fenced"
    cure = Cure(_FENCING_PROPERTIES, frozenset(stops), fencing=True)
    if failure:
        finding = FENCING_FAILS.at(
            (node.name,),
            f"{node.name} is {node.state} and must be fenced, but {failure}",
            "Before that, Pacemaker may stop services, and starts none. Repair the device or the "
            f"way to it, as Pacemaker goes on trying; then {_AGAIN}. A change of nothing but "
            "fencing is let through",
        )
        return Obstacle(finding, until, cannot_end=True, cure=cure)
    finding = NODE_UNCLEAN.at(
        (node.name,),
        f"{node.name} is {node.state}: it must be fenced, and has not been yet",
        f"When `takeover status` shows that it has been fenced, {_AGAIN}",
    )
    return Obstacle(finding, until, cure=cure)


def _maintenance(state: ClusterState) -> Iterator[Obstacle]:
    if state.maintenance:
        yield Obstacle(
            CLUSTER_IN_MAINTENANCE.at(
                (),
                "the cluster is in maintenance mode: Pacemaker would start and stop nothing, and "
                "do all of it at once when that ends",
                f"End it (pcs property set maintenance-mode=false), then {_AGAIN}",
            ),
            "the maintenance mode has ended",
            cure=Cure(frozenset({"maintenance-mode"})),
        )
    if state.stopped:
        yield Obstacle(
            RESOURCES_STOPPED.at(
                (),
                "all resources are stopped by the property stop-all-resources",
                f"End that (pcs property set stop-all-resources=false), then {_AGAIN}",
            ),
            "stop-all-resources is false",
            cure=Cure(frozenset({"stop-all-resources"})),
        )


def _moving(node: Node) -> Iterator[Obstacle]:
    """Yield that a node is on its way into the cluster, or out of it."""
    if node.unclean:
        return
    if node.pending:
        yield Obstacle(
            NODE_JOINING.at(
                (node.name,),
                f"{node.name} is joining the cluster",
                f"When `takeover status` shows that it is online, {_AGAIN}",
            ),
            f"{node.name} has joined",
            passes=True,
        )
    elif node.online and node.shutdown:
        yield Obstacle(
            NODE_SHUTTING_DOWN.at(
                (node.name,),
                f"{node.name} is shutting down",
                f"When `takeover status` shows that it is OFFLINE, {_AGAIN}",
            ),
            f"{node.name} has shut down",
            passes=True,
        )


def _in_flight(state: ClusterState) -> Iterator[Obstacle]:
    clean = {node.name for node in state.nodes if node.online and not node.unclean}
    for resource in state.resources:
        doing = [part for part in resource.parts if _is_busy(part, clean)]
        if not doing:
            continue
        sentences = ", ".join(in_flight(part) for part in doing)
        yield Obstacle(
            ACTION_IN_FLIGHT.at(
                (resource.id,),
                sentences,
                "Pacemaker begins nothing new before that has ended. When `takeover status` shows "
                f"that it has, {_AGAIN}. A change of {resource.id} alone is let through",
            ),
            "what was begun before has ended",
            passes=True,
            cure=Cure(resources=frozenset({resource.id, *(part.id for part in doing)})),
        )


def _is_busy(part: Part, clean: set[str]) -> bool:
    return part.role in _DOING and (not part.nodes or not clean.isdisjoint(part.nodes))


def in_flight(part: Part) -> str:
    """Return what is being done with a resource in a clause; empty if nothing is."""
    if part.role not in _DOING:
        return ""
    where = f" on {', '.join(part.nodes)}" if part.nodes else ""
    return f"{part.id} {_DOING[part.role]}{where}"
