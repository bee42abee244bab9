"""What the commands' logic finds around it, so that tests can put it elsewhere."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pcs_wrapper.errors import NotRoot
from pcs_wrapper.machine.console import Console
from pcs_wrapper.machine.runner import Runner


def _user() -> str:
    """Return who gives the command: with sudo, who was somebody before."""
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
    """The machine, as a command's logic sees it.

    Attributes:
        runner: Runs pcs and the Pacemaker tools.
        is_root: Whether this is root.
        corosync_conf: Corosync's configuration; it is there if this machine is a cluster's node.
        agents: Where the installed `ocf:takeover` agents are.
        schemas: Where Pacemaker's RNG schemas are.
        state: Where Takeover keeps its checkpoints on this machine.
        program: The command `takeover` itself, for what shall run later.
        host: The machine's name, without its domain.
        interfaces: Where the kernel lists its network interfaces.
        user: Who gives the command.
        now: The time of day.
        clock: Seconds, from any beginning.
        sleep: Waits for seconds.
        console: Whom to tell what is being done.
    """

    runner: Runner = field(default_factory=Runner)
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    corosync_conf: Path = Path("/etc/corosync/corosync.conf")
    agents: Path = Path("/usr/lib/ocf/resource.d/takeover")
    schemas: Path = Path("/usr/share/pacemaker")
    state: Path = Path("/var/lib/takeover")
    program: Path = field(default_factory=lambda: Path(sys.argv[0]).resolve())
    host: str = field(default_factory=lambda: os.uname().nodename.partition(".")[0])
    interfaces: Path = Path("/sys/class/net")
    user: str = field(default_factory=_user)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    console: Console = field(default_factory=Console)

    def require_root(self) -> None:
        """Check that this is root.

        Raises:
            NotRoot: It is not.
        """
        if not self.is_root:
            raise NotRoot
