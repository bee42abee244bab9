"""Tell Pacemaker that a resource has failed, and keep the reason where all nodes can read it.

Pacemaker records a failure of an action "asyncmon" with the reason "Simulated failure", and reacts
as to a failed monitor. The true reason is kept in a private node attribute, which is not part of
the CIB: nothing is decided from it, and it aborts no transition (attrd_updater(8), --private).

Pacemaker 2.1.5 often counts such a failure twice against migration-threshold, later ones do not
(ClusterLabs/pacemaker#2947).
"""

from __future__ import annotations

import os
import time

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.command import run
from ocf_agents.runtime.journal import ERROR, WARNING, log, use_journal
from ocf_agents.runtime.registration import failure_attribute
from ocf_agents.watcher.managed import is_managed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.watcher.registered import Registration

NAME = "takeover-watcher"  # that it logs under
# The reason is kept so many seconds later and with more niceness: the recovery has begun.
DELAY, NICENESS = 0.5, 10
PATIENCE = 60.0  # seconds for a program; each has a shorter limit of its own


def report(registration: Registration, reason: str) -> None:
    """Report a failure to Pacemaker, once for each registration.

    Nothing is reported if a stop has withdrawn the registration meanwhile, or if Pacemaker does not
    manage the resource.

    Args:
        registration: The registration of the resource.
        reason: What has failed.
    """
    resource, node = registration.resource, registration.node
    use_journal(NAME, resource)
    if not is_managed(resource, node):
        log(f"not told, as {resource} is not managed: {reason}", WARNING)
        return
    if not registration.remove():
        return
    began = int(time.time())
    fail = ["crm_resource", "--fail", f"--resource={resource}", f"--node={node}"]
    attribute = failure_attribute(resource)
    keep = ["attrd_updater", f"--name={attribute}", f"--update={began} {reason}"]
    if _run(fail, f"Pacemaker could not be told that {resource} has failed: {reason}"):
        log(f"told Pacemaker that {resource} has failed: {reason}", WARNING)
        os.nice(NICENESS)
        time.sleep(DELAY)
        _run([*keep, "--private"], "the reason could not be kept")


def _run(command: list[str], otherwise: str) -> bool:
    try:
        result = run(command, Deadline(PATIENCE))
    except AgentError as error:
        log(f"{otherwise} ({error})", ERROR)
        return False
    if result.code:
        log(f"{otherwise} ({result.error()})", ERROR)
    return result.code == 0
