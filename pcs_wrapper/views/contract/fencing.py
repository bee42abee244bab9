"""The JSON outputs of the commands `takeover fence …`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pcs_wrapper.views.contract.base import Output, Record
from pcs_wrapper.views.contract.change.changes import Step
from pcs_wrapper.views.contract.cluster import Service
from pcs_wrapper.views.contract.findings import Finding


class Attempt(Record):
    """An attempt to fence a node."""

    node: str = Field(description="The node.")
    action: str = Field(description="What was asked for: `reboot`, `off` or `on`.")
    result: str = Field(description="`success`, `failed`, or `pending` if it has not ended.")
    confirmed: bool = Field(
        description="Whether nothing was switched, because a human has confirmed that the node is "
        "off."
    )
    by: str = Field(description="Who asked for it, in words, such as `the cluster`.")
    origin: str = Field(description="The node on which it was asked for; may be empty.")
    delegate: str = Field(
        description="The node that ran the fence agent; empty if that is not known."
    )
    devices: Sequence[str] = Field(
        description="The fencing devices that were used; if that is not certain, those that could "
        "have been."
    )
    certain: bool = Field(description="Whether these devices were used.")
    seconds: float | None = Field(
        description="How long it took, from the request to the result; null if the journal of this "
        "node does not tell."
    )
    reason: str = Field(description="Why it failed; empty if it did not.")
    at: str = Field(description="When it ended, as Pacemaker writes it; empty if it has not ended.")


class FenceHistory(Output):
    """Every attempt to fence a node that the cluster remembers."""

    attempts: Sequence[Attempt] = Field(description="The attempts, the newest first.")


class PlugAnswer(Record):
    """What a fencing device says of a node's machine."""

    device: str = Field(description="The device's ID.")
    plug: str = Field(description="What the device calls the machine.")
    power: Literal["on", "off", "unknown"] = Field(description="Whether the machine is on.")
    reason: str = Field(description="Why that is not known; empty if it is.")


class FencedNode(Record):
    """A node, and what can fence it."""

    name: str = Field(description="The node's name.")
    state: str = Field(description="Its state in Pacemaker's words, such as `online`.")
    levels: bool = Field(description="Whether the order is that of fencing levels.")
    order: Sequence[Sequence[str]] = Field(
        description="What is tried to fence it, in this order: the IDs of the devices that act "
        "together."
    )
    watchdog: bool = Field(description="Whether its own watchdog ends it if no device does (SBD).")
    plugs: Sequence[PlugAnswer] = Field(
        description="What the devices say of its machine; empty if they were not asked."
    )
    last: Attempt | None = Field(
        description="The latest attempt to fence it; null if the cluster remembers none."
    )


class FencingMonitor(Record):
    """What the latest monitors of a fencing device said."""

    health: Literal["well", "failed", "never"] = Field(
        description="`well`; `failed`: the latest has failed; `never`: there was none."
    )
    since: float = Field(
        description="Since when they are well, or when the latest failed, in seconds since 1970."
    )
    node: str = Field(description="The node on which it ran; may be empty.")
    reason: str = Field(description="Why it failed; may be empty.")


class FencingDevice(Record):
    """A fencing device."""

    id: str = Field(description="The resource's ID in the CIB.")
    agent: str = Field(description="Its fence agent, such as `fence_ipmilan`.")
    nodes: Sequence[str] = Field(description="The nodes on which it runs; empty if it does not.")
    why: str = Field(description="Why it does not run; empty if it does.")
    monitor: FencingMonitor = Field(description="What its latest monitors said.")
    last: Attempt | None = Field(
        description="The latest attempt that certainly used it; null if none is known."
    )


class FenceList(Output):
    """What can fence each node, and whether it would work now."""

    nodes: Sequence[FencedNode] = Field(description="All nodes.")
    devices: Sequence[FencingDevice] = Field(description="All fencing devices.")
    findings: Sequence[Finding] = Field(
        description="What is not well with fencing, the worst first; the page findings.md explains "
        "each code."
    )


