"""A command about one service, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from pcs_wrapper.change.services.carrying_out import Done
from pcs_wrapper.change.services.prepared import Prepared
from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.pacemaker.simulation import Action
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.change.plan import action_record, action_text, outage_record, outage_text
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json
from pcs_wrapper.views.state import service_record, service_text


def prepared_text(prepared: Prepared) -> Iterator[str]:
    """Yield the lines that say beforehand what a command about one service does."""
    if prepared.nothing:
        return
    yield f"{prepared.command.removeprefix('service ')}: {prepared.what}"
    for _, alike in groupby(prepared.own, _kind_and_place):
        actions = {action.target: action for action in alike}
        if actions.keys() == {part.id for part in prepared.subject.service.parts}:
            actions = {prepared.subject.name: next(iter(actions.values()))}
        yield from (f"  {action_text(action, name)}" for name, action in actions.items())
    for finding in prepared.objections:
        yield f"  {style(finding.message, fg='yellow')}"
    if (outage := prepared.outage) is not None:
        until = prepared.readiness.until
        first = f"until {until}, and then " if until else ""
        yield f"clients of {prepared.subject.name} are not served {first}for {outage_text(outage)}"
    elif prepared.wanted == "stopped" and prepared.own:
        yield f"clients of {prepared.subject.name} are not served from then on"
    elif prepared.stages and not prepared.own:
        yield "the cluster then stops and starts nothing of it"


def _kind_and_place(action: Action) -> tuple[str, str | None, str | None]:
    return action.kind, action.source, action.dest


def done_text(done: Done) -> Iterator[str]:
    """Yield the lines that say what became of a command about one service."""
    prepared = done.prepared
    if prepared.nothing:
        yield f"{prepared.nothing}: there is nothing to do"
    told = any(sentence.startswith(f"{prepared.subject.name}:") for sentence in done.harm)
    if done.harm:
        yield style("it is not as it should be:", fg="red", bold=True)
        yield from (f"  {sentence}" for sentence in done.harm)
    if not told:
        yield service_text(done.service)
    if done.gap is not None and done.gap.seconds is not None:
        yield f"clients were not served for about {done.gap.seconds:.1f} s"
    if done.harm and done.checkpoint is not None and not prepared.passes:
        yield (
            "the change is still in the cluster; to take it back: takeover rollback "
            f"{done.checkpoint}"
        )


def service_dry_run_json(prepared: Prepared, steps: Sequence[Step]) -> str:
    """Return what a command about one service would do as JSON."""
    from pcs_wrapper.views.contract import service as contract

    return output_json(
        contract.ServiceDryRun(
            command=prepared.command,
            what=prepared.what,
            nothing=prepared.nothing,
            actions=[action_record(action) for action in prepared.actions],
            expected=outage_record(prepared.outage),
            obstacles=finding_records(prepared.readiness.findings),
            objections=finding_records(prepared.objections),
            commands=[command for step in steps for command in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def done_json(done: Done) -> str:
    """Return what became of a command about one service as JSON."""
    from pcs_wrapper.views.contract import service as contract

    seconds = None if done.gap is None else done.gap.seconds
    return output_json(
        contract.ServiceDone(
            command=done.prepared.command,
            what=done.prepared.what,
            nothing=done.prepared.nothing,
            service=service_record(done.service),
            expected=outage_record(done.prepared.outage),
            not_served=None if seconds is None else round(seconds, 3),
            checkpoint=done.checkpoint,
            harm=done.harm,
        )
    )
