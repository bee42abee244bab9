"""The cluster's state, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pcs_wrapper.health.diagnosis import (
    Service,
    describe,
    failed_fencing,
    services,
    stopped_fencing,
)
from pcs_wrapper.health.quorum import losable_nodes, may_be_lost, votes_text
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Part
from pcs_wrapper.pacemaker.votes import Votes
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract import cluster as contract


def state_text(state: ClusterState) -> Iterator[str]:
    """Yield the lines that describe the cluster's state."""
    quorum = style("quorum", fg="green") if state.quorum else _bad("no quorum")
    decides = f"{state.dc} decides (DC)" if state.dc else _bad("no DC")
    mode = f", {_bad('maintenance mode')}" if state.maintenance else ""
    yield f"cluster: {quorum}, {decides}{mode}"
    if state.votes is not None:
        yield f"votes: {votes_text(state.votes)}"
        yield f"  {may_be_lost(state.votes)}"
    width = max((len(node.name) for node in state.nodes), default=0)
    yield "nodes:"
    for node in state.nodes:
        word = node.state if node.state == "online" else _bad(node.state)
        yield f"  {node.name:{width}}  {word}"
    yield "services:"
    for service in services(state):
        yield f"  {service_text(service)}"
        for part in service.parts:
            where = f" on {', '.join(part.nodes)}" if part.nodes else ""
            failed = f" {_bad('FAILED')}" if part.failed else ""
            yield f"    {part.id} ({part.agent}): {part.role}{where}{failed}{_unmanaged(part)}"
    if not state.resources:
        yield "  none"
    yield "fencing devices:"
    stopped = stopped_fencing(state)
    for device in state.fencing:
        name = f"{device.id} ({device.agent})"
        if device.id in stopped:
            yield f"  {stopped_text(name, stopped[device.id])}"
        else:
            yield f"  {name}: {device.role} on {', '.join(device.nodes)}"
    if not state.fencing:
        yield f"  {_bad('none')}"
    yield from _failures(state)


def _failures(state: ClusterState) -> Iterator[str]:
    if state.failures:
        yield "failed actions:"
    for failure in describe(state.failures):
        yield f"  {failure}"
    fencing = failed_fencing(state)
    if fencing:
        yield "failed fencing:"
    for node, (reason, attempts) in fencing.items():
        count = f"{attempts} attempt{'' if attempts == 1 else 's'}"
        yield f"  {node}: {reason} ({count} since it was last fenced)"


def service_text(service: Service) -> str:
    """Return a line about a service: where it runs, or why it does not run."""
    if service.is_running:
        running = style("running", fg="green")
        where = ", ".join(service.nodes)
        if service.limited:
            where = f"{len(service.nodes)} of {service.total} ({service.limited})"
        return f"{service.id}: {running} on {where}{_unmanaged(*service.parts)}"
    where = f" on {', '.join(service.nodes)}" if service.nodes else ""
    return f"{service.id}: {_bad(service.state)}{where} — {service.why}"


def stopped_text(device: str, why: str) -> str:
    """Return a line about a fencing device that does not run, with the reason."""
    return f"{device}: {_bad('not running')} — {why}"


def _unmanaged(*parts: Part) -> str:
    return "" if all(part.managed for part in parts) else f" {_bad('(unmanaged)')}"


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)


def state_json(state: ClusterState) -> str:
    """Return the cluster's state as JSON."""
    from pcs_wrapper.views.contract import cluster as contract

    return output_json(
        contract.Status(
            quorum=state.quorum,
            dc=state.dc,
            maintenance=state.maintenance,
            votes=None if state.votes is None else _votes_record(state.votes),
            nodes=[
                contract.Node(
                    name=node.name,
                    online=node.online,
                    unclean=node.unclean,
                    standby=node.standby,
                    maintenance=node.maintenance,
                    pending=node.pending,
                    state=node.state,
                )
                for node in state.nodes
            ],
            services=[service_record(service) for service in services(state)],
            fencing=[_part_record(device) for device in state.fencing],
            stopped_fencing=stopped_fencing(state),
            failures=[
                contract.FailedAction(
                    resource=failure.resource,
                    action=failure.action,
                    node=failure.node,
                    reason=failure.reason,
                    at=failure.at,
                )
                for failure in state.failures
            ],
            failed_fencing=[
                contract.FailedFencing(node=node, reason=reason, attempts=attempts)
                for node, (reason, attempts) in failed_fencing(state).items()
            ],
        )
    )


def _votes_record(votes: Votes) -> contract.Votes:
    from pcs_wrapper.views.contract import cluster as contract

    witness = None
    if (found := votes.witness) is not None:
        witness = contract.Witness(host=found.host, votes=found.votes, voting=found.is_voting)
    return contract.Votes(
        expected=votes.expected,
        total=votes.total,
        needed=votes.needed,
        witness=witness,
        losable_nodes=losable_nodes(votes),
        may_be_lost=may_be_lost(votes),
    )


def service_record(service: Service) -> contract.Service:
    """Return the state of a service, as a part of an output."""
    from pcs_wrapper.views.contract import cluster as contract

    return contract.Service(
        id=service.id,
        state=service.state,
        nodes=service.nodes,
        why=service.why,
        limited=service.limited,
        parts=[_part_record(part) for part in service.parts],
    )


def _part_record(part: Part) -> contract.Part:
    from pcs_wrapper.views.contract import cluster as contract

    return contract.Part(
        id=part.id,
        agent=part.agent,
        role=part.role,
        nodes=part.nodes,
        failed=part.failed,
        blocked=part.blocked,
        managed=part.managed,
        disabled=part.disabled,
    )
