"""What was changed in the cluster, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pcs_wrapper.change.history.checkpoints import Checkpoint
from pcs_wrapper.change.history.timeline import Elsewhere, Timeline
from pcs_wrapper.views.change.changes import changes_record, changes_text, checkpoint_text
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract.change import changes as contract


def history_text(timeline: Timeline) -> Iterator[str]:
    """Yield the lines that describe what was changed."""
    if not timeline.checkpoints:
        yield "there are no checkpoints: Takeover has not changed this cluster yet"
    elsewhere = {each.after: each for each in timeline.elsewhere}
    for checkpoint in timeline.checkpoints:
        if checkpoint.number in elsewhere:
            yield from _elsewhere_text(elsewhere[checkpoint.number])
        yield from _checkpoint_text(checkpoint)
    if timeline.older:
        yield "older changes, of which each node keeps only its own, as it knew them last:"
    for checkpoint in timeline.older:
        yield from _checkpoint_text(checkpoint)
    if timeline.former:
        yield (
            f"not shown: {len(timeline.former)} checkpoints of another cluster, which this node "
            "was in before"
        )


def _checkpoint_text(checkpoint: Checkpoint) -> Iterator[str]:
    yield checkpoint_text(checkpoint)
    for line in (*changes_text(checkpoint.changes), *checkpoint.note.splitlines()):
        yield f"    {line}"
    if checkpoint.omitted:
        yield f"    and {checkpoint.omitted} more objects"


def _elsewhere_text(elsewhere: Elsewhere) -> Iterator[str]:
    epochs = f"epoch {elsewhere.epoch_before} to {elsewhere.epoch_after}"
    if elsewhere.changes is None:
        yield f"-  changed without Takeover, or confirmed ({epochs}); what is not known any more"
        return
    yield f"-  changed without Takeover, such as with pcs ({epochs})"
    yield from (f"    {line}" for line in changes_text(elsewhere.changes))


def history_json(timeline: Timeline) -> str:
    """Return what was changed as JSON."""
    from pcs_wrapper.views.contract.change import changes as contract

    return output_json(
        contract.History(
            checkpoints=[_checkpoint_record(each) for each in timeline.checkpoints],
            elsewhere=[
                contract.Elsewhere(
                    after=each.after,
                    epoch_before=each.epoch_before,
                    epoch_after=each.epoch_after,
                    changes=None if each.changes is None else changes_record(each.changes),
                )
                for each in timeline.elsewhere
            ],
            older=[_checkpoint_record(each) for each in timeline.older],
            former=timeline.former,
        )
    )


def _checkpoint_record(checkpoint: Checkpoint) -> contract.Checkpoint:
    from pcs_wrapper.views.contract.change import changes as contract

    return contract.Checkpoint(
        number=checkpoint.number,
        at=checkpoint.at,
        user=checkpoint.user,
        node=checkpoint.node,
        command=checkpoint.command,
        message=checkpoint.message,
        cluster=checkpoint.cluster,
        changes=changes_record(checkpoint.changes),
        omitted=checkpoint.omitted,
        state=checkpoint.state,
        epoch_before=checkpoint.epoch_before,
        epoch_after=checkpoint.epoch_after,
        confirm_by=checkpoint.confirm_by,
        undoes=checkpoint.undoes,
        stopped_by=checkpoint.stopped_by,
        note=checkpoint.note,
    )
