"""The cluster's state, with reasons that Pacemaker itself does not have."""

from __future__ import annotations

from pcs_wrapper.health import fence_log, watcher_reason
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state


def read_explained_state(machine: Machine) -> ClusterState:
    """Ask for the cluster's state, and for why what has failed did.

    Args:
        machine: This machine.

    Raises:
        ClusterUnreachable: No cluster runs on this machine, or it is only just starting.
        ProgramError: crm_mon is missing, fails otherwise, or hangs.
    """
    return explain(machine, read_state(machine))


def explain(machine: Machine, state: ClusterState) -> ClusterState:
    """Find out why what has failed did.

    Args:
        machine: This machine.
        state: The cluster's state.
    """
    explained = fence_log.explain(state, machine.runner)
    return watcher_reason.explain(explained, machine.runner)
