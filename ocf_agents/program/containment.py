"""What keeps all processes of an application together, however often they fork.

Scope       a systemd scope: where systemd runs
Cgroup      a cgroup v2 of our own: elsewhere
Session     the POSIX session of the first process, when there is no cgroup v2, or none that may be
            written to, as in a container

What leaves them is looked for in processes/relatives.py.

The names follow from the resource instance alone, so that a stop finds the processes even if the
start was killed half-way.
"""

from __future__ import annotations

import os

from ocf_agents.program.names import identifier
from ocf_agents.program.processes.relatives import Mark
from ocf_agents.runtime import mountinfo, systemd
from ocf_agents.runtime.process import SESSION, identify, processes, stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ocf_agents.program.processes.holder import Holder
    from ocf_agents.runtime.agent import Deadline
    from ocf_agents.runtime.state import State

    class Containment(Protocol):
        """The processes of one application."""

        def prepare(self, deadline: Deadline) -> None:
            """Make it ready for a start."""

        def enter(self) -> None:
            """Move the calling process into it; called in the child before it executes."""

        def entered(self) -> None:
            """Give up what kept it while nothing was in it."""

        def room(self, name: str) -> Cgroup | None:
            """Return a part of it for something that is to end on its own, if it has parts."""

        def rooms(self) -> list[str]:
            """Return the names of its parts."""

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

    def prepare(self, deadline: Deadline) -> None:  # noqa: ARG002
        """Make the cgroup."""
        os.makedirs(self.path, exist_ok=True)

    def enter(self) -> None:
        """Move the calling process into the cgroup."""
        with open(f"{self.path}/cgroup.procs", "w", encoding="ascii") as file:
            file.write("0")

    def entered(self) -> None:
        """Do nothing: a cgroup stays when it is empty."""

    def room(self, name: str) -> Cgroup | None:
        """Return a cgroup below this one, None if there cannot be any."""
        below = Cgroup(f"{self.path}/{name}")
        try:
            os.mkdir(below.path)
        except FileExistsError:
            return below
        except OSError:
            return None
        return below

    def rooms(self) -> list[str]:
        """Return the names of the cgroups below this one."""
        try:
            return [each.name for each in os.scandir(self.path) if each.is_dir()]
        except OSError:
            return []

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
        self._holder: Holder | None = None

    def prepare(self, deadline: Deadline) -> None:
        """Clear away what is left of an earlier scope of the same name, and make it anew.

        systemd-run runs as root. It never sees the application: it makes the scope for a program of
        the system's, which keeps it until the application has entered it.

        Raises:
            AgentError: systemd does not make it.
        """
        from ocf_agents.program.processes.holder import Holder
        from ocf_agents.runtime.command import run

        if os.path.isdir(self.path):
            run(["systemctl", "stop", self._unit], deadline)
        options = [
            "--scope",
            "--quiet",
            "--collect",  # forget it even if it failed
            f"--unit={self._unit}",
            f"--description=Application of a resource, {self._unit}",
            "--slice=system.slice",
            # At shutdown units stop in reverse order: first Pacemaker, which stops the resource
            # properly, then what it left. Pacemaker does so for its systemd resources.
            "--property=Before=pacemaker.service pacemaker_remote.service",
        ]
        self._holder = Holder(["systemd-run", *options, "--"], deadline)

    def entered(self) -> None:
        """End the program that has kept the scope."""
        if self._holder:
            self._holder.end()
            self._holder = None

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

    def prepare(self, deadline: Deadline) -> None:
        """Do nothing: the child makes the session."""

    def enter(self) -> None:
        """Do nothing: the child made the session before."""

    def entered(self) -> None:
        """Do nothing: the child holds its session itself."""

    def room(self, name: str) -> Cgroup | None:  # noqa: ARG002
        """Return none: there are no sessions in sessions."""
        return None

    def rooms(self) -> list[str]:
        """Return none."""
        return []

    def members(self) -> list[int]:
        """Return the processes of the session."""
        session = Mark.recall(self._state.read()).own_session()
        if not session:
            return []
        return [pid for pid in processes() if stat(pid)[SESSION : SESSION + 1] == [session]]

    def kill(self) -> None:
        """Kill one process after the other."""
        _kill_each(self.members())

    def release(self) -> bool:
        """Do nothing: a session ends with its last process."""
        return True


def containment(instance: str, state: State) -> Containment:
    """Return what keeps the processes of a resource instance together on this host."""
    name = identifier(instance)
    root = cgroup_root()
    if root is None:
        return Session(state)
    kept = Scope(root, name) if systemd.is_running() else Cgroup(f"{root}/{name}")
    # In containers it is often read-only, and in user namespaces somebody else's.
    return kept if os.access(root, os.W_OK) or os.path.isdir(kept.path) else Session(state)


def cgroup_root() -> str | None:
    """Return where the cgroup v2 tree is mounted; None if it is not."""
    return next((mount.point for mount in mountinfo.mounts() if mount.type == "cgroup2"), None)


def _kill_each(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, SIGKILL)
        except ProcessLookupError:
            continue
