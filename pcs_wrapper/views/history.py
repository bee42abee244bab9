"""The checkpoints that a node keeps, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pcs_wrapper.change.history.checkpoints import Checkpoint
from pcs_wrapper.views.changes import changes_record, changes_text, checkpoint_text
from pcs_wrapper.views.output import output_json


def history_text(checkpoints: Sequence[Checkpoint]) -> Iterator[str]:
    """Yield the lines that describe checkpoints."""
    if not checkpoints:
        yield "there are no checkpoints: nothing was applied from this node yet"
    for checkpoint in checkpoints:
        yield checkpoint_text(checkpoint)
        for line in (*changes_text(checkpoint.changes), *checkpoint.note.splitlines()):
            yield f"    {line}"


def history_json(checkpoints: Sequence[Checkpoint]) -> str:
    """Return checkpoints as JSON."""
    from pcs_wrapper.views.contract import change as contract

    return output_json(
        contract.History(
            checkpoints=[
                contract.Checkpoint(
                    number=each.number,
                    at=each.at,
                    user=each.user,
                    command=each.command,
                    message=each.message,
                    cluster=each.cluster,
                    changes=changes_record(each.changes),
                    state=each.state,
                    epoch_before=each.epoch_before,
                    epoch_after=each.epoch_after,
                    confirm_by=each.confirm_by,
                    undoes=each.undoes,
                    stopped_by=each.stopped_by,
                    note=each.note,
                )
                for each in checkpoints
            ]
        )
    )
