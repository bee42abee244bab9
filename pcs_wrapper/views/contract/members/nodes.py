"""The JSON outputs of `takeover node`: the nodes, and what a pause or its end does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.change.changes import Changes, Step
from pcs_wrapper.views.contract.change.plan import Span
from pcs_wrapper.views.contract.cluster import Service
from pcs_wrapper.views.contract.findings import Finding


class Pause(Record):
    """A pause of a node."""

    keeps: bool = Field(
        description="Whether the node keeps what it runs, and only takes nothing new."
    )
    until: str | None = Field(
        description="When the pause ends by itself, in ISO 8601 with the offset from UTC; null if "
        "it does not."
    )
    configured: bool = Field(
        description="Whether it is in the configuration. Otherwise it ends when the node's cluster "
        "is restarted."
    )


class ListedNode(Record):
    """A node and how it is."""

    name: str = Field(description="The node's name.")
    state: Literal["online", "paused", "offline", "unclean", "maintenance", "pending"] = Field(
        description="The state in a word. `unclean`: it must be fenced before the cluster starts "
        "anything; `pending`: it is joining the cluster."
    )
    why: str = Field(description="Why it is not simply online; empty if it is.")
    remote: bool = Field(
        description="Whether it is a remote or guest node, which does not vote for quorum."
    )
    dc: bool = Field(description="Whether it decides (the DC).")
    services: Sequence[str] = Field(
        description="The services that run on it, or run there in part."
    )
    pause: Pause | None = Field(description="Its pause; null if it has none.")


class Nodes(Output):
    """The nodes of the cluster."""

    nodes: Sequence[ListedNode] = Field(description="All nodes of the cluster.")


class Effect(Record):
    """What happens to a service."""

    service: str = Field(description="The service's name.")
    kind: Literal["stops", "moves", "restarts", "leaves", "starts"] = Field(
        description="`stops`: it has nowhere to run; `moves`: to another node; `restarts`: where "
        "it is; `leaves`: it ends on a node and goes on elsewhere; `starts`: on a node."
    )
    source: Sequence[str] = Field(description="The nodes that it leaves, or restarts on.")
    dest: Sequence[str] = Field(description="The nodes that it comes to.")
    goes_on: Sequence[str] = Field(description="The other nodes on which it goes on meanwhile.")
    outage: Span | None = Field(
        description="For how long clients are not served; null if they are, or not any more."
    )


class NodeDryRun(Output):
    """What a pause of a node, or its end, would do. Nothing was changed."""

    node: str = Field(description="The node's name.")
    changes: Changes = Field(description="What would be changed in the CIB.")
    effects: Sequence[Effect] = Field(description="What would happen to services.")
    kept: Sequence[str] = Field(description="The services that would stay on the node.")
    fenced: Sequence[str] = Field(description="The nodes that would be fenced.")
    obstacles: Sequence[Finding] = Field(description="What holds the cluster up.")
    commands: Sequence[str] = Field(description="The commands of all steps, in their order.")
    steps: Sequence[Step] = Field(description="The steps.")


class Outcome(Record):
    """What has happened to a service."""

    service: Service = Field(description="The service afterwards.")
    outage: str = Field(description="For how long it was not served, in a clause; empty if it was.")


class NodeChanged(Output):
    """The result of a pause of a node, or of its end."""

    node: str = Field(description="The node's name.")
    state: str = Field(description="The node's state afterwards, in Pacemaker's words.")
    pause: Pause | None = Field(description="The pause that it has now; null if it has none.")
    checkpoint: int | None = Field(
        description="The number of the checkpoint whose rollback takes it back; null if the "
        "configuration was not changed."
    )
    outcomes: Sequence[Outcome] = Field(
        description="What has happened to the services on which it had an effect."
    )
    running: Sequence[str] = Field(description="The services that run on the node afterwards.")
    harm: Sequence[str] = Field(
        description="What is not as it should be, a sentence for each; empty if all is."
    )
