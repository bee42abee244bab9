"""The cluster's state with the reasons for failures that Pacemaker itself does not record."""

from __future__ import annotations

from dataclasses import replace

from pcs_wrapper.health import fence_log, watcher_reason
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state
from pcs_wrapper.pacemaker.votes import read_votes


def read_explained_state(machine: Machine) -> ClusterState:
    """Read the cluster's state and its votes, and add what can be found of failures' reasons.

    Args:
        machine: This machine.

    Raises:
        ClusterUnreachable: No cluster runs on this machine, or it is still starting.
        ProgramError: crm_mon is missing, fails otherwise, or hangs.
    """
    return explain(machine, replace(read_state(machine), votes=read_votes(machine)))


def explain(machine: Machine, state: ClusterState) -> ClusterState:
    """Return the cluster's state with the reasons for failures that can be found.

    Args:
        machine: This machine.
        state: The cluster's state, as crm_mon shows it.
    """
    explained = fence_log.explain(state, machine.runner)
    return watcher_reason.explain(explained, machine.runner)
