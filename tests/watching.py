"""The node's watcher, with programs in place of Pacemaker's that note what they are told."""

from __future__ import annotations

import fcntl
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ocf_agents.runtime import registration
from vagrant.common.waiting import eventually

CHECKOUT = Path(__file__).parents[1]
LIMIT = 20.0  # seconds; what is waited for comes in milliseconds on a machine that has time

# The watcher as the agents start it, but for the places that are the host's.
PROGRAM = """
import sys
sys.path.append({checkout!r})
from ocf_agents.runtime import command
from ocf_agents.watcher import daemon as watcher
from ocf_agents.watcher import managed
command.FOLDERS = ({programs!r},)
managed.CIB = {cib!r}
watcher.main({folder!r})
"""


@dataclass(frozen=True)
class Told:
    """A failure that Pacemaker was told of.

    Attributes:
        at: When, in seconds since the epoch.
        arguments: Those of the program.
    """

    at: float
    arguments: str


class Pacemaker:
    """Programs that note when they were called, and with which arguments.

    Parameters: a folder for them and for what they note.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.programs = folder
        self.cib = folder / "cib.xml"
        self.answer("crm_resource")
        self.answer("attrd_updater")

    def answer(self, program: str, *, code: int = 0, says: str = "") -> None:
        """Have a program end with a code and say something."""
        path = self.programs / program
        note = f'echo "$(date +%s.%N) $*" >> {path}.calls'
        path.write_text(f"#!/bin/sh\n{note}\necho '{says}' >&2\nexit {code}\n")
        path.chmod(0o755)

    def calls(self, program: str = "crm_resource") -> list[Told]:
        """Return the calls of a program until now."""
        path = self.programs / f"{program}.calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Told(float(at), rest) for at, _, rest in (line.partition(" ") for line in lines)]

    def told(self, resource: str) -> list[Told]:
        """Return what it was told of a resource."""
        return [call for call in self.calls() if f"--resource={resource} " in call.arguments]

    def wait_until_told(self, resource: str, times: int = 1) -> list[Told]:
        """Wait until it was told of a resource so many times."""
        assert eventually(lambda: len(self.told(resource)) >= times, LIMIT), self.calls()
        return self.told(resource)


class Watcher:
    """The watcher of a folder of registrations.

    Parameters: the folder for agents' run-time files, the programs that it finds, a command to
    run it under.
    """

    def __init__(self, run_time: Path, pacemaker: Pacemaker, prefix: Sequence[str] = ()) -> None:
        self.environ = {"HA_RSCTMP": str(run_time)}
        self.folder = Path(registration.folder(self.environ))
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = run_time / "watcher.log"
        program = PROGRAM.format(
            checkout=str(CHECKOUT),
            programs=str(pacemaker.programs),
            cib=str(pacemaker.cib),
            folder=str(self.folder),
        )
        self.process: subprocess.Popen[bytes]
        self.command = [*prefix, sys.executable, "-IS", "-c", program]

    @property
    def _door(self) -> tuple[int, ...]:
        return registration.identity(str(self.folder / registration.SOCKET))

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run it as long as the `with` block lasts."""
        before = self._door
        with self.log.open("ab") as log, subprocess.Popen(self.command, stderr=log) as process:
            try:
                opened = eventually(lambda: self._door not in ((), before), LIMIT)
                assert opened, self.log.read_text()
                self.process = process
                yield process
            finally:
                process.kill()

    def register(self, resource: str, *watches: str) -> Path:
        """Write a registration, as a start does, and wait until it was read."""
        registration.write(self.environ, resource, "node1", list(watches))
        self.wake()
        self.wake()  # it takes this one only when it has done what the first one asked for
        return Path(registration.path(self.environ, resource))

    def withdraw(self, resource: str) -> None:
        """Remove a registration, as a stop does."""
        registration.withdraw(self.environ, resource)

    def wake(self) -> None:
        """Have the registrations read, and wait until the watcher is about to."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendto(b"!", str(self.folder / registration.SOCKET))
            assert eventually(lambda: _unread(connection) == 0, LIMIT, pause=0.001)


def _unread(connection: socket.socket) -> int:
    """Return how much of what was sent nobody has read yet (unix(7), TIOCOUTQ)."""
    answer = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(answer, sys.byteorder)
