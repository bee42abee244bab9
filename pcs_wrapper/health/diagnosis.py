"""Finding out whether a service runs, and giving the reason in a sentence if it does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

from pcs_wrapper.pacemaker.crm_mon import (
    ClusterState,
    FailedAction,
    FencingEvent,
    Node,
    Part,
    Resource,
)

State = Literal["running", "starting", "stopping", "stopped", "partial", "blocked"]

# Pacemaker records no reason if the fence agent itself failed: see fence_log.
_JOURNAL = "journalctl --identifier=pacemaker-fenced _UID=0 _SYSTEMD_UNIT=pacemaker.service"

_ACTIVE = ("Started", "Promoted", "Unpromoted")


@dataclass(frozen=True)
class Service:
    """The state of a service.

    Attributes:
        id: The ID of its outermost resource, which is the name of a described service.
        state: The state in a word.
        nodes: The nodes on which it runs, or runs in part.
        why: The reason why it does not run; empty if it runs.
        parts: The primitives in it, in the order in which they start.
        limited: Why it runs on fewer nodes than it could, such as `node3 is in standby`; empty if
            it does not run, or wherever it should.
        total: On how many nodes it would run then; 0 if that does not limit it.
        is_paused: Whether it does not run only because every node that may run it is paused or off.
    """

    id: str
    state: State
    nodes: tuple[str, ...]
    why: str
    parts: tuple[Part, ...]
    limited: str = ""
    total: int = 0
    is_paused: bool = False

    @property
    def is_running(self) -> bool:
        """Whether all of its parts run, so that clients are served."""
        return self.state == "running"

    @property
    def is_disabled(self) -> bool:
        """Whether it is stopped because an administrator has disabled it."""
        return self.state in ("stopped", "partial") and any(part.disabled for part in self.parts)


def services(state: ClusterState) -> tuple[Service, ...]:
    """Return the state of each resource that is not a fencing device."""
    return tuple(_service(resource, state) for resource in state.resources)


def stopped_fencing(state: ClusterState) -> dict[str, str]:
    """Return the fencing devices that do not run: the ID of each with the reason."""
    return {
        device.id: _why(Resource(device.id, (device,)), state)
        for device in state.fencing
        if device.role != "Started"
    }


@dataclass(frozen=True)
class FailedFencing:
    """The attempts to fence a node that failed since it was last fenced.

    Attributes:
        reason: The reason why the latest one failed.
        attempts: Their number.
        at: The time of the latest one, as Pacemaker writes it; may be empty.
    """

    reason: str
    attempts: int
    at: str

    @property
    def count(self) -> str:
        """The number of attempts in words."""
        return f"{self.attempts} attempt{'' if self.attempts == 1 else 's'}"


def failed_fencing(state: ClusterState) -> dict[str, FailedFencing]:
    """Return the nodes that could not be fenced since they were last fenced successfully.

    A node that was removed from the cluster is none of them, for nothing waits for it any more.
    """
    failed: dict[str, FailedFencing] = {}
    nodes = {node.name for node in state.nodes}
    for target in dict.fromkeys(event.target for event in state.fencing_history):
        if target not in nodes:
            continue
        history = [event for event in state.fencing_history if event.target == target]
        attempts = [
            event
            for event in takewhile(lambda event: event.status != "success", history)
            if event.status == "failed"
        ]
        if attempts:
            latest = attempts[0]
            reason = latest.reason or where_the_reason_is(latest)
            failed[target] = FailedFencing(reason, len(attempts), latest.at)
    return failed


def where_the_reason_is(attempt: FencingEvent) -> str:
    """Say where the reason is of a failed attempt that is not explained in the cluster's state."""
    where = attempt.delegate or "the node that ran the fence agent"
    return f"the reason is only in the journal of {where}: {_JOURNAL}"


def fencing_failure(node: str, state: ClusterState) -> str:
    """Return why a node could not be fenced yet, in a clause without the number of attempts.

    Args:
        node: The node's name.
        state: The state of the cluster.

    Returns:
        The reason; empty if no attempt has failed since the node was last fenced.
    """
    failed = failed_fencing(state)
    if node not in failed:
        return ""
    if not state.fencing:
        return "there is no fencing device"
    # The state does not show which device fences which node: only a single one can be named.
    by = f" by {state.fencing[0].id}" if len(state.fencing) == 1 else ""
    return f"fencing{by} failed: {failed[node].reason}"


