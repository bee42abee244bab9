"""The step that waits until nodes are members of a cluster with quorum."""

from __future__ import annotations

from dataclasses import dataclass

from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError, ClusterUnreachable, CommandFailed
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import wait_until
from pcs_wrapper.pacemaker.crm_mon import read_state

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
        missing = wait_until(
            run.machine, lambda: self._missing(run.machine), seconds=_ONLINE, pause=_POLL
        )
        if missing:
            raise ClusterError(
                f"the cluster is not complete after {_ONLINE:g} s: {missing}. Look at `journalctl "
                "-u corosync -u pacemaker` there, and check that UDP port 5405 is open between the "
                "nodes on every link"
            )

    def _missing(self, machine: Machine) -> str:
        """Return what the cluster lacks, in a clause; empty if it is complete."""
        try:
            state = read_state(machine)
        except (ClusterUnreachable, CommandFailed) as error:
            # While Pacemaker starts, its tools may fail in several ways.
            return str(error)
        online = {node.name for node in state.nodes if node.online and not node.pending}
        offline = [name for name in self.names if name not in online]
        if offline:
            return f"{', '.join(offline)} {'is' if len(offline) == 1 else 'are'} not online"
        return "" if state.quorum else "there is no quorum"
