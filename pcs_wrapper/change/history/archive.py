"""Pacemaker's archive: every configuration that the cluster had, on every node.

Pacemaker writes each new configuration to `cib.xml`, and keeps the one before as `cib-N.raw`, the
last hundred of them. If several follow at once, some may never be written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from cib_templates.cib.numbers import whole_number
from cib_templates.cib.text import NotXml, parse_cib
from cib_templates.reading.files import read_file
from pcs_wrapper.machine.files import LARGEST_CIB

# A CIB's own attributes are at its beginning.
_HEAD = 4096
_VERSION = re.compile(rb"""\s(admin_epoch|epoch)=["']([0-9]{1,18})["']""")


@dataclass(frozen=True)
class Archive:
    """Pacemaker's archive on this machine.

    Attributes:
        folder: Its folder.
    """

    folder: Path

    def find(
        self, admin_epoch: int, epoch: int, fits: Callable[[etree._Element], bool]
    ) -> etree._Element | None:
        """Return a configuration of the cluster; None if the archive does not have it.

        Args:
            admin_epoch: The CIB's admin_epoch.
            epoch: Its epoch.
            fits: Whether a configuration of that version is the right one: parts of a cluster that
                were separated may have had different ones of the same version.
        """
        for file in self._files():
            try:
                if _version(file) != (admin_epoch, epoch):
                    continue
                found = parse_cib(read_file(file, LARGEST_CIB))
            except (OSError, NotXml):
                # It is being written, or deleted.
                continue
            if fits(found):
                return found
        return None

    def _files(self) -> Iterator[Path]:
        yield self.folder / "cib.xml"
        yield from self.folder.glob("cib-*.raw")


def _version(file: Path) -> tuple[int, int]:
    with file.open("rb") as stream:
        head = stream.read(_HEAD)
    found = {name: whole_number(value.decode()) or 0 for name, value in _VERSION.findall(head)}
    return found.get(b"admin_epoch", 0), found.get(b"epoch", 0)
