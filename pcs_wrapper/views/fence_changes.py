"""A node confirmed to be off, and a test of fencing: as text for users, as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.fencing.confirming import Confirmation
from pcs_wrapper.fencing.evidence import Evidence
from pcs_wrapper.fencing.expectation import Expected
from pcs_wrapper.fencing.testing import Plan, Tested
from pcs_wrapper.health.diagnosis import services
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.fencing import order_text
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json
from pcs_wrapper.views.state import service_record, service_text

if TYPE_CHECKING:
    from pcs_wrapper.views.contract import fencing as contract

_WORDS = {"on": "ON", "off": "off", "silent": "silent", "unknown": "NOT KNOWN"}


def confirmation_text(planned: Confirmation) -> Iterator[str]:
    """Yield the lines about what is known of a node that shall be confirmed to be off."""
    node = planned.node
    if not planned.is_needed and not node.online:
        yield (
            f"{node.name} is {node.state}, and the cluster does not wait for it to be fenced: "
            "nothing has to be confirmed, and nothing was changed"
        )
        return
    yield from evidence_text(planned)
    if planned.findings:
        return
    yield (
        f"If {node.name} is on, the services below will run twice: two nodes write to the same "
        "filesystem, its data is destroyed, and only a backup brings it back."
    )
    for service in planned.waiting:
        yield f"  {service_text(service)}"


def evidence_text(planned: Confirmation) -> Iterator[str]:
    """Yield the lines that say what every witness says of a node, and what that proves."""
    node = planned.node
    yield f"{node.name} is {node.state}. What is known of it:"
    for each in planned.evidence:
        word = f"{_WORDS[each.verdict]:9}"
        shown = style(word, fg="red", bold=True) if each.verdict == "on" else word
        yield f"  {shown}  {each.says} ({each.witness})"
    if planned.is_proven:
        yield "A fencing device says that it is off, and nothing says otherwise."
    elif not planned.findings:
        yield (
            f"NOTHING PROVES THAT {node.name} IS OFF: a node whose network is dead is silent, too, "
            "and may still write to its disks."
        )


def confirmed_text(planned: Confirmation, state: ClusterState) -> Iterator[str]:
    """Yield the lines about what became of the cluster after a node was confirmed to be off."""
    yield f"{planned.node.name} is confirmed to be off. Do not let it run before it has rebooted."
    for service in services(state):
        yield f"  {service_text(service)}"


def confirmation_dry_run_json(planned: Confirmation, steps: Sequence[Step]) -> str:
    """Return what is known of a node, and what confirming it would do, as JSON."""
    from pcs_wrapper.views.contract import fencing as contract

    return output_json(
        contract.FenceConfirmDryRun(
            node=planned.node.name,
            needed=planned.is_needed,
            proven=planned.is_proven,
            evidence=[evidence_record(each) for each in planned.evidence],
            findings=finding_records(planned.findings),
            steps=[step_record(step) for step in steps] if planned.is_needed else [],
        )
    )


def confirmed_json(planned: Confirmation, state: ClusterState) -> str:
    """Return what became of the cluster after a node was confirmed to be off, as JSON."""
    from pcs_wrapper.views.contract import fencing as contract

    return output_json(
        contract.FenceConfirm(
            node=planned.node.name,
            confirmed=planned.is_needed,
            proven=planned.is_proven,
            evidence=[evidence_record(each) for each in planned.evidence],
            services=[service_record(service) for service in services(state)],
        )
    )


def evidence_record(evidence: Evidence) -> contract.Evidence:
    """Return what a witness says of a node, for programs."""
    from pcs_wrapper.views.contract import fencing as contract

    return contract.Evidence(witness=evidence.witness, verdict=evidence.verdict, says=evidence.says)


def test_plan_text(plan: Plan) -> Iterator[str]:
    """Yield the lines about what a test of fencing will do to each node and its services."""
    yield "these nodes lose their power, one after the other:"
    for name in plan.nodes:
        by = order_text(plan.orders[name])
        yield f"  {name}: by {by}" if by else f"  {name}: by its own watchdog, or by nothing"
        for each in plan.expected[name]:
            yield f"    {_expected_text(name, each)}"
        if not plan.expected[name]:
            yield "    no service runs on it now"
    if len(plan.nodes) > 1:
        yield "What has moved to a node by then moves again when that node is fenced."
    if plan.skipped:
        yield f"{plan.skipped} is not tested, because this runs on it: test it from another node."
    for finding in plan.findings:
        yield f"{style('IN THE WAY', fg='red', bold=True)}: {finding}"


def _expected_text(node: str, expected: Expected) -> str:
    if expected.is_lost:
        return f"{expected.service}: STOPS until {node} is back, as no other node can run it"
    if not expected.dest:
        return f"{expected.service}: goes on on the other nodes"
    waits = (
        "for how long clients wait was never measured"
        if expected.seconds is None
        else f"clients wait for about {expected.seconds:.1f} s"
    )
    return f"{expected.service}: is taken over by {expected.dest}; {waits}"


def tested_text(tested: Sequence[Tested]) -> Iterator[str]:
    """Yield the lines about what became of the nodes that were fenced for a test."""
    for each in tested:
        times = [
            f"{word} after {seconds:.1f} s"
            for word, seconds in (
                ("fenced", each.fenced),
                ("back", each.back),
                ("all well", each.whole),
            )
            if seconds is not None
        ]
        yield f"{each.node}: {', '.join(times) or 'not fenced'}"
        for outage in each.outages:
            yield (
                f"  {outage.service}: clients waited for about {outage.seconds:.1f} s; it runs on "
                f"{outage.node}"
            )
        for sentence in each.harm:
            yield f"  {style('HARM', fg='red', bold=True)}: {sentence}"
    if any(each.harm for each in tested):
        yield "the test ended here: no further node was fenced"
    else:
        yield "every node was fenced, is back, and all is well"


def test_dry_run_json(plan: Plan, steps: Sequence[Step]) -> str:
    """Return what a test of fencing would do as JSON."""
    from pcs_wrapper.views.contract import fencing as contract

    return output_json(
        contract.FenceTestDryRun(
            nodes=[
                contract.NodeToFence(
                    name=name,
                    order=plan.orders[name],
                    expected=[
                        contract.ExpectedService(
                            service=each.service,
                            dest=each.dest,
                            elsewhere=each.elsewhere,
                            seconds=each.seconds,
                        )
                        for each in plan.expected[name]
                    ],
                )
                for name in plan.nodes
            ],
            findings=finding_records(plan.findings),
            steps=[step_record(step) for step in steps],
        )
    )


def tested_json(tested: Sequence[Tested]) -> str:
    """Return what became of the nodes that were fenced for a test as JSON."""
    from pcs_wrapper.views.contract import fencing as contract

    return output_json(
        contract.FenceTest(
            nodes=[
                contract.TestedNode(
                    node=each.node,
                    requested=each.requested,
                    fenced=_rounded(each.fenced),
                    back=_rounded(each.back),
                    whole=_rounded(each.whole),
                    outages=[
                        contract.ServiceOutage(
                            service=outage.service,
                            node=outage.node,
                            seconds=round(outage.seconds, 1),
                        )
                        for outage in each.outages
                    ],
                    harm=each.harm,
                )
                for each in tested
            ]
        )
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
