"""What keeps all processes of an application together, however often they fork.

Scope       a systemd scope: where systemd runs
Cgroup      a cgroup v2 of our own: elsewhere
Session     the POSIX session of the first process, when there is no cgroup v2. A process that
            makes a session of its own escapes from it.

The names follow from the resource instance alone, so that a stop finds the processes even if the
start was killed half-way.
"""

from __future__ import annotations

import os

from ocf_agents.runtime import mountinfo, systemd
from ocf_agents.runtime.process import identify, recall, stat
from ocf_agents.runtime.state import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ocf_agents.runtime.agent import Deadline
    from ocf_agents.runtime.state import State

    class Containment(Protocol):
        """The processes of one application."""

        def prepare(self, deadline: Deadline) -> list[str]:
            """Make it ready for a start, and return the command to put before the application's."""

        def enter(self) -> None:
            """Move the calling process into it; called in the child before it executes."""

        def members(self) -> list[int]:
            """Return the processes that are in it and alive."""

        def kill(self) -> None:
            """Send SIGKILL to all of them."""

        def release(self) -> bool:
            """Remove it once all processes are gone, and tell whether that was possible."""


SIGKILL = 9
POLL = 0.02  # seconds


class Cgroup:
    """A cgroup v2 (kernel: admin-guide/cgroup-v2).

    Args:
        path: Its folder.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def prepare(self, deadline: Deadline) -> list[str]:  # noqa: ARG002
        """Make the cgroup."""
        os.makedirs(self.path, exist_ok=True)
        return []

    def enter(self) -> None:
        """Move the calling process into the cgroup."""
        with open(f"{self.path}/cgroup.procs", "w", encoding="ascii") as file:
            file.write("0")

    def members(self) -> list[int]:
        """Return the processes of the cgroup and those below it."""
        found = []
        for folder, _, files in os.walk(self.path):
            if "cgroup.procs" in files:
                try:
                    with open(f"{folder}/cgroup.procs", encoding="ascii") as file:
                        found += [int(line) for line in file]
                except OSError:
                    continue  # systemd removes a scope at once when its last process has ended
        return [pid for pid in found if identify(pid)]

    def kill(self) -> None:
        """Kill the whole cgroup at once; before Linux 5.14 one process after the other."""
        try:
            with open(f"{self.path}/cgroup.kill", "w", encoding="ascii") as file:
                file.write("1")
        except OSError:
            _kill_each(self.members())

    def release(self) -> bool:
        """Remove the cgroup and those that the application made below it."""
        try:
            for folder, _, _ in os.walk(self.path, topdown=False):
                os.rmdir(folder)
        except OSError:  # the kernel is not done yet with a process that has ended
            return not os.path.exists(self.path)
        return True


class Scope(Cgroup):
    """A systemd scope: a cgroup that systemd knows, shows and ends with the system.

    Args:
        root: Where the tree of cgroups is mounted.
        name: The name of the scope.
    """

    def __init__(self, root: str, name: str) -> None:
        super().__init__(f"{root}/system.slice/{name}.scope")
        self._unit = f"{name}.scope"

    def prepare(self, deadline: Deadline) -> list[str]:
        """Clear away what is left of an earlier scope of the same name."""
        from ocf_agents.runtime.command import run

        if os.path.isdir(self.path):
            run(["systemctl", "stop", self._unit], deadline)
        return [
            "systemd-run",
            "--scope",
            "--quiet",
            "--collect",  # forget it even if it failed
            f"--unit={self._unit}",
            "--slice=system.slice",
            # At shutdown units stop in reverse order: first Pacemaker, which stops the resource
            # properly, then what it left. Pacemaker does so for its systemd resources.
            "--property=Before=pacemaker.service pacemaker_remote.service",
            "--",
        ]

    def enter(self) -> None:
        """Do nothing: systemd-run moves itself into the scope before it executes the rest."""

    def release(self) -> bool:
        """Do nothing: systemd removes an empty scope."""
        return True


class Session:
    """The session of the first process (setsid(2)).

    Args:
        state: What the agent remembers of that process.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def prepare(self, deadline: Deadline) -> list[str]:  # noqa: ARG002
        """Do nothing: the child makes the session."""
        return []

    def enter(self) -> None:
        """Do nothing: the child made the session before."""

    def members(self) -> list[int]:
        """Return the processes of the session."""
        values = self._state.read()
        leader = values.get("pid", "")
        # While its session lives, a number is not used again. So a process with the number of a
        # dead leader is the leader of a later session.
        if not leader or (identify(int(leader)) and not recall(values)):
            return []
        pids = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
        return [pid for pid in pids if stat(pid)[3:4] == [leader]]

    def kill(self) -> None:
        """Kill one process after the other."""
        _kill_each(self.members())

    def release(self) -> bool:
        """Do nothing: a session ends with its last process."""
        return True


def containment(instance: str, state: State) -> Containment:
    """Return what keeps the processes of a resource instance together on this host."""
    name = f"takeover-app-{plain(instance)}"
    root = cgroup_root()
    if root is None:
        return Session(state)
    if systemd.is_running():
        return Scope(root, name)
    return Cgroup(f"{root}/{name}")


def cgroup_root() -> str | None:
    """Return where the cgroup v2 tree is mounted; None if it is not."""
    return next((mount.point for mount in mountinfo.mounts() if mount.type == "cgroup2"), None)


def _kill_each(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, SIGKILL)
        except ProcessLookupError:
            continue
