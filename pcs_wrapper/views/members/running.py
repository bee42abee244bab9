"""Starts, stops and restarts of the cluster, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pcs_wrapper.change.history.rolling import Rolling
from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.health.diagnosis import services
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.nodes.running.leaving import Leaving
from pcs_wrapper.nodes.running.restarting import Restart
from pcs_wrapper.nodes.running.starting import Start, Started
from pcs_wrapper.nodes.running.stopping import Stop, Stopped
from pcs_wrapper.nodes.running.turn import Turn, Wait
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.members.nodes import effect_record, effect_text
from pcs_wrapper.views.output import output_json
from pcs_wrapper.views.state import service_record, service_text

if TYPE_CHECKING:
    from cib_templates.findings import Finding
    from pcs_wrapper.views.contract.members import running as contract


def start_text(planned: Start) -> Iterator[str]:
    """Yield the lines that say beforehand where the cluster is started."""
    if planned.nodes:
        yield f"the cluster {planned.config.name} is started on {', '.join(planned.nodes)}"
    if planned.running:
        yield f"it runs already on {', '.join(planned.running)}"
    yield from (_left_text(finding) for finding in planned.left)


def started_text(done: Started) -> Iterator[str]:
    """Yield the lines that say what became of a start, beside the state of the cluster."""
    yield from (_bad(sentence) for sentence in done.harm)
    if done.state is None and not done.harm:
        yield (
            f"the cluster runs on {', '.join(done.planned.nodes)}, and not on this machine: "
            "`takeover status` there shows how it is"
        )


def stop_text(planned: Stop) -> Iterator[str]:
    """Yield the lines that say beforehand what a stop of the cluster does to whom."""
    yield f"the cluster {planned.config.name} is stopped on {', '.join(planned.nodes)}:"
    leaves = planned.leaving
    if leaves is None:
        yield "  no cluster runs on this machine, so it is not known what stops with it elsewhere"
    else:
        yield from leaving_text(leaves, indent="  ")
    yield from (_left_text(finding) for finding in planned.silent)


def _left_text(silent: Finding) -> str:
    return f"{_bad('LEFT')}: {silent.message}. {silent.hint}"


def stopped_text(done: Stopped) -> Iterator[str]:
    """Yield the lines that say what became of a stop."""
    planned = done.planned
    for outcome in done.outcomes:
        lasted = f"; {outcome.outage}" if outcome.outage else ""
        yield f"{service_text(outcome.service)}{lasted}"
    yield from (_bad(sentence) for sentence in done.harm)
    if not done.harm:
        names = "" if planned.every else f" {' '.join(planned.nodes)}"
        yield f"the cluster is stopped on {', '.join(planned.nodes)}"
        yield f"to start it: takeover cluster start{names}"


def restart_text(planned: Restart) -> Iterator[str]:
    """Yield the lines that say beforehand what a rolling restart does to whom."""
    if planned.interrupted is not None:
        yield f"going on with {planned.interrupted.text}"
    yield "the cluster is restarted on one node after the other:"
    for turn in planned.turns:
        leaves = planned.leaving.get(turn.node)
        if turn.begin != "drain":
            what = {"stop": "is drained already", "start": "is started"}.get(turn.begin)
            yield f"  {turn.node} {what or 'was started already'}"
        elif planned.interrupted is not None and turn.node == planned.interrupted.node:
            yield f"  {turn.node}: what it still runs leaves it"
        elif leaves is None:
            yield f"  {turn.node}: what moves is known when its turn comes"
        elif leaves.effects or leaves.alone or leaves.fenced or leaves.quorum:
            yield f"  {turn.node}:"
            yield from leaving_text(leaves, indent="    ")
        else:
            yield f"  {turn.node}: no service leaves it"
    if len(planned.turns) > 1 and any(each.effects for each in planned.leaving.values()):
        yield "What has moved to a node by then moves again when its turn comes."
    if planned.skipped:
        yield f"{', '.join(planned.skipped)}: left, because no cluster runs there"
    yield from (f"{_bad('IN THE WAY')}: {finding}" for finding in planned.findings)


def leaving_text(leaves: Leaving, *, indent: str) -> Iterator[str]:
    """Yield what happens when nodes leave, each line with an indent."""
    for effect in leaves.effects:
        if effect.kind == "stops" and (leaves.nobody_stays or leaves.quorum):
            where = ", ".join(effect.source)
            yield f"{indent}{effect.service} {_bad('STOPS')} on {where}, and runs nowhere then"
        else:
            yield f"{indent}{effect_text(effect)}"
    if not (leaves.effects or leaves.alone):
        yield f"{indent}no service stops, moves or starts"
    yield from (f"{indent}{_bad(f'{node} IS FENCED')}" for node in leaves.fenced)
    if leaves.quorum is not None:
        yield f"{indent}{_bad(leaves.quorum.message)}"
    yield from (f"{indent}{_bad(each.message)}. {each.hint}" for each in leaves.alone)


def restarted_text(turns: Sequence[Turn], left: Sequence[str]) -> Iterator[str]:
    """Yield the lines that say what became of the nodes in a rolling restart.

    Args:
        turns: The turns that have begun.
        left: The nodes whose turn did not come.
    """
    for turn in turns:
        times = [
            f"{word} after {seconds:.1f} s"
            for word, seconds in (
                ("drained", turn.drained),
                ("stopped", turn.stopped),
                ("back", turn.back),
                ("all well", turn.whole),
            )
            if seconds is not None
        ]
        yield f"{turn.node}: {', '.join(times) or 'not restarted'}"
        yield from (f"  {wait_text(wait)}" for wait in turn.waits)
        yield from (f"  {_bad('HARM')}: {sentence}" for sentence in turn.harm)
    if not any(turn.harm for turn in turns):
        yield "the cluster was restarted on every node whose turn it was, and all is well"
        return
    rest = f"; {', '.join(left)} {'was' if len(left) == 1 else 'were'} left" if left else ""
    yield (
        f"the restart ended here{rest}. When it is put right, takeover cluster restart goes on; to "
        "leave it: takeover cluster restart --forget"
    )


def wait_text(wait: Wait) -> str:
    """Return in a clause for how long the clients of a service waited."""
    how = "went on to" if wait.returning else "moved to"
    return (
        f"{wait.service} {how} {', '.join(wait.nodes)}: clients waited for about "
        f"{wait.seconds:.1f} s"
    )


def forgotten_text(rolling: Rolling) -> str:
    """Return the line that says what was forgotten."""
    away = f"; look at {rolling.node}: takeover node list" if rolling.node else ""
    return f"forgotten: {rolling.text}. Nothing was changed in the cluster{away}"


def start_dry_run_json(planned: Start, steps: Sequence[Step]) -> str:
    """Return what a start would do as JSON."""
    left = [str(each.path[0]) for each in planned.left]
    return _dry_run_json(
        "cluster start", planned.nodes, (*planned.running, *left), steps, findings=planned.left
    )


def stop_dry_run_json(planned: Stop, steps: Sequence[Step]) -> str:
    """Return what a stop would do as JSON."""
    found = [] if planned.leaving is None else [leaving_record(planned.nodes, planned.leaving)]
    silent = [str(each.path[0]) for each in planned.silent]
    return _dry_run_json(
        "cluster stop", planned.nodes, silent, steps, leaving=found, findings=planned.silent
    )


def restart_dry_run_json(planned: Restart, steps: Sequence[Step]) -> str:
    """Return what a rolling restart would do as JSON."""
    return _dry_run_json(
        "cluster restart",
        [turn.node for turn in planned.turns],
        planned.skipped,
        steps,
        leaving=[leaving_record((node,), leaves) for node, leaves in planned.leaving.items()],
        findings=planned.findings,
        interrupted="" if planned.interrupted is None else planned.interrupted.text,
    )


def _dry_run_json(
    command: str,
    nodes: Sequence[str],
    skipped: Sequence[str],
    steps: Sequence[Step],
    *,
    leaving: Sequence[contract.NodeLeaving] = (),
    findings: Sequence[Finding] = (),
    interrupted: str = "",
) -> str:
    from pcs_wrapper.views.contract.members import running as contract

    return output_json(
        contract.ClusterDryRun(
            command=command,
            nodes=nodes,
            skipped=skipped,
            leaving=leaving,
            findings=finding_records(findings),
            interrupted=interrupted,
            commands=[line for step in steps for line in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def leaving_record(nodes: Sequence[str], leaves: Leaving) -> contract.NodeLeaving:
    """Return what happens when nodes leave as a record."""
    from pcs_wrapper.views.contract.members import running as contract

    quorum = () if leaves.quorum is None else (leaves.quorum,)
    return contract.NodeLeaving(
        nodes=nodes,
        effects=[effect_record(effect) for effect in leaves.effects],
        fenced=leaves.fenced,
        findings=finding_records((*leaves.alone, *quorum)),
    )


def started_json(done: Started) -> str:
    """Return what became of a start as JSON."""
    from pcs_wrapper.views.contract.members import running as contract

    planned = done.planned
    return output_json(
        contract.ClusterStarted(
            nodes=planned.nodes,
            skipped=(*planned.running, *(str(each.path[0]) for each in planned.left)),
            services=[
                service_record(service)
                for service in (() if done.state is None else services(done.state))
            ],
            harm=done.harm,
        )
    )


def stopped_json(done: Stopped) -> str:
    """Return what became of a stop as JSON."""
    from pcs_wrapper.views.contract.members import nodes, running

    return output_json(
        running.ClusterStopped(
            nodes=done.planned.nodes,
            skipped=[str(each.path[0]) for each in done.planned.silent],
            outcomes=[
                nodes.Outcome(service=service_record(each.service), outage=each.outage)
                for each in done.outcomes
            ],
            harm=done.harm,
        )
    )


def restarted_json(turns: Sequence[Turn], left: Sequence[str]) -> str:
    """Return what became of the nodes in a rolling restart as JSON.

    Args:
        turns: The turns that have begun.
        left: The nodes whose turn did not come.
    """
    from pcs_wrapper.views.contract.members import running as contract

    return output_json(
        contract.ClusterRestarted(
            nodes=[
                contract.RestartedNode(
                    node=turn.node,
                    drained=_rounded(turn.drained),
                    stopped=_rounded(turn.stopped),
                    back=_rounded(turn.back),
                    whole=_rounded(turn.whole),
                    waits=[wait_record(wait) for wait in turn.waits],
                    harm=turn.harm,
                )
                for turn in turns
            ],
            left=left,
        )
    )


def wait_record(wait: Wait) -> contract.ServiceWait:
    """Return for how long the clients of a service waited as a record."""
    from pcs_wrapper.views.contract.members import running as contract

    return contract.ServiceWait(
        service=wait.service,
        nodes=wait.nodes,
        seconds=round(wait.seconds, 1),
        returning=wait.returning,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)
