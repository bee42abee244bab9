"""Changes and their results, as text for users and as JSON for programs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from lxml import etree

from cib_templates.cib.secrecy.masking import public
from cib_templates.cib.text import to_text
from cib_templates.comparing.changes import ChangedIds
from pcs_wrapper.change.applying import Applied
from pcs_wrapper.change.history.checkpoints import Checkpoint
from pcs_wrapper.change.rolling_back import Rollback, RolledBack
from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json
from pcs_wrapper.views.state import service_record, service_text, stopped_text

if TYPE_CHECKING:
    from pcs_wrapper.views.contract.change import changes as contract

_Outcome = TypeVar("_Outcome", bound="contract.RollbackOutcome")


def changes_text(changes: ChangedIds) -> Iterator[str]:
    """Yield a line for each kind of change, with the IDs of the objects."""
    for word, identities in (
        ("created", changes.created),
        ("changed", changes.changed),
        ("removed", changes.removed),
    ):
        if identities:
            yield f"{word}: {', '.join(identities)}"


def difference_text(old: etree._Element, new: etree._Element) -> Iterator[str]:
    """Yield the lines of a unified diff of two CIBs, without the secrets in them."""
    before, after = (to_text(cib).splitlines() for cib in (public(old), public(new, old)))
    yield from difflib.unified_diff(before, after, "old.xml", "new.xml", lineterm="")


def applied_text(applied: Applied) -> Iterator[str]:
    """Yield the lines that describe the result of an apply; each reason once.

    Of a change that was rolled back, only the harm is told, and how everything is afterwards.
    """
    if applied.rolled_back is None:
        yield from changes_text(applied.changes)
        told = {sentence.partition(": ")[0] for sentence in applied.harm}
        for service in applied.services:
            if service.id not in told:
                yield service_text(service)
        for device, why in applied.stopped_fencing.items():
            if device not in told:
                yield stopped_text(device, why)
    if applied.harm:
        yield style("the change did harm:", fg="red", bold=True)
        yield from (f"  {sentence}" for sentence in applied.harm)
    number = applied.checkpoint
    if applied.rolled_back is not None:
        yield f"the change was rolled back (checkpoint {number}). Now:"
        yield from _state_text(applied.rolled_back)
    elif applied.rollback_failure:
        yield from applied.rollback_failure.splitlines()
    elif applied.harm:
        yield f"the change is still in the cluster; to take it back: takeover rollback {number}"
    if applied.confirm_by and not applied.rolled_back:
        yield (
            f"the change will be rolled back at {applied.confirm_by}. To keep it, run before then: "
            f"takeover confirm {number}"
        )


def rollback_text(planned: Rollback) -> Iterator[str]:
    """Yield the lines that describe what a rollback would do."""
    for checkpoint in planned.undone:
        yield f"takes back checkpoint {checkpoint_text(checkpoint)}"
    if not planned.changes:
        yield "the configuration is already as it was before: there is nothing to push"
    yield from changes_text(planned.changes)
    if planned.touched:
        yield (
            f"changed by somebody else since: {', '.join(planned.touched)}. Those of their changes "
            "that conflict with this rollback would be lost"
        )


def rolled_back_text(done: RolledBack) -> Iterator[str]:
    """Yield the lines that describe the result of a rollback."""
    numbers = ", ".join(map(str, done.undone))
    own = "" if done.checkpoint is None else f" (by checkpoint {done.checkpoint})"
    yield f"rolled back: {numbers}{own}. Now:"
    yield from _state_text(done)


def _state_text(done: RolledBack) -> Iterator[str]:
    if done.touched:
        yield f"  changed by somebody else since: {', '.join(done.touched)}"
    for service in done.services:
        yield f"  {service_text(service)}"
    for device, why in done.stopped_fencing.items():
        yield f"  {stopped_text(device, why)}"


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """Return a line that describes a checkpoint."""
    who = f"{checkpoint.user} on {checkpoint.node}" if checkpoint.node else checkpoint.user
    parts = [f"{checkpoint.number}  {checkpoint.at}  {who}  {checkpoint.command}"]
    if checkpoint.undoes:
        parts[0] += f" of {', '.join(map(str, checkpoint.undoes))}"
    parts.append(checkpoint.state)
    if checkpoint.epoch_after is not None:
        parts[-1] += f" (epoch {checkpoint.epoch_before} to {checkpoint.epoch_after})"
    if checkpoint.state == "unconfirmed":
        parts[-1] += f", to be confirmed by {checkpoint.confirm_by}"
    if checkpoint.message:
        parts.append(checkpoint.message)
    return ": ".join(parts)


def applied_json(applied: Applied) -> str:
    """Return the result of an apply as JSON."""
    from pcs_wrapper.views.contract.change import changes as contract

    back = applied.rolled_back
    return output_json(
        contract.Applied(
            changes=changes_record(applied.changes),
            services=[service_record(service) for service in applied.services],
            stopped_fencing=applied.stopped_fencing,
            checkpoint=applied.checkpoint,
            harm=applied.harm,
            rolled_back=None if back is None else _outcome(back, contract.RollbackOutcome),
            rollback_failure=applied.rollback_failure,
            confirm_by=applied.confirm_by,
            findings=finding_records(applied.findings),
        )
    )


def apply_dry_run_json(changes: ChangedIds, steps: Sequence[Step]) -> str:
    """Return what an apply would do as JSON."""
    from pcs_wrapper.views.contract.change import changes as contract

    return output_json(
        contract.ApplyDryRun(
            changes=changes_record(changes),
            commands=[command for step in steps for command in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def rollback_dry_run_json(planned: Rollback, steps: Sequence[Step]) -> str:
    """Return what a rollback would do as JSON."""
    from pcs_wrapper.views.contract.change import changes as contract

    return output_json(
        contract.RollbackDryRun(
            undone=[each.number for each in planned.undone],
            changes=changes_record(planned.changes),
            touched=planned.touched,
            commands=[command for step in steps for command in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def step_record(step: Step) -> contract.Step:
    """Return a step, as a part of an output."""
    from pcs_wrapper.views.contract.change import changes as contract

    return contract.Step(what=step.summary, commands=step.commands)


def rolled_back_json(done: RolledBack) -> str:
    """Return the result of a rollback as JSON."""
    from pcs_wrapper.views.contract.change import changes as contract

    return output_json(_outcome(done, contract.RolledBack))


def _outcome(done: RolledBack, kind: type[_Outcome]) -> _Outcome:
    return kind(
        checkpoint=done.checkpoint,
        undone=done.undone,
        changes=changes_record(done.changes),
        touched=done.touched,
        services=[service_record(service) for service in done.services],
        stopped_fencing=done.stopped_fencing,
    )


def changes_record(changes: ChangedIds) -> contract.Changes:
    """Return the IDs of the changed objects, as a part of an output."""
    from pcs_wrapper.views.contract.change import changes as contract

    return contract.Changes(
        created=changes.created, changed=changes.changed, removed=changes.removed
    )
