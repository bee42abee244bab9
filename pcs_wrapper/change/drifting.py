"""`takeover drift`: find where a cluster differs from its description."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from cib_templates.comparing.diff import Diff, diff
from cib_templates.importing.undescribed import not_managed
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.cib import read_cib_file
from pcs_wrapper.pacemaker.crm_mon import read_state


@dataclass(frozen=True)
class Drift:
    """The differences between a description and a cluster.

    Attributes:
        diff: The differences, with the described values as the old ones and the cluster's values as
            the new ones.
        not_managed: The kinds and IDs of the objects in the cluster that are not managed by
            Takeover.
    """

    diff: Diff
    not_managed: tuple[str, ...]


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
    read_state(machine)
    return _drift(cib.read_cib(machine), description)


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
