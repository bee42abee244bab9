"""`takeover import`: make a description from an existing cluster."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from ipaddress import ip_address
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
_TIMEOUT = 30.0


@dataclass(frozen=True)
class Imported:
    """A description that was made from a cluster.

    Attributes:
        text: The description, as TOML.
        undescribed: The objects and attributes of the cluster that the description lacks, or has
            with other values; empty if there are mistakes.
        mistakes: The mistakes that have to be corrected before the description can be applied, such
            as a missing fencing device.
    """

    text: str
    undescribed: tuple[Undescribed, ...] = ()
    mistakes: tuple[str, ...] = ()


def import_live(machine: Machine) -> Imported:
    """Describe the cluster that runs here; nothing is changed.

    Raises:
        NotRoot: The user is not root.
        ProgramError: pcs is missing or fails.
        ClusterUnreachable: No cluster runs here.
    """
    machine.require_root()
    machine.runner.require("pcs", "crm_mon")
    read_state(machine)
    config = read_cluster_config(machine.runner)
    return imported(cib.read_cib(machine), _with_addresses(machine, config), "this cluster")


def _with_addresses(machine: Machine, config: ClusterConfig) -> ClusterConfig:
    """Return Corosync's configuration with the addresses of the host names in it.

    `pcs cluster setup NAME node1 node2` makes links of names, which this node resolves as Corosync
    does. One that it cannot resolve remains, and is told to be no address.
    """
    nodes = {
        node: [_address(machine, link) for link in links] for node, links in config.nodes.items()
    }
    return replace(config, nodes=nodes)


def _address(machine: Machine, link: str) -> str:
    try:
        return str(ip_address(link))
    except ValueError:
        if machine.runner.find("getent") is None:
            return link
    # Exit code 2: the name is not known.
    found = machine.runner.run("getent", "ahosts", link, timeout=_TIMEOUT, ok=(0, 2))
    return next(iter(found.stdout.split()), link)


def import_file(machine: Machine, file: Path, corosync_conf: Path) -> Imported:
    """Describe a cluster from its files, which may come from other machines.

    Args:
        machine: This machine.
        file: The cluster's CIB, as `pcs cluster cib FILE` writes it.
        corosync_conf: The cluster's corosync.conf.

    Raises:
        UsageError: The file cannot be read, or contains no CIB.
        TakeoverError: As `import_live`.
    """
    machine.runner.require("pcs")
    config = read_cluster_config(machine.runner, corosync_conf)
    return imported(read_cib_file(file), config, str(file))


def imported(found: etree._Element, config: ClusterConfig, source: str) -> Imported:
    """Describe a cluster from its CIB and its Corosync configuration.

    Args:
        found: The CIB.
        config: Corosync's configuration.
        source: The name of the source, for the first line of the description.
    """
    document = import_cib(
        found, Cluster(config.name, config.token, config.nodes, config.other_times)
    )
    text = tomli_w.dumps(document, multiline_strings=True)
    try:
        description = parse_description(text, Path(f"the description of {source}"))
    except DescriptionError as error:
        # Their line numbers are left out, as the heading moves the lines.
        mistakes = tuple(f"{each.key}: {each.sentence}" for each in error.findings)
        listed = ["Correct this before you apply it:", *(f"  {each}" for each in mistakes)]
        return Imported(_heading(source, listed) + text, mistakes=mistakes)
    missing = tuple(undescribed(found, description))
    listed = ["Not described here, or with other values:", *(f"  {each}" for each in missing)]
    return Imported(_heading(source, listed if missing else []) + text, missing)


def _heading(source: str, more: list[str]) -> str:
    paragraphs = [f"Imported from {source}.", *more]
    lines = [
        line
        for each in paragraphs
        for line in textwrap.wrap(each, _WIDTH, subsequent_indent="    ")
    ]
    return "".join(f"# {line}\n" for line in lines) + "\n"
