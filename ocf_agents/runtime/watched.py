"""An agent whose failures are noticed when they happen, since the node's watcher knows of it.

The watcher (watcher/daemon.py) reads the registrations (registration.py); when what it watches is
gone it tells Pacemaker. It never acts, and if it dies the monitor still finds everything.
"""

from __future__ import annotations

import sys

from ocf_agents.runtime import registration
from ocf_agents.runtime.agent import Agent, AgentError
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.parameters import Boolean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEMD_RUN = "/usr/bin/systemd-run"
UNIT = "takeover-watcher"
TITLE = "--description=Tells Pacemaker of failures of the resources on this node"


class Watched(Agent):
    """An agent that says in `watches` what has to be there as long as the resource runs."""

    watch = Boolean(
        "Watch for failures",
        "Tell the cluster of a failure when it happens, instead of at the next monitor. The "
        "monitor finds it in any case.",
        default=True,
        reloadable=True,
    )

    def watches(self) -> list[str]:
        """Return what has to be there, as kinds with their values (watcher/watches.py)."""
        raise NotImplementedError

    def after_start(self) -> None:
        """Register with the watcher. It is never a reason to fail that this does not work."""
        node = self.environ.get("OCF_RESKEY_CRM_meta_on_node", "")
        if not self.watch or not node:  # without a node it was not Pacemaker that started it
            return
        try:
            registration.write(self.environ, self.instance, node, self.watches())
        except (OSError, AgentError) as error:
            log(f"failures are only noticed by the monitor: {error}", WARNING)
        else:
            wake(self.environ)

    def before_stop(self) -> None:
        """Withdraw the registration: from now on whatever ends is meant to end."""
        try:
            registration.withdraw(self.environ, self.instance)
        except OSError as error:
            log(f"the stop may be taken for a failure: {error}", WARNING)

    def after_monitor(self) -> None:
        """Start the watcher again if it has died."""
        if self.watch and registration.identity(registration.path(self.environ, self.instance)):
            wake(self.environ)

    def after_reload(self) -> None:
        """Register anew: what is watched may have changed, or whether it is."""
        self.before_stop()
        self.after_start()


def wake(environ: Mapping[str, str]) -> None:
    """Have the watcher read the registrations; start it if it does not run. It never fails."""
    folder = registration.folder(environ)
    try:
        if not _send(f"{folder}/{registration.SOCKET}"):
            _start_watcher(folder)
    except OSError as error:
        log(f"failures are only noticed by the monitor: cannot start the watcher: {error}", WARNING)


def _send(address: str) -> bool:
    """Send a datagram to the watcher's socket, and tell whether anybody is there to read it."""
    import _socket

    connection = _socket.socket(
        _socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
    )
    try:
        connection.sendto(b"!", address)
    except BlockingIOError:
        return True  # it has enough of them to read
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _start_watcher(folder: str) -> None:
    """Start the watcher without waiting for it; of two that are started at once one ends."""
    import os

    from ocf_agents.runtime import systemd

    program = os.path.join(os.path.dirname(os.path.dirname(__file__)), "watcher", "daemon.py")
    command = [sys.executable, "-IS", program, folder]
    if systemd.is_running():
        # A service of its own, so that it neither dies with Pacemaker's nor keeps that from ending.
        options = ["--quiet", "--no-block", "--collect", f"--unit={UNIT}", TITLE]
        command = [SYSTEMD_RUN, *options, "--property=Restart=on-failure", *command]
    null = os.devnull
    os.posix_spawn(
        command[0],
        command,
        {},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, null, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, null, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, null, os.O_WRONLY, 0),
        ],
        setsid=True,
    )
