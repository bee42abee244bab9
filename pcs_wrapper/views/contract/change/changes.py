"""The JSON outputs of `takeover apply`, `rollback` and `history`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.cluster import Service
from pcs_wrapper.views.contract.findings import Finding


class Changes(Record):
    """The IDs of the objects of the CIB that a change concerns."""

    created: Sequence[str] = Field(description="The IDs of the new objects.")
    changed: Sequence[str] = Field(description="The IDs of the changed objects.")
    removed: Sequence[str] = Field(description="The IDs of the removed objects.")


class Step(Record):
    """A step of a change."""

    what: str = Field(description="What the step does, in a clause.")
    commands: Sequence[str] = Field(
        description="The commands that it runs, as a user would type them in a shell; empty if it "
        "runs none that changes anything."
    )


class RollbackOutcome(Record):
    """The result of a rollback."""

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
    services: Sequence[Service] = Field(description="The state of every service afterwards.")
    stopped_fencing: Mapping[str, str] = Field(
        description="The fencing devices that do not run: their IDs, each with the reason."
    )


class RolledBack(RollbackOutcome, Output):
    """The result of a rollback."""


class Applied(Output):
    """The result of an apply."""

    changes: Changes = Field(description="What was changed in the CIB.")
    services: Sequence[Service] = Field(
        description="The state of each service of the description afterwards."
    )
    stopped_fencing: Mapping[str, str] = Field(
        description="The fencing devices that do not run: their IDs, each with the reason."
    )
    checkpoint: int | None = Field(
        description="The number of the checkpoint whose rollback takes all of the change back; "
        "null if there was nothing to change."
    )
    harm: Sequence[str] = Field(
        description="The harm that the change did: a sentence for each service that it hurt, or "
        "did not make run; empty if it did no harm."
    )
    rolled_back: RollbackOutcome | None = Field(
        description="The result of the automatic rollback; null if there was none."
    )
    rollback_failure: str = Field(
        description="Why the automatic rollback failed, completely or in part; empty if it did not."
    )
    confirm_by: str | None = Field(
        description="The time at which it is rolled back unless it is confirmed, in ISO 8601 "
        "with the offset from UTC; null if it need not be confirmed."
    )
    findings: Sequence[Finding] = Field(
        default=(),
        description="What is not well with the cluster, the worst first, such as fencing that is "
        "off, dead links or stopped services; the page findings.md explains each code.",
    )


class ApplyDryRun(Output):
    """What an apply would do. Nothing was changed."""

    changes: Changes = Field(description="What would be changed in the CIB.")
    commands: Sequence[str] = Field(
        description="The commands of all steps together, as a user would type them in a shell."
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
        description="The commands of all steps together, as a user would type them in a shell."
    )
    steps: Sequence[Step] = Field(description="The steps of the rollback, in their order.")


class Checkpoint(Record):
    """A change that was pushed to the cluster, and that can be taken back."""

    number: int = Field(description="The checkpoint's number; each new one is larger by one.")
    at: str = Field(
        description="The time at which the change was pushed, in ISO 8601 with the offset from UTC."
    )
    user: str = Field(description="The user who pushed it.")
    node: str = Field(
        default="",
        description="The node from which it was pushed; empty if an older version of Takeover "
        "pushed it.",
    )
    command: str = Field(description="The command that pushed it, such as `apply` or `rollback`.")
    message: str = Field(description="The reason, in that user's words; may be empty.")
    cluster: str = Field(description="The cluster's name.")
    changes: Changes = Field(description="What was changed in the CIB.")
    omitted: int = Field(
        default=0,
        description="The number of changed objects that `changes` leaves out, because another node "
        "made the change and there are many.",
    )
    state: Literal[
        "pushing", "applied", "unconfirmed", "confirmed", "failed", "rolled back", "unknown"
    ] = Field(
        description="The state of the change. `pushing`: it is not known yet; `applied` and "
        "`confirmed`: it is in the cluster; `unconfirmed`: it is in the cluster, and will be "
        "rolled back unless it is confirmed; `failed`: it is not in the cluster; `rolled "
        "back`: it was taken back; `unknown`: it was decided on another node, and is forgotten."
    )
    epoch_before: int | None = Field(
        description="The epoch of the CIB before the push; null until it was pushed."
    )
    epoch_after: int | None = Field(
        description="The epoch of the CIB after the push; null until it was pushed."
    )
    confirm_by: str | None = Field(
        description="The time at which it is rolled back unless it is confirmed, in ISO 8601 with "
        "the offset from UTC; null if it need not be confirmed."
    )
    undoes: Sequence[int] = Field(
        description="The numbers of the checkpoints that it takes back; empty if it is no rollback."
    )
    stopped_by: int | None = Field(
        description="The number of the checkpoint that stopped what this one removes, and that is "
        "taken back together with it; null if nothing had to be stopped."
    )
    note: str = Field(description="A remark, such as the harm that it did; may be empty.")


class Elsewhere(Record):
    """What was changed without Takeover: with pcs, for example, or by Pacemaker itself."""

    after: int = Field(description="The number of the checkpoint after which it was changed.")
    epoch_before: int = Field(description="The epoch of the CIB before.")
    epoch_after: int = Field(description="The epoch of the CIB afterwards.")
    changes: Changes | None = Field(
        description="What was changed in the CIB; null if it is not known any more."
    )


class History(Output):
    """What was changed in the cluster; every node has the same."""

    checkpoints: Sequence[Checkpoint] = Field(description="The checkpoints, the newest first.")
    elsewhere: Sequence[Elsewhere] = Field(
        default=(),
        description="What was changed without Takeover between the last checkpoints and since, the "
        "newest first.",
    )
    older: Sequence[Checkpoint] = Field(
        default=(),
        description="The changes before those that every node knows, of which this node keeps its "
        "own, the newest first.",
    )
    former: Sequence[int] = Field(
        default=(),
        description="The numbers of the checkpoints that this node keeps of another cluster, which "
        "it was in before.",
    )


class CorosyncValue(Record):
    """A value of Corosync's that is not as described."""

    of: str = Field(description="Whose it is: Corosync's, or a node's.")
    key: str = Field(description="The description's key.")
    now: str = Field(description="What it is now, or was.")
    described: str = Field(description="What is described.")


class CorosyncChange(Output):
    """What `takeover cluster configure` has changed, or would change."""

    changes: Sequence[CorosyncValue] = Field(description="The values that are changed.")
    obstacles: Sequence[Finding] = Field(description="Why it would be refused.")
    steps: Sequence[Step] = Field(description="Its steps.")
