"""This machine as the commands' logic sees it, which tests can replace."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pcs_wrapper.errors import NotRoot
from pcs_wrapper.machine import network
from pcs_wrapper.machine.console import Console
from pcs_wrapper.machine.runner import Runner


def _user() -> str:
    """Return the name of the user who runs the command; with sudo, that of the original user."""
    try:
        return os.environ.get("SUDO_USER") or os.getlogin()
    except OSError:
        # No terminal: a timer, for example.
        uid = os.getuid()
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)


@dataclass(frozen=True)
class Machine:
    """The machine that a command runs on, as its logic sees it.

    Attributes:
        runner: The runner of pcs and the Pacemaker tools.
        is_root: Whether the user is root.
        corosync_conf: The path of corosync.conf, which exists if the machine is a cluster node.
        agents: The folder of the installed `ocf:takeover` agents.
        schemas: The folder of Pacemaker's RNG schemas.
        state: The folder in which Takeover keeps checkpoints and its lock.
        archive: The folder in which Pacemaker archives each configuration of the cluster.
        program: The path of the program `takeover`, for the timer that runs it later.
        host: The machine's name, without its domain.
        interfaces: The folder in which the kernel lists the network interfaces.
        root: The folder in which the machine's file systems begin.
        netlink: A function that opens a connection to the kernel's part for the network.
        listens: A function that tells whether a program listens at an address and a port.
        ask: A function that asks a program on another machine.
        user: The name of the user who runs the command.
        now: A function that returns the time of day.
        clock: A function that returns a time in seconds that never jumps.
        sleep: A function that waits for a number of seconds.
        console: The console for messages while the command works.
    """

    runner: Runner = field(default_factory=Runner)
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    corosync_conf: Path = Path("/etc/corosync/corosync.conf")
    agents: Path = Path("/usr/lib/ocf/resource.d/takeover")
    schemas: Path = Path("/usr/share/pacemaker")
    state: Path = Path("/var/lib/takeover")
    archive: Path = Path("/var/lib/pacemaker/cib")
    program: Path = field(default_factory=lambda: Path(sys.argv[0]).resolve())
    host: str = field(default_factory=lambda: os.uname().nodename.partition(".")[0])
    interfaces: Path = Path("/sys/class/net")
    root: Path = Path("/")
    netlink: Callable[[], AbstractContextManager[network.Netlink]] = network.netlink
    listens: Callable[[str, int], bool] = network.listens
    ask: Callable[[network.Request], network.Response] = network.ask
    user: str = field(default_factory=_user)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    console: Console = field(default_factory=Console)

    def has_program(self, path: str) -> bool:
        """Return whether there is a program; true also where the user may not look.

        Args:
            path: Its absolute path.
        """
        try:
            return Path(self.root, path.lstrip("/")).is_file()
        except OSError:
            return True

    def require_root(self) -> None:
        """Check that the user is root.

        Raises:
            NotRoot: The user is not root.
        """
        if not self.is_root:
            raise NotRoot
