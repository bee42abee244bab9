"""The certificates with which this node speaks to the witness (corosync-qdevice-net-certutil(8)).

certutil of NSS has no output for programs; it prints the times in UTC and in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pcs_wrapper.errors import ProgramError
from pcs_wrapper.machine.machine import Machine

_TOOL = "certutil"
_TIMEOUT = 10.0
# The names that corosync-qdevice-net-certutil gives them, and what they are.
_NAMES = {
    "Cluster Cert": "the cluster's certificate for the witness",
    "QNet CA": "the witness's authority",
}
_VALID = re.compile(r"Not Before: (.*)\n\s*Not After : (.*)")
_DATE = "%a %b %d %H:%M:%S %Y"


@dataclass(frozen=True)
class Certificate:
    """A certificate.

    Attributes:
        name: What it is.
        begins: Since when it is valid, which is when it was made.
        ends: Until when it is valid.
    """

    name: str
    begins: datetime
    ends: datetime


def read_certificates(machine: Machine) -> tuple[Certificate, ...] | None:
    """Return this node's certificates for the witness.

    Args:
        machine: This machine.

    Returns:
        The certificates that there are; None if they cannot be read, because only root can, and
        only with certutil of the package libnss3-tools.
    """
    folder = machine.corosync_conf.parent / "qdevice/net/nssdb"
    if machine.runner.find(_TOOL) is None or not folder.exists():
        return None
    return tuple(_read(machine, folder))


def _read(machine: Machine, folder: Path) -> Iterator[Certificate]:
    for nickname, name in _NAMES.items():
        command = (_TOOL, "-L", "-d", str(folder), "-n", nickname)
        try:
            result = machine.runner.run(*command, timeout=_TIMEOUT, ok=range(-64, 256))
        except ProgramError:
            continue
        if found := _VALID.search(result.stdout):
            try:
                begins, ends = (
                    datetime.strptime(text.strip(), _DATE).replace(tzinfo=UTC)
                    for text in found.groups()
                )
            except ValueError:
                continue
            yield Certificate(name, begins, ends)
