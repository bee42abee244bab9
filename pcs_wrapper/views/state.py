"""The cluster's state, as text for users and as JSON for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cib_templates.findings import Finding, Severity
from pcs_wrapper.change.history.checkpoints import describe
from pcs_wrapper.change.looking.condition import Condition
from pcs_wrapper.health.diagnosis import (
    Service,
    described,
    failed_fencing,
    services,
    stopped_fencing,
)
from pcs_wrapper.health.quorum import losable_nodes, may_be_lost, votes_text
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Part
from pcs_wrapper.pacemaker.votes import Votes
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract import cluster as contract

# What the lines about quorum, nodes, services and devices say themselves, and better.
_SHOWN_ELSEWHERE = frozenset(
    (
        *("quorum-lost", "node-unclean", "node-away", "fencing-stopped", "fencing-failed"),
        *("service-stopped", "service-disabled", "service-unmanaged"),
    )
)


def state_text(state: ClusterState, condition: Condition) -> Iterator[str]:
    """Yield the lines that describe the cluster's state, and first what is not well."""
    for finding in condition.findings:
        if finding.code not in _SHOWN_ELSEWHERE:
            yield f"{_severity(finding)}: {told(finding)}"
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
    if condition.last is not None:
        last = condition.last
        # Of a command about one service, the message says only what it was about.
        command = f": {last.command}" if last.command.startswith("service ") else ""
        message = f": {last.message}" if last.message else ""
        yield f"last change: {describe(last)}{command}{message}"


def check_text(findings: Sequence[Finding]) -> str:
    """Return the condition of the cluster in one line, as programs that monitor it expect it."""
    word = {0: "OK", 1: "WARNING", 2: "CRITICAL"}[severity_of(findings)]
    sentences = "; ".join(told(finding) for finding in findings)
    return f"{word} - {sentences or 'everything runs, and nothing is lost'}"


def severity_of(findings: Sequence[Finding]) -> int:
    """Return 0 if nothing was found, 1 if there are only warnings, and else 2."""
    if not findings:
        return 0
    return 2 if any(each.severity is Severity.ERROR for each in findings) else 1


def told(finding: Finding) -> str:
    """Return a finding as a sentence, with the name of what it is about."""
    named = f"{finding.key}: " if finding.code.startswith("service-") else ""
    return f"{named}{finding.sentence}"


def _severity(finding: Finding) -> str:
    word = "warning" if finding.severity is Severity.WARNING else "NOT WELL"
    return _bad(word)


def _failures(state: ClusterState) -> Iterator[str]:
    if state.failures:
        yield "failed actions:"
    for failure, at in described(state.failures):
        yield f"  {failure}{f' ({at})' if at else ''}"
    fencing = failed_fencing(state)
    if fencing:
        yield "failed fencing:"
    for node, failed in fencing.items():
        at = f", the last at {_to_the_second(failed.at)}" if failed.at else ""
        yield f"  {node}: {failed.reason} ({failed.count} since it was last fenced{at})"


def _to_the_second(time: str) -> str:
    return re.sub(r"\.\d+", "", time)


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


def state_json(state: ClusterState, condition: Condition) -> str:
    """Return the cluster's state as JSON."""
    from pcs_wrapper.views.contract import cluster as contract

    return output_json(
        contract.Status(
            quorum=state.quorum,
            dc=state.dc,
            maintenance=state.maintenance,
            votes=None if state.votes is None else votes_record(state.votes),
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
                contract.FailedFencing(
                    node=node, reason=failed.reason, attempts=failed.attempts, at=failed.at
                )
                for node, failed in failed_fencing(state).items()
            ],
            findings=finding_records(condition.findings),
            last_change=None
            if condition.last is None
            else contract.LastChange(
                number=condition.last.number,
                at=condition.last.at,
                user=condition.last.user,
                node=condition.last.node,
                command=condition.last.command,
                message=condition.last.message,
            ),
        )
    )


def votes_record(votes: Votes) -> contract.Votes:
    """Return votes, as a part of an output."""
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
