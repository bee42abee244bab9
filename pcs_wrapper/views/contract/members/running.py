"""The JSON outputs of `takeover cluster start`, `stop` and `restart`."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.cluster import Service
from pcs_wrapper.views.contract.findings import Finding
from pcs_wrapper.views.contract.members.nodes import Effect, Outcome


class NodeLeaving(Record):
    """What happens when the cluster is stopped on nodes."""

    nodes: Sequence[str] = Field(description="The nodes.")
    effects: Sequence[Effect] = Field(description="What would happen to services.")
    fenced: Sequence[str] = Field(description="The nodes that would be fenced because of it.")
    findings: Sequence[Finding] = Field(
        description="Services that would go on running there without a cluster, and whether the "
        "nodes that stay would have no quorum."
    )


class ClusterDryRun(Output):
    """What a start, stop or restart of the cluster would do. Nothing was changed."""

    command: str = Field(description="The command, such as `cluster restart`.")
    nodes: Sequence[str] = Field(description="The nodes, in the order of their turns.")
    skipped: Sequence[str] = Field(
        description="The nodes that would be left as they are: the cluster runs there already, or "
        "does not, or pcsd does not answer."
    )
    leaving: Sequence[NodeLeaving] = Field(
        description="What would happen to services: once for a stop, for each node for a restart. "
        "Empty if it is not known, as no cluster runs on this machine."
    )
    findings: Sequence[Finding] = Field(
        description="What is in the way: a restart is refused without `--even-so`."
    )
    interrupted: str = Field(
        description="The restart that would be continued, and how far it has come; empty if none."
    )
    commands: Sequence[str] = Field(description="The commands of all steps, in their order.")
    steps: Sequence[Step] = Field(description="The steps.")


class ClusterStarted(Output):
    """The result of a start of the cluster."""

    nodes: Sequence[str] = Field(description="The nodes on which it was started.")
    skipped: Sequence[str] = Field(
        description="The nodes that were asked for and left: the cluster ran there, or pcsd does "
        "not answer."
    )
    services: Sequence[Service] = Field(
        description="The services; empty if no cluster runs on this machine."
    )
    harm: Sequence[str] = Field(
        description="What is not as it should be, a sentence for each; empty if all is."
    )


class ClusterStopped(Output):
    """The result of a stop of the cluster."""

    nodes: Sequence[str] = Field(description="The nodes on which it was stopped.")
    skipped: Sequence[str] = Field(
        description="The nodes that were asked for and left, because pcsd does not answer."
    )
    outcomes: Sequence[Outcome] = Field(
        description="What has happened to services; empty if the cluster was stopped here, too."
    )
    harm: Sequence[str] = Field(
        description="What is not as it should be, a sentence for each; empty if all is."
    )


class ServiceWait(Record):
    """For how long the clients of a service waited."""

    service: str = Field(description="The service's name.")
    nodes: Sequence[str] = Field(description="Where it runs afterwards.")
    seconds: float = Field(
        description="For how long, about: Pacemaker records when an action began in whole seconds."
    )
    returning: bool = Field(
        description="Whether it moved when the node was back already, as to a node that it prefers."
    )


class RestartedNode(Record):
    """What became of a node in its turn. Times are in seconds since its turn began."""

    node: str = Field(description="The node's name.")
    drained: float | None = Field(
        description="When it ran nothing any more; null if it did not come to that, or if an "
        "interrupted restart had done that before."
    )
    stopped: float | None = Field(description="When its cluster was stopped; null as above.")
    back: float | None = Field(description="When it was a member again; null if it was not.")
    whole: float | None = Field(description="When all was well again; null if it was not.")
    waits: Sequence[ServiceWait] = Field(description="The outage of each service that moved.")
    harm: Sequence[str] = Field(description="What went wrong, a sentence each.")


class ClusterRestarted(Output):
    """The result of a rolling restart, up to the first harm."""

    nodes: Sequence[RestartedNode] = Field(
        description="The nodes whose turn came, in that order: without harm all of them."
    )
    left: Sequence[str] = Field(description="The nodes whose turn did not come, because of harm.")
