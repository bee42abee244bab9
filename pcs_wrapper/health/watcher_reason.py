"""What the watcher of a node saw of a failure that it told of (ocf_agents/watcher/tell.py).

Pacemaker records such a failure as one of an action "asyncmon", and has no other reason for it than
"Simulated failure". The watcher keeps its own in a private node attribute. It makes a good reason
better; nothing is decided from it, and where there is none Pacemaker's words stand.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from lxml import etree

from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.runner import Runner
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FailedAction

# daemons/controld/controld_execd.c, fail_lrm_resource().
_TOLD = ("asyncmon", "Simulated failure")
_ATTRIBUTE = "takeover-failure-"
_TIMEOUT = 10.0
# From the moment at which the watcher kept the time until Pacemaker recorded the failure, seconds.
_LONGEST = 90


def explain(state: ClusterState, runner: Runner) -> ClusterState:
    """Give failures that a watcher told of its reasons.

    Args:
        state: The cluster's state.
        runner: Runs attrd_updater on this node.
    """
    told = {failure.resource for failure in state.failures if _is_told(failure)}
    if not told or runner.find("attrd_updater") is None:
        return state
    kept = {resource: _kept(resource, runner) for resource in told}
    failures = (
        _explained(failure, kept[failure.resource].get(failure.node, ""))
        if _is_told(failure)
        else failure
        for failure in state.failures
    )
    return replace(state, failures=tuple(failures))


def _is_told(failure: FailedAction) -> bool:
    return (failure.action, failure.reason) == _TOLD


def _kept(resource: str, runner: Runner) -> dict[str, str]:
    """Return what the watchers have kept of a resource, by node."""
    query = ("attrd_updater", "--query", "--all", f"--name={_ATTRIBUTE}{resource}")
    try:
        # It fails where there is no such attribute; nothing depends on why.
        result = runner.run(*query, "--output-as=xml", timeout=_TIMEOUT, ok=range(-64, 256))
        root = etree.fromstring(result.stdout.encode())
    except (ProgramError, etree.XMLSyntaxError):
        return {}
    return {found.get("host", ""): found.get("value", "") for found in root.iter("attribute")}


def _explained(failure: FailedAction, kept: str) -> FailedAction:
    """Return the failure with the reason that was kept, if it is the reason of this one.

    An administrator may have told of a failure, too: crm_resource --fail.
    """
    when, _, reason = kept.partition(" ")
    try:
        recorded = datetime.fromisoformat(failure.at.replace(" +", "+").replace(" -", "-"))
        passed = (recorded - datetime.fromtimestamp(int(when), UTC)).total_seconds()
    except (ValueError, TypeError):
        return failure
    return replace(failure, action="monitor", reason=reason) if 0 <= passed <= _LONGEST else failure
