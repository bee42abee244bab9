"""What whoever looks at the cluster is told: what is not well, and who has changed it last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lxml import etree

from cib_templates.findings import Finding
from pcs_wrapper.change.history import interruption, timeline
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.health.condition import condition, watch
from pcs_wrapper.health.crm_verify import verified
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState

# How many findings of a kind are told one by one.
_MANY = 5


@dataclass(frozen=True)
class Condition:
    """The condition of the cluster.

    Attributes:
        findings: What is not well, the worst first.
        last: The last change that Takeover has made and that is in the cluster; None if there is
            none.
    """

    findings: tuple[Finding, ...]
    last: Checkpoint | None = None


def look(machine: Machine, state: ClusterState) -> Condition:
    """Return the condition of the cluster, and resolve commands that were interrupted.

    Args:
        machine: This machine.
        state: The state of the cluster.

    Raises:
        ProgramError: The live CIB cannot be read.
        ClusterError: A file in the folder of checkpoints is not a checkpoint.
    """
    live = cib.query(machine)
    interruption.warn_of_unfinished(machine, live)
    found = condition_of(machine, state, live)
    return replace(found, findings=(*found.findings, *verified(machine, live)))


def condition_of(machine: Machine, state: ClusterState, live: etree._Element) -> Condition:
    """Return the condition of the cluster.

    Args:
        machine: This machine.
        state: The state of the cluster.
        live: The live CIB.
    """
    changes = Checkpoints.of(machine, live).all()
    return Condition(
        (
            *condition(machine, state, watch(machine, live)),
            *timeline.waiting(machine, changes),
        ),
        next((each for each in changes if each.in_effect), None),
    )


def tell(machine: Machine, findings: Iterable[Finding]) -> None:
    """Warn of what was found; of many findings of a kind only the first few are told one by one."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
        if counts[finding.code] <= _MANY:
            named = f"{finding.key}: " if finding.code.startswith("service-") else ""
            hint = f". {finding.hint}" if finding.hint else ""
            machine.console.warning(f"{named}{finding.message}{hint}")
    for code, count in counts.items():
        if count > _MANY:
            machine.console.warning(f"{count - _MANY} more of the kind {code}: see takeover status")
