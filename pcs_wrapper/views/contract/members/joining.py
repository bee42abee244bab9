"""The JSON outputs of `takeover node add` and `node replace`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.fencing import Evidence
from pcs_wrapper.views.contract.findings import Finding
from pcs_wrapper.views.contract.members.running import NodeLeaving, ServiceWait


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


class NodeReplaceDryRun(Output):
    """What would be done to have a machine take the place of a node. Nothing was changed."""

    old: str = Field(description="The name of the node that leaves.")
    node: str = Field(description="The name of the machine that becomes a node.")
    links: Sequence[str] = Field(description="Its addresses, one for each link.")
    left: bool = Field(
        description="Whether the old node has left the cluster; if so, a replacement was "
        "interrupted, or nothing is left to do."
    )
    member: bool = Field(description="Whether the old node is a member of the cluster now.")
    evicted: bool = Field(
        description="Whether the old node would be evicted, because it cannot be reached."
    )
    way: Literal["proven", "fence", "confirm"] | None = Field(
        description="How it would be made sure that an evicted node is off, as for `node evict`; "
        "null if it is not evicted, or Pacemaker does not know it."
    )
    evidence: Sequence[Evidence] = Field(
        description="What every witness says of a node that is evicted."
    )
    leaving: NodeLeaving = Field(description="What would happen to services.")
    held: bool = Field(
        description="Whether the new machine is kept from running anything, as `node add` does."
    )
    authenticated: bool = Field(
        description="Whether this node is authenticated to the new machine; if not, what it has "
        "is not known."
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
    edits: Sequence[str] = Field(description="What would be changed in it, a clause each.")
    problem: str = Field(
        description="Why the description cannot be changed by itself; empty if it can."
    )
    commands: Sequence[str] = Field(description="The commands of all steps, in their order.")
    steps: Sequence[Step] = Field(description="The steps.")


class NodeReplaced(Output):
    """What became of a machine that was to take the place of a node."""

    old: str = Field(description="The name of the node that was to leave.")
    node: str = Field(description="The name of the machine that was to become a node.")
    links: Sequence[str] = Field(description="Its addresses, one for each link.")
    destroyed: bool = Field(
        description="Whether the cluster's configuration was destroyed where the old node was "
        "reached, by this command."
    )
    waits: Sequence[ServiceWait] = Field(description="The outage of each service that moved.")
    fenced_by: Sequence[str] = Field(
        description="What can fence the new node: devices that know it, or its own watchdog; "
        "empty if nothing is known, or if it was a node already."
    )
    held: bool = Field(
        description="Whether the new node is still kept from running anything, or is none yet."
    )
    files: Sequence[str] = Field(
        description="The files that the cluster's configuration names, and that it needs, too."
    )
    description: str | None = Field(
        description="The description's file that was changed; null if none was."
    )
    edits: Sequence[str] = Field(description="What was, or has to be, changed in it.")
    harm: Sequence[str] = Field(
        description="What is not as it should be, a sentence for each; empty if all is."
    )
