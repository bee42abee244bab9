"""The JSON outputs of `takeover node add`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from pcs_wrapper.views.contract.base import Output
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.findings import Finding


class NodeAddDryRun(Output):
    """What would be done to make a machine a node. Nothing was changed."""

    node: str = Field(description="The machine's name.")
    links: Sequence[str] = Field(description="Its addresses, one for each link.")
    member: bool = Field(description="Whether it is a member of the cluster now.")
    configured: bool = Field(
        description="Whether it is in Corosync's configuration; if it is no member then, an "
        "addition was interrupted."
    )
    held: bool = Field(
        description="Whether it is kept from running anything, as `node add` does first."
    )
    authenticated: bool = Field(
        description="Whether this node is authenticated to it; if not, what it has is not known."
    )
    versions: Mapping[str, str] = Field(
        description="The versions of its services; empty if they are not known."
    )
    replaces: str | None = Field(
        description="The configuration that would be destroyed on it, in a clause; null if none."
    )
    files: Sequence[str] = Field(
        description="The files that the cluster's configuration names, and that it needs, too."
    )
    findings: Sequence[Finding] = Field(description="What is in the way.")
    description: str | None = Field(description="The description's file; null if none was given.")
    edits: Sequence[str] = Field(description="What would be added to it, a clause each.")
    problem: str = Field(
        description="Why the description cannot be changed by itself; empty if it can."
    )
    commands: Sequence[str] = Field(description="The commands of all steps, in their order.")
    steps: Sequence[Step] = Field(description="The steps.")


class NodeAdded(Output):
    """What became of a machine that was to become a node."""

    node: str = Field(description="The node's name.")
    links: Sequence[str] = Field(description="Its addresses, one for each link.")
    fenced_by: Sequence[str] = Field(
        description="What can fence it: devices that know it, or its own watchdog; empty if "
        "nothing is known, or if it was a node already."
    )
    held: bool = Field(
        description="Whether it is still kept from running anything, because nothing is known "
        "that fences it."
    )
    files: Sequence[str] = Field(
        description="The files that the cluster's configuration names, and that it needs, too."
    )
    description: str | None = Field(
        description="The description's file that was changed; null if none was."
    )
    edits: Sequence[str] = Field(description="What was, or has to be, added to it.")
    harm: Sequence[str] = Field(
        description="What is not as it should be, a sentence for each; empty if all is."
    )
