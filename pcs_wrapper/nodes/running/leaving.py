"""What happens when the cluster is stopped on nodes: what moves, stops, or goes on without it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from cib_templates.findings import Finding, error
from pcs_wrapper.health.condition import properties_of
from pcs_wrapper.health.losses import decide_without, policy_of, without_quorum
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes.effects import Effect, effects, fenced
from pcs_wrapper.nodes.verification import runs_on
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.pacemaker.pauses import Pause, with_pause
from pcs_wrapper.pacemaker.simulation import simulate

QUORUM_WOULD_GO = error(
    "quorum-would-go", "Without the nodes on which the cluster is to be stopped there is no quorum."
)
GOES_ON_ALONE = error(
    "service-would-go-on-alone",
    "A service is left alone by Pacemaker, and would go on running on a node on which the cluster "
    "is stopped.",
)

# What may go on without quorum: everything, or what runs already (no-quorum-policy).
_GOES_ON = ("ignore", "freeze")
_FREEZE = "freeze"


@dataclass(frozen=True)
class Leaving:
    """What happens when the cluster is stopped on nodes.

    Attributes:
        effects: What happens to services.
        fenced: The nodes that would be fenced because of it.
        alone: The services that go on running there without a cluster.
        quorum: Why those that stay would have no quorum; None if they have, or nobody stays.
        nobody_stays: Whether no node of the cluster stays.
    """

    effects: tuple[Effect, ...] = ()
    fenced: tuple[str, ...] = ()
    alone: tuple[Finding, ...] = ()
    quorum: Finding | None = None
    nobody_stays: bool = False


def leaving(
    machine: Machine, state: ClusterState, live: etree._Element, nodes: Sequence[str]
) -> Leaving:
    """Find out what happens when the cluster is stopped on some nodes; nothing is changed.

    Args:
        machine: This machine.
        state: The state of the cluster, with its votes.
        live: The live CIB.
        nodes: The names of these nodes, which are members.

    Raises:
        ProgramError: crm_simulate is missing or fails.
    """
    stay = [n.name for n in state.nodes if n.online and not n.remote and n.name not in nodes]
    policy = policy_of(properties_of(live))
    quorum = _quorum(state, policy, nodes, stay)
    hurt: tuple[str, ...] = ()
    if not stay or (quorum is not None and policy not in _GOES_ON):
        found: tuple[Effect, ...] = tuple(_all_stop(state, {*nodes, *stay}))
    elif quorum is not None and policy == _FREEZE:
        found = tuple(_all_stop(state, nodes))
    else:
        new = live
        for name in nodes:
            new = with_pause(new, name, Pause(), kept=(), is_remote=False)
        actions = simulate(machine, live, new)
        found, hurt = effects(state, live, actions), fenced(actions)
    left = {(each.service, node) for each in found for node in each.source}
    return Leaving(
        found,
        hurt,
        tuple(_alone(state, nodes, left)),
        quorum,
        not stay,
    )


def _all_stop(state: ClusterState, nodes: Collection[str]) -> Iterator[Effect]:
    """Yield that what runs on nodes stops there, and is not started anywhere else."""
    idle = {node.name for node in state.nodes if node.maintenance or state.maintenance}
    for resource in state.resources:
        parts = resource.parts
        running = tuple(dict.fromkeys(node for part in parts for node in part.nodes))
        managed = {node for part in parts if part.managed for node in part.nodes}
        source = tuple(node for node in running if node in nodes and node in managed - idle)
        goes_on = tuple(node for node in running if node not in source)
        if source:
            yield Effect(resource.id, "leaves" if goes_on else "stops", source, (), goes_on)


def _alone(
    state: ClusterState, nodes: Sequence[str], left: Collection[tuple[str, str]]
) -> Iterator[Finding]:
    for node in nodes:
        for service in runs_on(state, node):
            if (service, node) not in left:
                yield GOES_ON_ALONE.at(
                    (service, node),
                    f"{service} would go on running on {node} without a cluster: Pacemaker leaves "
                    "it alone there (it is unmanaged, or in maintenance)",
                    f"End that first: takeover service maintenance off {service}, or pcs node "
                    f"unmaintenance {node}",
                )


def _quorum(
    state: ClusterState, policy: str, nodes: Sequence[str], stay: Sequence[str]
) -> Finding | None:
    if not stay or state.votes is None or not state.quorum:
        return None
    numbers = {node.number for node in state.nodes if node.name in nodes}
    if decide_without(state.votes, numbers):
        return None
    verb = "has" if len(stay) == 1 else "have"
    return QUORUM_WOULD_GO.at(
        tuple(nodes), f"{', '.join(stay)} then {verb} no quorum: {without_quorum(policy)}"
    )
