"""What is on a disk, before something writes to it."""

from __future__ import annotations

import re

from pcs_wrapper.machine.machine import Machine

#: The command that tells it, without the disk.
ASKING = ("blkid", "--probe")
# What blkid calls what is on a disk, or its table of partitions.
_KIND = re.compile(r'\b(?:PT)?TYPE="([^"]+)"')
# What it ends with: it has found something; nothing, or there is no such disk; more than one thing.
_FOUND, _NOTHING, _SEVERAL = 0, 2, 8
_TIMEOUT = 60.0


def content(machine: Machine, disk: str) -> str:
    """Return what blkid finds on a disk, such as a filesystem's type; empty if it knows nothing.

    An old header of SBD's, or data without a form, is nothing that it knows.

    Args:
        machine: This machine.
        disk: The path of the disk.

    Raises:
        ProgramError: blkid is missing, fails or hangs.
    """
    found = machine.runner.run(*ASKING, disk, timeout=_TIMEOUT, ok=(_FOUND, _NOTHING, _SEVERAL))
    if found.exit_code == _NOTHING:
        return ""
    return " and ".join(_KIND.findall(found.stdout)) or "more than one thing"
