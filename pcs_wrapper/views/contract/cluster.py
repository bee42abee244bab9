"""The JSON output of `takeover status`: the state of the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.findings import Finding


class Node(Record):
    """A node of the cluster."""

    name: str = Field(description="The node's name.")
    online: bool = Field(description="Whether the node is a member of the cluster.")
    unclean: bool = Field(
        description="Whether the node must be fenced before the cluster does anything else."
    )
    standby: bool = Field(description="Whether the node may not run resources.")
    maintenance: bool = Field(description="Whether Pacemaker leaves the node's resources alone.")
    pending: bool = Field(description="Whether the node is joining the cluster.")
    state: str = Field(
        description="The state in Pacemaker's words, such as `online`, `standby`, `OFFLINE` or "
        "`UNCLEAN (offline)`."
    )


class Part(Record):
    """A single resource: a part of a service, or a fencing device."""

    id: str = Field(description="The resource's ID in the CIB.")
    agent: str = Field(description="Its resource agent, such as `ocf:takeover:app`.")
    role: str = Field(
        description="Its role in Pacemaker's words, such as `Started`, `Stopped` or `Promoted`."
    )
    nodes: Sequence[str] = Field(description="The nodes on which it is active.")
    failed: bool = Field(description="Whether its last action failed.")
    blocked: bool = Field(
        description="Whether Pacemaker can do nothing with it until an administrator acts."
    )
    managed: bool = Field(description="Whether Pacemaker starts and stops it.")
    disabled: bool = Field(description="Whether an administrator has ordered it to be stopped.")


class Service(Record):
    """A service of Takeover, or another outermost resource."""

    id: str = Field(description="The resource's ID; of a service of Takeover, its name.")
    state: Literal["running", "starting", "stopping", "stopped", "partial", "blocked"] = Field(
        description="The state in a word. `partial`: some of its parts run; `blocked`: Pacemaker "
        "can do nothing until an administrator acts."
    )
    nodes: Sequence[str] = Field(description="The nodes on which it runs, or runs in part.")
    why: str = Field(description="The reason why it does not run; empty if it runs.")
    limited: str = Field(
        "",
        description="Why it runs on fewer nodes than it could, such as `node3 is in standby`; "
        "empty if it does not run, or runs wherever it should.",
    )
    parts: Sequence[Part] = Field(description="Its resources, in the order in which they start.")


class FailedAction(Record):
    """An action of a resource that failed."""

    resource: str = Field(description="The resource's ID.")
    action: str = Field(description="The action, such as `start`, `stop` or `monitor`.")
    node: str = Field(description="The node on which it failed.")
    reason: str = Field(
        description="The reason that the agent gave, or else the meaning of its exit code."
    )
    at: str = Field(description="The time of the failure, as Pacemaker writes it.")


class FailedFencing(Record):
    """A node that could not be fenced."""

    node: str = Field(description="The name of the node.")
    reason: str = Field(description="The reason why the latest attempt failed.")
    attempts: int = Field(
        description="The number of failed attempts since the node was last fenced successfully."
    )
    at: str = Field(
        default="",
        description="The time of the latest attempt, as Pacemaker writes it; may be empty.",
    )


class LastChange(Record):
    """The last change that Takeover has made, from whichever node, and that is in the cluster."""

    number: int = Field(description="The number of its checkpoint.")
    at: str = Field(
        description="The time at which it was pushed, in ISO 8601 with the offset from UTC."
    )
    user: str = Field(description="The user who pushed it.")
    node: str = Field(description="The node from which it was pushed; may be empty.")
    command: str = Field(description="The command that pushed it.")
    message: str = Field(description="The reason, in that user's words; may be empty.")


class Witness(Record):
    """A host outside of the cluster that votes (a quorum device)."""

    host: str = Field(description="Its name; empty if it is not known.")
    votes: int = Field(description="The number of its votes.")
    voting: bool = Field(description="Whether it votes for this partition of the cluster now.")


class Votes(Record):
    """The votes that quorum comes from, as this partition of the cluster counts them."""

    expected: int = Field(description="The number of votes if all nodes and the witness are there.")
    total: int = Field(description="The number of votes now.")
    needed: int = Field(description="The number of votes that quorum needs.")
    witness: Witness | None = Field(description="The witness; null if there is none.")
    losable_nodes: int = Field(
        description="The number of nodes that may be lost now, if the witness does not change."
    )
    may_be_lost: str = Field(
        description="A sentence that says what may be lost now without losing quorum."
    )


class Status(Output):
    """The state of the cluster."""

    quorum: bool = Field(description="Whether this partition of the cluster has quorum.")
    dc: str | None = Field(
        description="The node that decides (the DC); null while none has been elected."
    )
    maintenance: bool = Field(description="Whether the whole cluster is in maintenance mode.")
    votes: Votes | None = Field(
        default=None,
        description="The votes that quorum comes from; null if Corosync does not tell them, as it "
        "does to root alone.",
    )
    nodes: Sequence[Node] = Field(description="All nodes of the cluster.")
    services: Sequence[Service] = Field(
        description="All services, and all other resources but the fencing devices."
    )
    fencing: Sequence[Part] = Field(description="The fencing devices.")
    stopped_fencing: Mapping[str, str] = Field(
        description="The fencing devices that do not run: their IDs, each with the reason."
    )
    failures: Sequence[FailedAction] = Field(
        description="The actions of resources that have failed."
    )
    failed_fencing: Sequence[FailedFencing] = Field(
        description="The nodes that could not be fenced since they were last fenced successfully."
    )
    findings: Sequence[Finding] = Field(
        default=(),
        description="What is not well with the cluster, the worst first, such as fencing that is "
        "off, dead links or stopped services; the page findings.md explains each code.",
    )
    last_change: LastChange | None = Field(
        default=None,
        description="The last change that Takeover has made; null if it has made none that is in "
        "the cluster.",
    )
