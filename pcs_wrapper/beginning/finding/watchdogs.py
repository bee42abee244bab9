"""The watchdogs of this machine."""

from __future__ import annotations

from collections.abc import Sequence
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


def doubt(found: Sequence[Watchdog], path: str) -> str:
    """Return why a watchdog may not reset its machine, in a sentence; empty if nothing is known.

    Args:
        found: The watchdogs of this machine.
        path: The device's path; /dev/watchdog is the first one.
    """
    device = "/dev/watchdog0" if path == "/dev/watchdog" else path
    known = next((each for each in found if each.path == device), None)
    if known is None:
        return f"this machine has no watchdog {path}" if device.startswith("/dev/watchdog") else ""
    if known.is_software:
        return f"{path} is only a timer of the kernel's (softdog), which may hang together with it"
    return ""


def watchdogs(machine: Machine) -> list[Watchdog]:
    """Return the watchdogs, real ones first."""
    found = []
    for folder in sorted((machine.root / "sys/class/watchdog").glob("watchdog[0-9]*")):
        identity = content(machine, f"sys/class/watchdog/{folder.name}/identity")
        found.append(Watchdog(f"/dev/{folder.name}", identity, identity == _SOFTWARE))
    return sorted(found, key=lambda each: each.is_software)
