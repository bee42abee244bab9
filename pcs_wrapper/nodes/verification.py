"""The steps that verify a pause and its end: whether a node is drained, or can run things again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.health import diagnosis
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Node, Resource


def runs_on(state: ClusterState, node: str) -> Iterator[str]:
    """Yield the IDs of the outermost resources of which something runs on a node.

    Args:
        state: The state of the cluster.
        node: The node's name.
    """
    for resource in state.resources:
        if any(node in part.nodes for part in resource.parts):
            yield resource.id


@dataclass(frozen=True)
class VerifyDrained(Step):
    """Verify that a node runs nothing but what it may keep.

    Attributes:
        node: The node's name.
        kept: The IDs of the outermost resources that it may keep.
        timeout: The time that the cluster had, in seconds.
        only_new: Whether the node keeps all that it runs.
    """

    node: str
    kept: Collection[str]
    timeout: int
    only_new: bool

    @property
    def summary(self) -> str:
        """The step in a clause."""
        if self.only_new:
            return f"verifying that {self.node} has taken nothing new"
        return f"verifying that {self.node} runs nothing any more"

    def run(self, run: Run) -> None:
        """Verify it, and add what still runs to the harm, each with the reason."""
        state = run.known_state()
        node = next((each for each in state.nodes if each.name == self.node), None)
        if node is None or not node.online:
            return
        for resource in state.resources:
            there = any(self.node in part.nodes for part in resource.parts)
            if there and resource.id not in self.kept:
                why = run.given_up or self._why(resource, state, node, is_idle=run.idle)
                run.harm.append(f"{resource.id} still runs on {self.node}: {why}")

    def _why(self, resource: Resource, state: ClusterState, node: Node, *, is_idle: bool) -> str:
        parts = [part for part in resource.parts if self.node in part.nodes]
        ids = {part.id for part in parts}
        failures = [
            failure
            for failure in state.failures
            if failure.resource in ids and failure.node == self.node
        ]
        if any(part.blocked for part in parts) and failures:
            return "; ".join(diagnosis.describe(failures))
        if node.maintenance:
            return (
                f"{self.node} is in maintenance, so Pacemaker leaves it alone; to end that: "
                f"pcs node unmaintenance {self.node}"
            )
        if not all(part.managed for part in parts):
            return (
                "it is unmanaged, so Pacemaker leaves it alone; to end that: pcs resource manage "
                f"{resource.id}"
            )
        if not is_idle:
            return f"the cluster was still busy after {self.timeout} s"
        return "Pacemaker gives no reason; `takeover status` shows the whole state"


@dataclass(frozen=True)
class VerifyUsable(Step):
    """Verify that a node can run things again.

    Attributes:
        node: The node's name.
    """

    node: str

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"verifying that {self.node} can run things again"

    def run(self, run: Run) -> None:
        """Verify it, and add the reason to the harm if it cannot."""
        state = run.known_state()
        node = next((each for each in state.nodes if each.name == self.node), None)
        if node is None or node.is_usable:
            return
        run.harm.append(f"{self.node} cannot run anything yet: {unusable(node)}")


def unusable(node: Node) -> str:
    """Return why a node runs nothing although it is not paused, and what to do about it.

    Args:
        node: The node.
    """
    name = node.name
    reasons = (
        (node.unclean, f"it is {node.state}, and has to be fenced first"),
        (node.pending, "it is joining the cluster"),
        (not node.online, f"its cluster does not run; to start it: takeover cluster start {name}"),
        (
            node.maintenance,
            f"it is in maintenance; to end that: pcs node unmaintenance {name}",
        ),
        (
            node.standby_on_fail,
            "an action with on-fail=standby has failed there; when that is repaired: "
            f"pcs resource cleanup --node {name}",
        ),
        (node.standby, f"it is in standby; to end that: takeover node resume {name}"),
        (True, "its health is red (pcs node attribute shows the attributes #health…)"),
    )
    return next(reason for holds, reason in reasons if holds)
