"""What was changed in the cluster, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator

from pcs_wrapper.change.history.timeline import Elsewhere, Timeline
from pcs_wrapper.views.changes import changes_record, changes_text, checkpoint_text
from pcs_wrapper.views.output import output_json


def history_text(timeline: Timeline) -> Iterator[str]:
    """Yield the lines that describe what was changed."""
    if not timeline.checkpoints:
        yield "there are no checkpoints: Takeover has not changed this cluster yet"
    elsewhere = {each.after: each for each in timeline.elsewhere}
    for checkpoint in timeline.checkpoints:
        if checkpoint.number in elsewhere:
            yield from _elsewhere_text(elsewhere[checkpoint.number])
        yield checkpoint_text(checkpoint)
        for line in (*changes_text(checkpoint.changes), *checkpoint.note.splitlines()):
            yield f"    {line}"
        if checkpoint.omitted:
            yield f"    and {checkpoint.omitted} more objects"
    if timeline.former:
        yield (
            f"not shown: {len(timeline.former)} checkpoints of another cluster, which this node "
            "was in before"
        )


def _elsewhere_text(elsewhere: Elsewhere) -> Iterator[str]:
    epochs = f"epoch {elsewhere.epoch_before} to {elsewhere.epoch_after}"
    if elsewhere.changes is None:
        yield f"-  changed without Takeover, or confirmed ({epochs}); what is not known any more"
        return
    yield f"-  changed without Takeover, such as with pcs ({epochs})"
    yield from (f"    {line}" for line in changes_text(elsewhere.changes))


def history_json(timeline: Timeline) -> str:
    """Return what was changed as JSON."""
    from pcs_wrapper.views.contract import change as contract

    return output_json(
        contract.History(
            checkpoints=[
                contract.Checkpoint(
                    number=each.number,
                    at=each.at,
                    user=each.user,
                    node=each.node,
                    command=each.command,
                    message=each.message,
                    cluster=each.cluster,
                    changes=changes_record(each.changes),
                    omitted=each.omitted,
                    state=each.state,
                    epoch_before=each.epoch_before,
                    epoch_after=each.epoch_after,
                    confirm_by=each.confirm_by,
                    undoes=each.undoes,
                    stopped_by=each.stopped_by,
                    note=each.note,
                )
                for each in timeline.checkpoints
            ],
            elsewhere=[
                contract.Elsewhere(
                    after=each.after,
                    epoch_before=each.epoch_before,
                    epoch_after=each.epoch_after,
                    changes=None if each.changes is None else changes_record(each.changes),
                )
                for each in timeline.elsewhere
            ],
            former=timeline.former,
        )
    )
