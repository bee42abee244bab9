"""The JSON outputs of `takeover backup` and `takeover restore`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.change.changes import Step


class BackupFile(Record):
    """A file in a backup."""

    path: str = Field(description="Where it was.")
    kind: str = Field(
        description="What it is: checkpoint, known hosts, sbd, named (the configuration names it), "
        "or description."
    )


class Backup(Output):
    """What was saved, beside what pcs saves."""

    file: str = Field(description="The backup's file.")
    cluster: str = Field(description="The cluster's name.")
    nodes: Sequence[str] = Field(description="The names of its nodes.")
    at: str = Field(description="When, in ISO 8601 with the offset from UTC.")
    files: Sequence[BackupFile] = Field(description="The files in it, beside what pcs saves.")
    absent: Sequence[str] = Field(
        description="The files that the configuration names, and that could not be saved."
    )


class Restored(Output):
    """What was restored."""

    cluster: str = Field(description="The cluster's name.")
    nodes: Sequence[str] = Field(description="The names of its nodes.")
    saved_at: str = Field(description="When it was saved, in ISO 8601 with the offset from UTC.")
    left: Sequence[str] = Field(
        description="The files that are different here, and were left as they are."
    )
    for_other_nodes: Sequence[str] = Field(
        description="The files that every node needs, and that were put back on this one alone."
    )


class RestoreDryRun(Output):
    """What a restore would do. Nothing was changed."""

    cluster: str = Field(description="The cluster's name.")
    nodes: Sequence[str] = Field(description="The names of its nodes.")
    saved_at: str = Field(description="When it was saved, in ISO 8601 with the offset from UTC.")
    left: Sequence[str] = Field(
        description="The files that are different here, and would be left as they are."
    )
    steps: Sequence[Step] = Field(description="Its steps.")
