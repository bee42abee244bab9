"""SBD's settings, which are the same on every node (sbd(8), "CONFIGURATION")."""

from __future__ import annotations

import shlex
from pathlib import Path

from pcs_wrapper.machine.machine import Machine

#: Where they are, on Debian and on Fedora's relatives.
SETTINGS = (Path("/etc/default/sbd"), Path("/etc/sysconfig/sbd"))
# What Debian's and sbd's own file say, in seconds.
_WATCHDOG_TIMEOUT = 5
_ASKING = 30.0


def enabled_settings(machine: Machine) -> dict[str, str] | None:
    """Return SBD's settings on this machine; None if it does not start with the cluster.

    Args:
        machine: This machine.

    Raises:
        ProgramError: systemctl is missing or hangs.
    """
    asked = machine.runner.run("systemctl", "is-enabled", "sbd", timeout=_ASKING, ok=range(256))
    if asked.stdout.strip() != "enabled":
        return None
    for path in SETTINGS:
        file = machine.root / path.relative_to("/")
        if file.exists():
            return parse_settings(file.read_text(errors="replace"))
    return {}


def parse_settings(text: str) -> dict[str, str]:
    """Return the settings in a file of SBD's.

    Args:
        text: The text of the file: assignments of a shell, and comments.
    """
    words = (word for line in text.splitlines() for word in _words(line)[:1])
    return dict(word.split("=", 1) for word in words if "=" in word)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []  # an apostrophe that is never closed, for example


def disks_of(settings: dict[str, str]) -> list[str]:
    """Return the disks by which nodes are told to end themselves; none for watchdogs alone."""
    return [each for each in settings.get("SBD_DEVICE", "").split(";") if each]


def watchdog_timeout(settings: dict[str, str]) -> int:
    """Return how long the watchdog waits, in seconds."""
    value = settings.get("SBD_WATCHDOG_TIMEOUT", "")
    return int(value) if value.isascii() and value.isdigit() else _WATCHDOG_TIMEOUT
