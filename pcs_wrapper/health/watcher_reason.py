"""Reading the reason for a failure that the watcher reported (ocf_agents/watcher/report.py).

Pacemaker records such a failure as an action "asyncmon" with the reason "Simulated failure". The
watcher keeps the real reason in a private node attribute. It is only shown to users; no decision
depends on it. If there is none, Pacemaker's reason is shown.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from cib_templates.cib.text import NotXml, parse
from ocf_agents.runtime.registration import failure_attribute
from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.runner import Runner
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FailedAction

# daemons/controld/controld_execd.c, fail_lrm_resource().
_REPORTED = ("asyncmon", "Simulated failure")
_TIMEOUT = 10.0
# The longest time between the watcher's note and Pacemaker's record of the failure, in seconds.
_LONGEST = 90


def explain(state: ClusterState, runner: Runner) -> ClusterState:
    """Return the state with the watcher's reasons for the failures that it reported.

    Args:
        state: The cluster's state.
        runner: The runner for attrd_updater.
    """
    reported = {failure.resource for failure in state.failures if _is_reported(failure)}
    if not reported or runner.find("attrd_updater") is None:
        return state
    kept = {resource: _kept(resource, runner) for resource in reported}
    failures = (
        _explained(failure, kept[failure.resource].get(failure.node, ""))
        if _is_reported(failure)
        else failure
        for failure in state.failures
    )
    return replace(state, failures=tuple(failures))


def _is_reported(failure: FailedAction) -> bool:
    return (failure.action, failure.reason) == _REPORTED


def _kept(resource: str, runner: Runner) -> dict[str, str]:
    """Return what the watchers have noted about a resource, by node."""
    query = ("attrd_updater", "--query", "--all", f"--name={failure_attribute(resource)}")
    try:
        # It fails if there is no such attribute; nothing depends on why.
        result = runner.run(*query, "--output-as=xml", timeout=_TIMEOUT, ok=range(-64, 256))
        root = parse(result.stdout)
    except (ProgramError, NotXml):
        return {}
    return {found.get("host", ""): found.get("value", "") for found in root.iter("attribute")}


def _explained(failure: FailedAction, kept: str) -> FailedAction:
    """Return the failure with the reason that was kept, if that is the reason of this failure.

    An administrator may have reported it instead, with `crm_resource --fail`.
    """
    when, _, reason = kept.partition(" ")
    try:
        recorded = datetime.fromisoformat(failure.at.replace(" +", "+").replace(" -", "-"))
        passed = (recorded - datetime.fromtimestamp(int(when), UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError, OSError):
        return failure
    return replace(failure, action="monitor", reason=reason) if 0 <= passed <= _LONGEST else failure
