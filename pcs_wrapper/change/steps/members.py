"""The step that waits until nodes are members of a cluster with quorum."""

from __future__ import annotations

from dataclasses import dataclass

from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError, ClusterUnreachable, CommandFailed
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import wait_until
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state
from pcs_wrapper.pacemaker.votes import read_votes

_ONLINE = 120.0
_POLL = 1.0


@dataclass(frozen=True)
class WaitForNodes(Step):
    """Wait until nodes are members of a cluster with quorum.

    Attributes:
        names: The names of the nodes.
    """

    names: tuple[str, ...]
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {_ONLINE:g} s for quorum and all nodes"

    def run(self, run: Run) -> None:
        """Wait for the nodes."""
        seen: ClusterState | None = None

        def missing() -> str:
            nonlocal seen
            try:
                seen = read_state(run.machine)
            except (ClusterUnreachable, CommandFailed) as error:
                # While Pacemaker starts, its tools may fail in several ways.
                seen = None
                return str(error)
            offline = [node for node in self.names if node not in _online(seen)]
            if offline:
                return f"{', '.join(offline)} {'is' if len(offline) == 1 else 'are'} not online"
            return "" if seen.quorum else "there is no quorum"

        lacks = wait_until(run.machine, missing, seconds=_ONLINE, pause=_POLL)
        if lacks:
            why = "" if seen is None else self._services(run.machine, seen)
            raise ClusterError(
                f"the cluster is not complete after {_ONLINE:g} s: {lacks}{why}. Look at "
                "`journalctl -u corosync -u pacemaker -u sbd` there, and check that UDP port 5405 "
                "is open between the nodes on every link"
            )

    def _services(self, machine: Machine, state: ClusterState) -> str:
        """Return which service it is that does not run on each missing node, in brackets."""
        votes = read_votes(machine)
        if votes is None:
            return ""
        clauses = [
            f"Corosync runs on {node.name}, but Pacemaker does not"
            if node.number in votes.members
            else f"Corosync does not run on {node.name}, or is not connected"
            for node in state.nodes
            if node.name in self.names and node.number and not node.online
        ]
        return f" ({'; '.join(clauses)})" if clauses else ""


def _online(state: ClusterState) -> set[str]:
    return {node.name for node in state.nodes if node.online and not node.pending}