def _service(resource: Resource, state: ClusterState) -> Service:
    # Pacemaker only assumes that resources run on an UNCLEAN node: it cannot ask that node.
    reachable = {node.name for node in state.nodes if node.online and not node.unclean}
    nodes = dict.fromkeys(
        node for part in resource.parts for node in part.nodes if node in reachable
    )
    word = _word(resource.parts, reachable)
    missing: list[Node] = []
    if word == "partial" and _runs_where_it_can(resource, state, reachable):
        missing = [node for node in _allowed(resource, state) if node.name not in nodes]
        word = "running"
    return Service(
        id=resource.id,
        state=word,
        nodes=tuple(nodes),
        why="" if word == "running" else _why(resource, state),
        parts=resource.parts,
        limited=", ".join(f"{node.name} {unusable(node)}" for node in missing),
        total=len(nodes) + len(missing) if missing else 0,
        is_paused=word == "stopped" and _is_paused(resource, state),
    )


def _runs_where_it_can(resource: Resource, state: ClusterState, reachable: set[str]) -> bool:
    """Tell whether a clone runs on all nodes that can run it now, and nothing of it is wrong."""
    words = [_word(copy, reachable) for copy in resource.copies]
    up = {
        node
        for copy, word in zip(resource.copies, words, strict=True)
        for node in copy[0].nodes
        if word == "running"
    }
    usable = {node.name for node in _allowed(resource, state) if node.is_usable}
    return bool(up) and {*words} <= {"running", "stopped"} and usable <= up


def _allowed(resource: Resource, state: ClusterState) -> list[Node]:
    """Return the nodes that no constraint keeps a resource off."""
    names = {resource.id, *(part.id for part in resource.parts)}
    return [
        node for node in state.nodes if not any((name, node.name) in state.bans for name in names)
    ]


def _is_paused(resource: Resource, state: ClusterState) -> bool:
    allowed = _allowed(resource, state)
    is_up_to_nodes = bool(allowed) and not any(node.is_usable for node in allowed)
    return is_up_to_nodes and not no_decision(state) and not _disabled(resource, state)


def unusable(node: Node) -> str:
    """Return in words why a node runs nothing that is not there already."""
    if node.unclean:
        return "has to be fenced"
    if node.pending:
        return "is joining the cluster"
    if not node.online:
        return "is off"
    if node.maintenance:
        return "is in maintenance"
    if node.standby:
        return "is in standby"
    return "has red health" if node.sick else "runs it not yet"


def _word(parts: tuple[Part, ...], reachable: set[str]) -> State:
    up = [part.role in _ACTIVE and bool(reachable.intersection(part.nodes)) for part in parts]
    if any(part.blocked for part in parts):
        return "blocked"
    if any(part.role == "Starting" for part in parts):
        return "starting"
    if any(part.role == "Stopping" for part in parts):
        return "stopping"
    if all(up) and not any(part.failed for part in parts):
        return "running"
    return "partial" if any(up) else "stopped"


def _why(resource: Resource, state: ClusterState) -> str:
    """Return the most important reason why a resource does not run."""
    for reason in (
        no_decision(state),
        _disabled(resource, state),
        # A fencing device does not have to wait for fencing: it is what fences.
        "" if resource.is_fencing else _waits_for_fencing(state),
        _no_node(resource, state),
        _failures(resource, state),
        _no_management(resource, state),
    ):
        if reason:
            return reason
    if any(part.role in ("Starting", "Stopping") for part in resource.parts):
        return "the cluster is starting or stopping it now"
    if resource.is_fencing:
        return (
            "no failure is recorded; to make Pacemaker try again: "
            f"pcs stonith cleanup {resource.id}"
        )
    return (
        "no failure is recorded; constraints may keep it off every node that is online "
        "(to see them: pcs constraint location)"
    )


