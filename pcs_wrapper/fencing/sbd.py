"""Whether SBD's disks are the same on every node, and say what SBD's settings say.

When SBD starts on a node it takes a slot for the node on each of its disks (sbd(8), "allocate"). A
node that has no slot there has another disk of that name, or none: it would never read the message
that it has to end itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cib_templates.findings import Finding, error, warning
from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import sbd

DISK_UNREADABLE = error(
    "sbd-disk-unreadable", "A disk of SBD's cannot be read on this node, or has no header of SBD's."
)
DISK_WITHOUT_NODE = error(
    "sbd-disk-without-node",
    "A node has no slot on a disk of SBD's: it has another disk of that name, or none, and never "
    "reads that it has to end itself.",
)
TIMES_DIFFER = warning(
    "sbd-times-differ",
    "The header on a disk of SBD's has another time than SBD's settings, which do not count then.",
)

_TOOL = "sbd"
_TIMEOUT = 20.0
# Timeout (watchdog) : 5
_WATCHDOG = re.compile(r"^Timeout \(watchdog\)\s*:\s*(\d+)\s*$", re.M)


def findings(machine: Machine, members: Sequence[str]) -> Iterator[Finding]:
    """Find what is not well with SBD's disks, as far as this node sees it; only root can.

    Args:
        machine: This machine.
        members: The names of the nodes on which the cluster runs; remote nodes have no SBD.
    """
    settings = sbd.enabled_settings(machine)
    if settings is None or machine.runner.find(_TOOL) is None:
        return
    for disk in sbd.disks_of(settings):
        try:
            listed = machine.runner.run(_TOOL, "-d", disk, "list", timeout=_TIMEOUT).stdout
            header = machine.runner.run(_TOOL, "-d", disk, "dump", timeout=_TIMEOUT).stdout
        except ProgramError as problem:
            yield DISK_UNREADABLE.at(
                (disk,),
                f"SBD's disk {disk} cannot be read on {machine.host}: {problem}",
                "Is it attached (its link in /dev/disk/by-id), and has it a header (sbd -d "
                f"{disk} dump)?",
            )
            continue
        yield from _slots(disk, listed, members)
        yield from _times(disk, header, sbd.watchdog_timeout(settings))


def _slots(disk: str, listed: str, members: Sequence[str]) -> Iterator[Finding]:
    fields = [line.split("\t") for line in listed.splitlines()]
    known = {each[1] for each in fields if len(each) > 1}
    for node in members:
        if node not in known:
            yield DISK_WITHOUT_NODE.at(
                (disk, node),
                f"{node} has no slot on SBD's disk {disk}: it has another disk of that name, or "
                "none, and would not read that it has to end itself",
                f"Compare there what `sbd -d {disk} dump` prints (UUID), and SBD_DEVICE in "
                f"{sbd.SETTINGS[0]}; when it has this disk: takeover cluster restart {node}",
            )


def _times(disk: str, header: str, configured: int) -> Iterator[Finding]:
    found = _WATCHDOG.search(header)
    if found is not None and int(found[1]) != configured:
        yield TIMES_DIFFER.at(
            (disk,),
            f"the header on SBD's disk {disk} has a watchdog time of {found[1]} s, and "
            f"SBD_WATCHDOG_TIMEOUT is {configured} s: with disks the header's counts",
            f"Have both say the same: SBD_WATCHDOG_TIMEOUT={found[1]} on every node (pcs stonith "
            "sbd enable, on a stopped cluster)",
        )
