"""What a wait is for, in the words of `takeover status`, and whether it can end at all."""

from __future__ import annotations

from dataclasses import replace

from pcs_wrapper.health import diagnosis, explanation
from pcs_wrapper.health.obstacles import (
    ACTION_IN_FLIGHT,
    FENCING_FAILS,
    Obstacle,
    in_flight,
    obstacles,
)
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FencingEvent
from pcs_wrapper.pacemaker.settling import Outlook

# The number of things that are named at once.
_NAMED = 3
# The number of failed attempts after which nobody hopes any more that a node will be fenced.
_ATTEMPTS = 2


class Lookout:
    """Whoever looks at the cluster again and again while something is waited for.

    The journal is only read again when another attempt to fence has failed.

    Args:
        machine: This machine.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._seen: tuple[FencingEvent, ...] = ()
        self._explained: tuple[FencingEvent, ...] = ()
        # The failed attempts to fence the nodes that did not have to be fenced at the first look.
        self._earlier: dict[str, int] | None = None

    def __call__(self, state: ClusterState) -> Outlook:
        """Return what is waited for, and why that cannot end.

        Args:
            state: The present state of the cluster.
        """
        state = self._with_reasons(state)
        found = obstacles(state)
        # What is in flight is the work itself.
        waiting = [
            each.finding.message for each in found if each.finding.code != ACTION_IN_FLIGHT.code
        ]
        if not waiting:
            parts = [part for resource in state.resources for part in resource.parts]
            waiting = [doing for part in (*parts, *state.fencing) if (doing := in_flight(part))]
        if not waiting:
            waiting = [
                f"{service.id} is {service.state}: {service.why}"
                for service in diagnosis.services(state)
                if not service.is_running and not service.is_disabled
            ]
        more = f" and {len(waiting) - _NAMED} more" if len(waiting) > _NAMED else ""
        return Outlook(
            waiting_for="; ".join(waiting[:_NAMED]) + more,
            cannot_end="; ".join(
                each.finding.message
                for each in found
                if each.cannot_end and not self._may_yet_be_fenced(each, state)
            ),
        )

    def _may_yet_be_fenced(self, obstacle: Obstacle, state: ClusterState) -> bool:
        """Return whether an obstacle is a node of which few attempts to fence it have failed yet.

        Attempts that failed before the node had to be fenced this time do not count.
        """
        if obstacle.finding.code != FENCING_FAILS.code:
            return False
        node = str(obstacle.finding.path[0])
        attempts = diagnosis.failed_fencing(state)[node].attempts
        earlier = (self._earlier or {}).get(node, 0)
        # There are fewer than earlier if the node was fenced successfully in between.
        return (attempts - earlier if attempts >= earlier else attempts) < _ATTEMPTS

    def _with_reasons(self, state: ClusterState) -> ClusterState:
        if self._earlier is None:
            unclean = {node.name for node in state.nodes if node.unclean}
            failed = diagnosis.failed_fencing(state)
            self._earlier = {
                node: each.attempts for node, each in failed.items() if node not in unclean
            }
        if state.fencing_history != self._seen:
            self._seen = state.fencing_history
            self._explained = explanation.explain(self._machine, state).fencing_history
        return replace(state, fencing_history=self._explained)
