"""The JSON outputs of `takeover node remove`, `node evict` and `cluster destroy`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.fencing import Evidence
from pcs_wrapper.views.contract.findings import Finding
from pcs_wrapper.views.contract.members.running import NodeLeaving, ServiceWait


class NodeRemoveDryRun(Output):
    """What a removal of a node would do. Nothing was changed."""

    node: str = Field(description="The node's name.")
    member: bool = Field(description="Whether it is a member of the cluster now.")
    configured: bool = Field(description="Whether it is in Corosync's configuration.")
    known: bool = Field(
        description="Whether Pacemaker knows it; if only that, a removal was interrupted."
    )
    leaving: NodeLeaving = Field(description="What would happen to services.")
    findings: Sequence[Finding] = Field(
        description="What is in the way: it is refused without `--even-so`."
    )
    description: str | None = Field(description="The description's file; null if none was given.")
    edits: Sequence[str] = Field(description="What would be taken out of it, a clause each.")
    problem: str = Field(
        description="Why the description cannot be changed by itself; empty if it can."
    )
    commands: Sequence[str] = Field(description="The commands of all steps, in their order.")
    steps: Sequence[Step] = Field(description="The steps.")


class NodeRemoved(Output):
    """The result of a removal or an eviction of a node."""

    node: str = Field(description="The node's name.")
    destroyed: bool = Field(
        description="Whether the cluster's configuration was destroyed on it by this command."
    )
    left: Sequence[str] = Field(description="The nodes that the cluster has now.")
    waits: Sequence[ServiceWait] = Field(description="The outage of each service that moved.")
    description: str | None = Field(
        description="The description's file that was changed; null if none was."
    )
    edits: Sequence[str] = Field(description="What was, or has to be, taken out of it.")
    harm: Sequence[str] = Field(
        description="What is not as it should be, a sentence for each; empty if all is."
    )


class NodeEvictDryRun(Output):
    """What is known of a node that would be evicted, and what would be done."""

    node: str = Field(description="The node's name.")
    configured: bool = Field(description="Whether it is in Corosync's configuration.")
    known: bool = Field(
        description="Whether Pacemaker knows it; if only that, an eviction was interrupted."
    )
    way: Literal["proven", "fence", "confirm"] | None = Field(
        description="How it would be made sure that it is off: a device says so already, a device "
        "switches it off, or somebody types its name; null if Pacemaker does not know it."
    )
    proven: bool = Field(
        description="Whether a device says that it is off, and nothing says that it is on."
    )
    evidence: Sequence[Evidence] = Field(description="What every witness says of the node.")
    findings: Sequence[Finding] = Field(
        description="What is in the way: it is refused without `--even-so`."
    )
    description: str | None = Field(description="The description's file; null if none was given.")
    edits: Sequence[str] = Field(description="What would be taken out of it, a clause each.")
    problem: str = Field(
        description="Why the description cannot be changed by itself; empty if it can."
    )
    commands: Sequence[str] = Field(description="The commands of all steps, in their order.")
    steps: Sequence[Step] = Field(description="The steps.")


class ClusterDestroyDryRun(Output):
    """What a destruction of the cluster would do. Nothing was changed."""

    cluster: str = Field(description="The cluster's name.")
    nodes: Sequence[str] = Field(description="The nodes on which it would be destroyed.")
    leaving: NodeLeaving | None = Field(
        description="What would happen to services; null if no cluster runs on this machine."
    )
    findings: Sequence[Finding] = Field(
        description="What is in the way: it is refused without `--even-so`."
    )
    commands: Sequence[str] = Field(description="The commands of all steps, in their order.")
    steps: Sequence[Step] = Field(description="The steps.")


class ClusterDestroyed(Output):
    """The result of a destruction of the cluster."""

    cluster: str = Field(description="The cluster's name.")
    nodes: Sequence[str] = Field(description="The nodes on which it was destroyed.")
    history: str | None = Field(
        description="The folder into which this node has put the changes that it kept; null if it "
        "has kept none."
    )
    harm: Sequence[str] = Field(
        description="What is not as it should be, a sentence for each; empty if all is."
    )
