"""The watchdogs of this machine."""

from __future__ import annotations

from dataclasses import dataclass

from pcs_wrapper.beginning.finding.asking import content
from pcs_wrapper.machine.machine import Machine

# What the kernel's module softdog calls itself: it hangs with the kernel that it should reset.
_SOFTWARE = "Software Watchdog"


@dataclass(frozen=True)
class Watchdog:
    """A watchdog.

    Attributes:
        path: Its device.
        identity: What its driver calls it.
        is_software: Whether it is only a timer of the kernel's.
    """

    path: str
    identity: str
    is_software: bool


def watchdogs(machine: Machine) -> list[Watchdog]:
    """Return the watchdogs, real ones first."""
    found = []
    for folder in sorted((machine.root / "sys/class/watchdog").glob("watchdog[0-9]*")):
        identity = content(machine, f"sys/class/watchdog/{folder.name}/identity")
        found.append(Watchdog(f"/dev/{folder.name}", identity, identity == _SOFTWARE))
    return sorted(found, key=lambda each: each.is_software)