def no_decision(state: ClusterState) -> str:
    """Return why this partition of the cluster starts nothing; empty if it does."""
    if state.dc is None:
        return "no node has been elected to decide (DC) yet"
    if not state.quorum:
        online = sum(node.online for node in state.nodes)
        witness = state.votes.witness if state.votes is not None else None
        silent = witness is not None and not witness.is_voting
        alone = f", and the witness {witness.host} does not vote" if witness and silent else ""
        return f"no quorum: {online} of {len(state.nodes)} nodes online{alone}"
    return ""


def _disabled(resource: Resource, state: ClusterState) -> str:
    if state.stopped:
        return (
            "all resources are stopped by the property stop-all-resources; to start them: "
            "pcs property set stop-all-resources=false"
        )
    disabled = [part.id for part in resource.parts if part.disabled]
    if disabled:
        kind = "stonith" if resource.is_fencing else "resource"
        target = resource.id if len(disabled) == len(resource.parts) else disabled[0]
        return f"it is disabled; to start it: pcs {kind} enable {target}"
    return ""


def _waits_for_fencing(state: ClusterState) -> str:
    unclean = [node.name for node in state.nodes if node.unclean]
    if not unclean:
        return ""
    failed = failed_fencing(state)
    # The state does not show which device fences which node: only a single one can be named.
    by = f" by {state.fencing[0].id}" if len(state.fencing) == 1 else ""
    sentences = [f"waiting for {', '.join(unclean)} to be fenced"]
    for node in unclean:
        if node in failed:
            of = f" of {node}" if len(unclean) > 1 else ""
            sentences.append(
                f"fencing{of}{by} failed: {failed[node].reason} ({failed[node].count})"
            )
    if not state.fencing:
        sentences.append("there is no fencing device")
    return "; ".join(sentences)


def _no_node(resource: Resource, state: ClusterState) -> str:
    allowed = _allowed(resource, state)
    usable = any(
        # A fencing device runs on any node that is there, and not in standby.
        node.online and not (node.standby or node.pending)
        if resource.is_fencing
        else node.is_usable
        for node in allowed
    )
    if usable or not state.nodes:
        return ""
    banned = [node.name for node in state.nodes if node not in allowed]
    clauses = [f"{node.name} {unusable(node)}" for node in allowed]
    if banned:
        clauses.append(f"constraints keep it off {', '.join(banned)}")
    return f"no node may run it: {', '.join(clauses)}"


def _failures(resource: Resource, state: ClusterState) -> str:
    parts = {part.id for part in resource.parts}
    failures = [failure for failure in state.failures if failure.resource in parts]
    sentences = "; ".join(describe(failures))
    if sentences and resource.is_fencing:
        return f"{sentences} (when that is repaired: pcs stonith cleanup {resource.id})"
    if sentences and any(part.blocked for part in resource.parts):
        return f"{sentences} (when that is repaired: pcs resource cleanup {resource.id})"
    return sentences


def describe(failures: Iterable[FailedAction]) -> list[str]:
    """Return a clause for each failed action and reason, with all nodes on which it failed."""
    return [clause for clause, _ in described(failures)]


def described(failures: Iterable[FailedAction]) -> list[tuple[str, str]]:
    """Return the clauses of `describe`, each with the times of the failures, node by node."""
    alike: dict[FailedAction, list[FailedAction]] = {}
    for failure in failures:
        alike.setdefault(replace(failure, node="", at=""), []).append(failure)
    return [
        (
            f"{failure.action} of {failure.resource} failed on "
            f"{', '.join(each.node for each in every)}: {failure.reason or 'no reason given'}",
            ", ".join(dict.fromkeys(each.at for each in every if each.at)),
        )
        for failure, every in alike.items()
    ]


def _no_management(resource: Resource, state: ClusterState) -> str:
    if state.maintenance:
        return (
            "the cluster is in maintenance mode; to end that: "
            "pcs property set maintenance-mode=false"
        )
    if not all(part.managed for part in resource.parts):
        end = "pcs resource manage" if resource.is_fencing else "takeover service maintenance off"
        return f"it is unmanaged, so Pacemaker leaves it alone; to end that: {end} {resource.id}"
    return ""
