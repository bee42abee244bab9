"""Everything that is found for a cluster on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pcs_wrapper.beginning.finding import fence_agents
from pcs_wrapper.beginning.finding.network import Link, links
from pcs_wrapper.beginning.finding.storage import Disk, Lun, disks, luns, used
from pcs_wrapper.beginning.finding.units import Unit, units
from pcs_wrapper.beginning.finding.watchdogs import Watchdog, watchdogs
from pcs_wrapper.machine.machine import Machine


@dataclass(frozen=True)
class Found:
    """What this machine has.

    Attributes:
        host: Its name.
        links: The networks that it is in.
        disks: The disks that nobody uses.
        used_disks: What uses the others, by the name that the kernel gives them.
        luns: The iSCSI LUNs that it is logged in to.
        watchdogs: The watchdogs.
        fence_agents: The names of the fence agents.
        fence_agent: The one that fits; empty if none is known to.
        fence_agent_why: Why it fits.
        units: The applications that run.
    """

    host: str
    links: tuple[Link, ...] = ()
    disks: tuple[Disk, ...] = ()
    luns: tuple[Lun, ...] = ()
    watchdogs: tuple[Watchdog, ...] = ()
    fence_agents: tuple[str, ...] = ()
    fence_agent: str = ""
    fence_agent_why: str = ""
    units: tuple[Unit, ...] = ()
    used_disks: Mapping[str, str] = field(default_factory=dict)


def look(machine: Machine) -> Found:
    """Look for what this machine has; nothing is changed."""
    known = fence_agents.installed(machine)
    agent, why = fence_agents.suggested(machine, known)
    return Found(
        machine.host,
        tuple(links(machine)),
        tuple(disks(machine)),
        tuple(luns(machine)),
        tuple(watchdogs(machine)),
        tuple(known),
        agent,
        why,
        tuple(units(machine)),
        used(machine),
    )


def existing_cluster(machine: Machine) -> str:
    """Return the name of the cluster that this machine belongs to; empty if it is in none.

    Debian's package corosync brings the configuration of an example, which is none.
    """
    try:
        text = machine.corosync_conf.read_text(errors="replace")
    except FileNotFoundError:
        return ""
    names = re.findall(r"^\s*cluster_name:\s*(\S+)", text, re.MULTILINE)
    addresses = re.findall(r"^\s*ring\d+_addr:\s*(\S+)", text, re.MULTILINE)
    return "" if addresses == ["127.0.0.1"] else next(iter(names), "without a name")
