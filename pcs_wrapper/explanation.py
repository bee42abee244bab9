"""The cluster's state, with reasons that Pacemaker itself does not have."""

from __future__ import annotations

from pcs_wrapper import fence_log, watcher_reason
from pcs_wrapper.crm_mon import ClusterState, read_state
from pcs_wrapper.environment import Environment


def read_explained_state(environment: Environment) -> ClusterState:
    """Ask for the cluster's state, and for why what has failed did.

    Args:
        environment: The machine.

    Raises:
        ClusterUnreachable: No cluster runs on this machine, or it is only just starting.
        ProgramError: crm_mon is missing, fails otherwise, or hangs.
    """
    return explain(environment, read_state(environment))


def explain(environment: Environment, state: ClusterState) -> ClusterState:
    """Find out why what has failed did.

    Args:
        environment: The machine.
        state: The cluster's state.
    """
    explained = fence_log.explain(state, environment.runner)
    return watcher_reason.explain(explained, environment.runner)
