"""The cluster's state and a command's outcome, for people and (as JSON) for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from pcs_wrapper.health.diagnosis import (
    Service,
    describe,
    failed_fencing,
    services,
    stopped_fencing,
)
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Part


def state_data(state: ClusterState) -> dict[str, Any]:
    """Return the cluster's state as data for JSON."""
    return {
        "quorum": state.quorum,
        "dc": state.dc,
        "maintenance": state.maintenance,
        "nodes": [asdict(node) | {"state": node.state} for node in state.nodes],
        "services": [asdict(service) for service in services(state)],
        "fencing": [asdict(device) for device in state.fencing],
        "stopped_fencing": stopped_fencing(state),
        "failures": [asdict(failure) for failure in state.failures],
        "failed_fencing": [
            {"node": node, "reason": reason, "attempts": attempts}
            for node, (reason, attempts) in failed_fencing(state).items()
        ],
    }


def state_text(state: ClusterState) -> Iterator[str]:
    """Yield the lines that tell the cluster's state."""
    quorum = click.style("quorum", fg="green") if state.quorum else _bad("no quorum")
    decides = f"{state.dc} decides (DC)" if state.dc else _bad("no DC")
    mode = f", {_bad('maintenance mode')}" if state.maintenance else ""
    yield f"cluster: {quorum}, {decides}{mode}"
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
    """Say in a line whether a service runs and where, or why it does not."""
    if service.is_running:
        running = click.style("running", fg="green")
        where = ", ".join(service.nodes)
        return f"{service.id}: {running} on {where}{_unmanaged(*service.parts)}"
    where = f" on {', '.join(service.nodes)}" if service.nodes else ""
    return f"{service.id}: {_bad(service.state)}{where} — {service.why}"


def stopped_text(device: str, why: str) -> str:
    """Say in a line why a fencing device does not run."""
    return f"{device}: {_bad('not running')} — {why}"


def _unmanaged(*parts: Part) -> str:
    return "" if all(part.managed for part in parts) else f" {_bad('(unmanaged)')}"


def _bad(text: str) -> str:
    return click.style(text, fg="red", bold=True)