class Evidence(Record):
    """What one witness says of a node."""

    witness: str = Field(
        description="Who says it: `membership`, a link, a ping, `SBD`, or a fencing device's ID."
    )
    verdict: Literal["on", "off", "silent", "unknown"] = Field(
        description="`on` or `off`; `silent`: nothing was heard of the node, which proves nothing; "
        "`unknown`: the witness could not be asked."
    )
    says: str = Field(description="What it says, in a clause.")


class FenceConfirmDryRun(Output):
    """What is known of a node that would be confirmed to be off, and what would be done."""

    node: str = Field(description="The node.")
    needed: bool = Field(description="Whether the cluster waits for the node to be fenced.")
    proven: bool = Field(
        description="Whether a device says that it is off, and nothing says that it is on."
    )
    evidence: Sequence[Evidence] = Field(description="What every witness says of the node.")
    findings: Sequence[Finding] = Field(description="Everything that says that the node is on.")
    steps: Sequence[Step] = Field(description="The steps that would be run.")


class FenceConfirm(Output):
    """A node that was confirmed to be off, and what became of the cluster."""

    node: str = Field(description="The node.")
    confirmed: bool = Field(
        description="Whether the cluster was told that it is off; false if it did not wait for it."
    )
    proven: bool = Field(
        description="Whether a device says that it is off, and nothing says that it is on."
    )
    evidence: Sequence[Evidence] = Field(description="What every witness said of the node.")
    services: Sequence[Service] = Field(description="The services afterwards.")


class ExpectedService(Record):
    """What becomes of a service when a node is fenced."""

    service: str = Field(description="The ID of the service.")
    dest: str = Field(
        description="The node on which it will run; empty if it runs nowhere before the node is "
        "back, or only on the other nodes on which it runs anyway."
    )
    elsewhere: bool = Field(description="Whether it goes on running on other nodes meanwhile.")
    seconds: float | None = Field(
        description="For how long its clients will wait; null if nothing was measured yet."
    )


class NodeToFence(Record):
    """A node that would be fenced for a test."""

    name: str = Field(description="The node's name.")
    order: Sequence[Sequence[str]] = Field(
        description="What is tried to fence it, in this order: the IDs of the devices that act "
        "together."
    )
    expected: Sequence[ExpectedService] = Field(
        description="What becomes of the services that run on it now."
    )


class FenceTestDryRun(Output):
    """What a test of fencing would do."""

    nodes: Sequence[NodeToFence] = Field(description="The nodes, in the order of the test.")
    findings: Sequence[Finding] = Field(description="What is in the way of the test.")
    steps: Sequence[Step] = Field(description="The steps that would be run.")


class ServiceOutage(Record):
    """For how long the clients of a service waited."""

    service: str = Field(description="The ID of the service.")
    node: str = Field(description="Where it runs now.")
    seconds: float = Field(
        description="For how long, within about a second: Pacemaker records when an action began "
        "in whole seconds."
    )


class TestedNode(Record):
    """What became of a node that was fenced for a test."""

    node: str = Field(description="The node.")
    requested: str = Field(
        description="When fencing was requested, in ISO 8601; empty if it was not."
    )
    fenced: float | None = Field(
        description="After how many seconds it was fenced; null if it was not."
    )
    back: float | None = Field(
        description="After how many seconds it was a member again; null if it was not."
    )
    whole: float | None = Field(
        description="After how many seconds all was well again; null if it was not."
    )
    outages: Sequence[ServiceOutage] = Field(
        description="For how long the clients of the services that it ran had to wait."
    )
    harm: Sequence[str] = Field(description="What went wrong, a sentence each.")


class FenceTest(Output):
    """What became of the nodes that were fenced for a test, up to the first harm."""

    nodes: Sequence[TestedNode] = Field(description="The nodes, in the order of the test.")
