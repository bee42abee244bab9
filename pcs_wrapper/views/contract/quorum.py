"""The JSON output of `takeover quorum status`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.cluster import Votes
from pcs_wrapper.views.contract.findings import Finding


class Loss(Record):
    """What happens if a node or the witness goes next, and nothing else changes."""

    what: str = Field(description="The node's name, or the witness's.")
    witness: bool = Field(description="Whether it is the witness.")
    left: int = Field(description="The number of votes that are left then.")
    goes_on: bool = Field(description="Whether those that are left still decide.")
    means: str = Field(description="What that means, in a sentence.")


class Certificate(Record):
    """A certificate with which the node speaks to the witness."""

    name: str = Field(description="What it is.")
    made: str = Field(description="When it was made, in ISO 8601 with the offset from UTC.")
    until: str = Field(description="Until when it is valid, in the same form.")


class Quorum(Output):
    """Who decides in the cluster, and what may be lost."""

    quorum: bool = Field(description="Whether this part of the cluster may decide.")
    votes: Votes = Field(description="The votes of this part of the cluster.")
    members: Sequence[str] = Field(description="The nodes that are in it.")
    absent: Sequence[str] = Field(description="The other nodes that vote.")
    who: str = Field(description="Who may decide, in a sentence.")
    losses: Sequence[Loss] = Field(
        description="What happens if each member, or the witness, goes next."
    )
    settings: Sequence[str] = Field(
        description="What else decides who may form the cluster, a sentence for each."
    )
    certificates: Sequence[Certificate] | None = Field(
        description="This node's certificates for the witness; null if there is no witness, or "
        "they cannot be read."
    )


class WitnessDryRun(Output):
    """What a witness would change. Nothing was changed."""

    command: str = Field(description="The command, `witness add` or `witness remove`.")
    nothing: str = Field(description="Why there is nothing to do; empty if there is.")
    now: Votes = Field(description="The votes now.")
    then: Votes = Field(description="The votes afterwards.")
    obstacles: Sequence[Finding] = Field(description="Why it would be refused.")
    steps: Sequence[Step] = Field(description="Its steps.")
