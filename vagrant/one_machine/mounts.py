"""Watches from outside, all the time, which node has which LUN mounted: never two at once.

The kernel tells of every change of a mount table (poll(2) on /proc/PID/mountinfo, see proc(5)), so
that nothing that lasts is missed, and a mount table is read as soon as it changes.
"""

import re
import select
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from vagrant.one_machine.host import Host
from vagrant.one_machine.layout import Layout

#: How long a change of power may go unnoticed, in seconds: mount tables themselves are polled.
_REFRESH = 0.05
_LOOP = re.compile(r"^\d+ \d+ 7:(\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class DoubleMount:
    """A moment at which a LUN was mounted on more than one live node.

    Args:
        at: Seconds of CLOCK_MONOTONIC.
        lun: The LUN, from 1.
        nodes: The nodes.
    """

    at: float
    lun: int
    nodes: list[str]


class MountObserver:
    """Who has mounted what, and every violation since the rig came up."""

    def __init__(self, layout: Layout, nodes: Mapping[str, Host]) -> None:
        self._nodes = nodes
        self._lun_of = {
            layout.loop_number(node, lun): lun
            for node in nodes
            for lun in range(1, layout.luns + 1)
        }
        self._mounted: dict[int, list[str]] = {}
        self._double: list[DoubleMount] = []
        self._observations = 0

    def start(self) -> None:
        """Watch from now on, in a thread."""
        threading.Thread(target=self._watch, daemon=True, name="mounts").start()

    def report(self) -> dict[str, object]:
        """Return what is mounted now, and what should never have been."""
        return {
            "mounted": {str(lun): nodes for lun, nodes in self._mounted.items()},
            "double_mounts": [asdict(each) for each in self._double],
            "observations": self._observations,
        }

    def _watch(self) -> None:
        while True:
            # Opened anew each time: a table shows what its process could see at that moment, and a
            # node that is just booting has not entered its root file system yet.
            with ExitStack() as stack:
                tables = {name: stack.enter_context(file) for name, file in self._open_tables()}
                self._observe(tables)
                poll = select.poll()
                for table in tables.values():
                    poll.register(table, select.POLLPRI)
                poll.poll(_REFRESH * 1000)

    def _open_tables(self) -> Iterator[tuple[str, IO[str]]]:
        for name, node in self._nodes.items():
            if node.pid:
                with suppress(OSError):  # the node has just gone
                    yield name, Path(f"/proc/{node.pid}/mountinfo").open()  # noqa: SIM115

    def _observe(self, tables: Mapping[str, IO[str]]) -> None:
        mounted = self._read(tables)
        if any(len(nodes) > 1 for nodes in mounted.values()):
            # The tables are read one after another: a LUN that left one node for the next in
            # between shows twice. What still shows twice when all are read again was there twice.
            mounted = self._read(tables)
        for lun, nodes in mounted.items():
            if len(nodes) > 1 and nodes != self._mounted.get(lun):
                self._double.append(DoubleMount(time.monotonic(), lun, nodes))
        self._mounted = mounted
        self._observations += 1

    def _read(self, tables: Mapping[str, IO[str]]) -> dict[int, list[str]]:
        mounted: dict[int, list[str]] = {}
        for name, table in tables.items():
            with suppress(OSError):  # the node has just gone
                table.seek(0)
                loops = map(int, _LOOP.findall(table.read()))
                for lun in {self._lun_of[number] for number in loops if number in self._lun_of}:
                    mounted.setdefault(lun, []).append(name)
        return mounted
