"""Changes that were made, or would be: `takeover apply`, `rollback` and `history`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.cluster import Service


class Changes(Record):
    """The IDs of the objects of the CIB that a change concerns."""

    created: Sequence[str] = Field(description="The IDs of the objects that are new.")
    changed: Sequence[str] = Field(description="The IDs of the objects that are different.")
    removed: Sequence[str] = Field(description="The IDs of the objects that are gone.")


class Step(Record):
    """A step of a change."""

    what: str = Field(description="What the step does, in a clause.")
    commands: Sequence[str] = Field(
        description="The commands that it runs, as one would type them in a shell; empty if it "
        "runs none that changes anything."
    )


class RollbackOutcome(Record):
    """What became of a rollback."""

    checkpoint: int | None = Field(
        description="The number of the rollback's own checkpoint; null if nothing had to be pushed."
    )
    undone: Sequence[int] = Field(
        description="The numbers of the checkpoints that it took back, the newest first."
    )
    changes: Changes = Field(description="What was changed in the CIB.")
    touched: Sequence[str] = Field(
        description="The IDs of the objects that somebody else had changed since."
    )
    services: Sequence[Service] = Field(description="How every service is now.")
    stopped_fencing: Mapping[str, str] = Field(
        description="The fencing devices that do not run: their IDs, each with the reason."
    )


class RolledBack(RollbackOutcome, Output):
    """What became of a rollback."""


class Applied(Output):
    """What became of an apply."""

    changes: Changes = Field(description="What was changed in the CIB.")
    services: Sequence[Service] = Field(description="How each service of the description is now.")
    stopped_fencing: Mapping[str, str] = Field(
        description="The fencing devices that do not run: their IDs, each with the reason."
    )
    checkpoint: int | None = Field(
        description="The number of the checkpoint whose rollback takes all of the change back; "
        "null if there was nothing to change."
    )
    harm: Sequence[str] = Field(
        description="What the change hurt, or did not make run, each in a sentence; empty if it "
        "did no harm."
    )
    rolled_back: RollbackOutcome | None = Field(
        description="What became of the automatic rollback; null if there was none."
    )
    rollback_failure: str = Field(
        description="Why the automatic rollback failed, or a part of it; empty if it did not."
    )
    confirm_by: str | None = Field(
        description="When the change is rolled back unless it is confirmed before, in ISO 8601 "
        "with the offset from UTC; null if it need not be confirmed."
    )


class ApplyDryRun(Output):
    """What an apply would do. Nothing was changed."""

    changes: Changes = Field(description="What would be changed in the CIB.")
    commands: Sequence[str] = Field(
        description="The commands of all steps together, as one would type them in a shell."
    )
    steps: Sequence[Step] = Field(description="The steps of the change, in their order.")


class RollbackDryRun(Output):
    """What a rollback would do. Nothing was changed."""

    undone: Sequence[int] = Field(
        description="The numbers of the checkpoints that would be taken back, the newest first."
    )
    changes: Changes = Field(description="What would be changed in the CIB.")
    touched: Sequence[str] = Field(
        description="The IDs of the objects that somebody else has changed since; those of their "
        "changes that conflict with the rollback would be lost."
    )
    commands: Sequence[str] = Field(
        description="The commands of all steps together, as one would type them in a shell."
    )
    steps: Sequence[Step] = Field(description="The steps of the rollback, in their order.")


class Checkpoint(Record):
    """A change that was pushed to the cluster from this node, and the way back."""

    number: int = Field(description="The checkpoint's number; each new one is larger by one.")
    at: str = Field(description="When the change was pushed, in ISO 8601 with the offset from UTC.")
    user: str = Field(description="The user who pushed it.")
    command: str = Field(description="The command that pushed it, such as `apply` or `rollback`.")
    message: str = Field(description="Why, in that user's words; may be empty.")
    cluster: str = Field(description="The cluster's name.")
    changes: Changes = Field(description="What was changed in the CIB.")
    state: Literal["pushing", "applied", "unconfirmed", "confirmed", "failed", "rolled back"] = (
        Field(
            description="What became of it. `pushing`: that is not known yet; `applied` and "
            "`confirmed`: it is in the cluster; `unconfirmed`: it will be rolled back unless it is "
            "confirmed; `failed`: it is not in the cluster; `rolled back`: it was taken back."
        )
    )
    epoch_before: int | None = Field(
        description="The epoch of the CIB on which it was pushed; null until it was pushed."
    )
    epoch_after: int | None = Field(
        description="The epoch of the CIB that it made; null until it was pushed."
    )
    confirm_by: str | None = Field(
        description="When it is rolled back unless it is confirmed before, in ISO 8601 with the "
        "offset from UTC; null if it need not be confirmed."
    )
    undoes: Sequence[int] = Field(
        description="The numbers of the checkpoints that it takes back; empty if it is no rollback."
    )
    stopped_by: int | None = Field(
        description="The number of the checkpoint that stopped what this one removes, and that is "
        "taken back together with it; null if nothing had to be stopped."
    )
    note: str = Field(description="What else there is to say about it; may be empty.")


class History(Output):
    """The checkpoints that this node keeps."""

    checkpoints: Sequence[Checkpoint] = Field(description="The checkpoints, the newest first.")
