"""`takeover drift`: find where a cluster differs from its description."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree

from cib_templates.comparing.changes import changed_ids
from cib_templates.comparing.diff import Diff, diff
from cib_templates.findings import Finding
from cib_templates.importing.undescribed import not_managed
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from pcs_wrapper.change.looking import corosync
from pcs_wrapper.change.looking.condition import tell
from pcs_wrapper.change.looking.description import compared, outdated_description
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.cib import read_cib_file
from pcs_wrapper.pacemaker.corosync import read_cluster_config
from pcs_wrapper.pacemaker.crm_mon import read_state


@dataclass(frozen=True)
class Drift:
    """The differences between a description and a cluster.

    Attributes:
        diff: The differences, with the described values as the old ones and the cluster's values as
            the new ones.
        not_managed: The kinds and IDs of the objects in the cluster that are not managed by
            Takeover.
        findings: What is not well with the cluster, and who has applied another description.
    """

    diff: Diff
    not_managed: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def drift_live(machine: Machine, description: Description) -> Drift:
    """Compare the cluster that runs here with a description; nothing is changed.

    Raises:
        NotRoot: The user is not root.
        ProgramError: pcs is missing or fails.
        ClusterUnreachable: No cluster runs here.
        OwnershipError: An object that Takeover did not make has the ID of a described one.
    """
    machine.require_root()
    machine.runner.require("pcs", "crm_mon")
    state = read_state(machine)
    config = read_cluster_config(machine.runner)
    live = cib.read_cib(machine)
    found = _drift(live, description)
    in_corosync = corosync.differences(description, config)
    findings = compared(machine, state, live, config, description)
    changes = changed_ids(live, merge(live, description))
    findings = (*findings, *outdated_description(machine, live, description, changes))
    tell(machine, findings)
    differences = replace(found.diff, differences=(*in_corosync, *found.diff.differences))
    return replace(found, diff=differences, findings=findings)


def drift_file(file: Path, description: Description) -> Drift:
    """Compare the CIB in a file with a description.

    Raises:
        UsageError: The file cannot be read, or contains no CIB.
        OwnershipError: As `drift_live`.
    """
    return _drift(read_cib_file(file), description)


def _drift(live: etree._Element, description: Description) -> Drift:
    described = merge(live, description)
    return Drift(diff(described, live), tuple(not_managed(live, description)))
