"""The nodes of a cluster, and pauses of them, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cib_templates.forecast.outage import Span
from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.nodes.effects import Effect
from pcs_wrapper.nodes.listing import Listed
from pcs_wrapper.nodes.pausing import Done, Planned
from pcs_wrapper.pacemaker.pauses import Pause
from pcs_wrapper.views.change.changes import changes_record, step_record
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json
from pcs_wrapper.views.state import service_record, service_text

if TYPE_CHECKING:
    from pcs_wrapper.views.contract.change import plan
    from pcs_wrapper.views.contract.members import nodes as contract

# Of the state's word.
_WIDTH = len("maintenance")


def nodes_text(nodes: Sequence[Listed]) -> Iterator[str]:
    """Yield a line for each node, and below it why it is not simply online."""
    width = max((len(node.name) for node in nodes), default=0)
    for node in nodes:
        word = f"{node.state:{_WIDTH}}"
        word = word if node.state == "online" and not node.why else _bad(word)
        roles = [name for name, has in (("DC", node.is_dc), ("remote", node.is_remote)) if has]
        runs = ", ".join(node.services) if node.services else "nothing"
        line = f"{node.name:{width}}  {word}  runs {runs}"
        yield f"{line} ({', '.join(roles)})" if roles else line
        if node.why:
            yield f"{'':{width}}  {node.why}"


def planned_text(planned: Planned) -> Iterator[str]:
    """Yield the lines that say beforehand what a pause, or its end, does to whom."""
    name = planned.node.name
    if not planned.is_anything:
        yield f"{name} {_is_already(planned)}"
        return
    if planned.pause is None:
        yield f"{name} may run everything again"
    elif planned.pause.keeps:
        kept = ", ".join(planned.kept) or "nothing runs there now"
        yield f"{name} takes nothing new, and keeps what it runs: {kept}"
    else:
        yield f"{name} runs nothing any more"
    if planned.pause is not None and planned.pause.until is not None:
        until = planned.pause.until.isoformat(timespec="seconds")
        yield f"  until {until}; then Pacemaker itself ends the pause"
    yield from (f"  {effect_text(effect)}" for effect in planned.effects)
    for node in planned.fenced:
        yield f"  {_bad(f'{node} IS FENCED')}"
    if not (planned.effects or planned.fenced):
        yield "  no service stops, moves or starts"


def _is_already(planned: Planned) -> str:
    return "is not paused" if planned.pause is None else "is paused like that already"


def effect_text(effect: Effect) -> str:
    """Return in a clause what happens to a service."""
    source, dest = ", ".join(effect.source), ", ".join(effect.dest)
    match effect.kind:
        case "stops":
            return f"{effect.service} {_bad('STOPS')}: no other node may run it"
        case "moves":
            away = f"moves from {source} to {dest}"
            return f"{effect.service} {away}: clients wait for {_span(effect.outage)}"
        case "restarts":
            if effect.goes_on:
                return f"{effect.service} restarts on {source}, and goes on on " + ", ".join(
                    effect.goes_on
                )
            return f"{effect.service} restarts on {source}: clients wait for {_span(effect.outage)}"
        case "leaves":
            new = f", and starts on {dest}" if dest else ""
            return f"{effect.service} ends on {source}{new}, and goes on on " + ", ".join(
                effect.goes_on
            )
        case "starts":
            return f"{effect.service} starts on {dest}"


def _span(span: Span | None) -> str:
    if span is None:
        return "an unknown time"
    if span.likely is None:
        return f"at most {span.limit:.0f} s (not measured yet)"
    return f"about {span.likely:.1f} s (at most {span.limit:.0f} s)"


def done_text(done: Done) -> Iterator[str]:
    """Yield the lines that say what a pause, or its end, has done."""
    planned, name = done.planned, done.node.name
    for outcome in done.outcomes:
        lasted = f"; {outcome.outage}" if outcome.outage else ""
        yield f"{service_text(outcome.service)}{lasted}"
    for sentence in done.harm:
        yield _bad(sentence)
    runs = ", ".join(done.running) or "nothing"
    if planned.pause is None:
        if not done.harm:
            yield f"{name} can run things again; it runs {runs} now"
    elif planned.pause.keeps:
        yield f"{name} takes nothing new; it runs {runs} now"
    elif not done.node.online:
        yield f"{name} is {done.node.state}, and will run nothing when it comes back"
    elif not done.running:
        yield f"{name} is drained: it runs nothing"
    if planned.pause is not None:
        yield f"to end the pause: takeover node resume {name}"


def nodes_json(nodes: Sequence[Listed]) -> str:
    """Return the nodes as JSON."""
    from pcs_wrapper.views.contract.members import nodes as contract

    return output_json(
        contract.Nodes(
            nodes=[
                contract.ListedNode(
                    name=node.name,
                    state=node.state,
                    why=node.why,
                    remote=node.is_remote,
                    dc=node.is_dc,
                    services=node.services,
                    pause=_pause_record(node.pause),
                )
                for node in nodes
            ]
        )
    )


def node_dry_run_json(planned: Planned, steps: Sequence[Step]) -> str:
    """Return what a pause of a node, or its end, would do as JSON."""
    from pcs_wrapper.views.contract.members import nodes as contract

    return output_json(
        contract.NodeDryRun(
            node=planned.node.name,
            changes=changes_record(planned.changes),
            effects=[effect_record(effect) for effect in planned.effects],
            kept=planned.kept,
            fenced=planned.fenced,
            obstacles=finding_records(planned.readiness.findings),
            commands=[command for step in steps for command in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def effect_record(effect: Effect) -> contract.Effect:
    """Return what happens to a service as a record."""
    from pcs_wrapper.views.contract.members import nodes as contract

    return contract.Effect(
        service=effect.service,
        kind=effect.kind,
        source=effect.source,
        dest=effect.dest,
        goes_on=effect.goes_on,
        outage=_span_record(effect.outage),
    )


def done_json(done: Done) -> str:
    """Return what a pause of a node, or its end, has done as JSON."""
    from pcs_wrapper.views.contract.members import nodes as contract

    return output_json(
        contract.NodeChanged(
            node=done.node.name,
            state=done.node.state,
            pause=_pause_record(done.planned.pause),
            checkpoint=done.checkpoint,
            outcomes=[
                contract.Outcome(service=service_record(each.service), outage=each.outage)
                for each in done.outcomes
            ],
            running=done.running,
            harm=done.harm,
        )
    )


def _pause_record(pause: Pause | None) -> contract.Pause | None:
    from pcs_wrapper.views.contract.members import nodes as contract

    if pause is None:
        return None
    return contract.Pause(
        keeps=pause.keeps,
        until=None if pause.until is None else pause.until.isoformat(timespec="seconds"),
        configured=pause.is_configured,
    )


def _span_record(span: Span | None) -> plan.Span | None:
    from pcs_wrapper.views.contract.change import plan

    if span is None:
        return None
    likely = None if span.likely is None else round(span.likely, 3)
    return plan.Span(likely=likely, limit=round(span.limit, 3), source=span.source)


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)
