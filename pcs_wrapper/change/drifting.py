"""`takeover drift`: where a cluster is no longer as its description says."""

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
    """How a cluster differs from its description.

    Attributes:
        diff: From what is described to what is there.
        not_managed: What the description has nothing to do with, by kind and ID.
    """

    diff: Diff
    not_managed: tuple[str, ...]


def drift_live(machine: Machine, description: Description) -> Drift:
    """Compare the cluster that runs here; nothing is changed.

    Raises:
        NotRoot: This is not root.
        ProgramError: pcs is missing or fails.
        ClusterUnreachable: No cluster runs here.
        OwnershipError: Something that is not Takeover's has the place of what is described.
    """
    machine.require_root()
    machine.runner.require("pcs", "crm_mon")
    read_state(machine)
    return _drift(cib.read_cib(machine), description)


def drift_file(file: Path, description: Description) -> Drift:
    """Compare a CIB in a file.

    Raises:
        UsageError: The file cannot be read, or is no CIB.
        OwnershipError: As `drift_live`.
    """
    return _drift(read_cib_file(file), description)


def _drift(live: etree._Element, description: Description) -> Drift:
    described = merge(live, description)
    return Drift(diff(described, live), tuple(not_managed(live, description)))
