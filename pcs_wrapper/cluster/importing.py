"""`takeover import`: a cluster as a description."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from lxml import etree

from cib_templates.errors import DescriptionError
from cib_templates.importing.cluster import Cluster, import_cib
from cib_templates.importing.undescribed import Undescribed, undescribed
from cib_templates.reading.reading import parse_description
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.cib import read_cib_file
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_cluster_config
from pcs_wrapper.pacemaker.crm_mon import read_state

_WIDTH = 98


@dataclass(frozen=True)
class Imported:
    """What became of a cluster.

    Attributes:
        text: The description, as TOML.
        undescribed: What of the cluster is not in it; not known if there are mistakes.
        mistakes: What has to be put right before it can be applied, such as a missing fence device.
    """

    text: str
    undescribed: tuple[Undescribed, ...] = ()
    mistakes: tuple[str, ...] = ()


def import_live(machine: Machine) -> Imported:
    """Describe the cluster that runs here; nothing is changed.

    Raises:
        NotRoot: This is not root.
        ProgramError: pcs is missing or fails.
        ClusterUnreachable: No cluster runs here.
    """
    machine.require_root()
    machine.runner.require("pcs", "crm_mon")
    read_state(machine)
    config = read_cluster_config(machine.runner)
    return imported(cib.read_cib(machine), config, "this cluster")


def import_file(machine: Machine, file: Path, corosync_conf: Path) -> Imported:
    """Describe a cluster from its files, wherever it is.

    Args:
        machine: This machine.
        file: Its CIB, such as `pcs cluster cib FILE` writes.
        corosync_conf: Its corosync.conf.

    Raises:
        UsageError: The CIB cannot be read, or is none.
        TakeoverError: As `import_live`.
    """
    machine.runner.require("pcs")
    config = read_cluster_config(machine.runner, corosync_conf)
    return imported(read_cib_file(file), config, str(file))


def imported(found: etree._Element, config: ClusterConfig, source: str) -> Imported:
    """Describe a cluster from what it says of itself.

    Args:
        found: Its CIB.
        config: What Corosync's configuration says.
        source: What it is from, for the description's first line.
    """
    document = import_cib(found, Cluster(config.name, config.token, config.nodes))
    text = tomli_w.dumps(document, multiline_strings=True)
    try:
        description = parse_description(text, Path(f"the description of {source}"))
    except DescriptionError as error:
        # Without their lines, which are others below the heading.
        mistakes = tuple(f"{each.key}: {each.sentence}" for each in error.findings)
        wrong = ["To be put right before it can be applied:", *(f"  {each}" for each in mistakes)]
        return Imported(_heading(source, wrong) + text, mistakes=mistakes)
    left = tuple(undescribed(found, description))
    said = ["What is not said here, or otherwise:", *(f"  {each}" for each in left)]
    return Imported(_heading(source, said if left else []) + text, left)


def _heading(source: str, more: list[str]) -> str:
    said = [f"Imported from {source}.", *more]
    lines = [
        line for each in said for line in textwrap.wrap(each, _WIDTH, subsequent_indent="    ")
    ]
    return "".join(f"# {line}\n" for line in lines) + "\n"
