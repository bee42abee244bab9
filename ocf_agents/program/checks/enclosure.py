"""What the program of a check runs in: all that it leaves behind ends with it."""

from __future__ import annotations

import os

from ocf_agents.program.processes.relatives import VARIABLE, Mark, relatives
from ocf_agents.runtime import signals
from ocf_agents.runtime.agent import Deadline
from ocf_agents.runtime.process import identify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.containment import Cgroup, Containment
    from ocf_agents.program.identity import Identity

NAME = "check-"  # of its cgroup, and the number of the agent that runs it
PATIENCE = 2.0  # seconds; what waits for a dead disk does not end
MOMENT = 0.002


class Enclosure:
    """A cgroup below the application's; without any, what has the session or a mark of its own.

    Args:
        identity: Who runs the program.
        containment: What keeps the application's processes together, if it has any.

    Attributes:
        environment: Variables that the program needs.
    """

    def __init__(self, identity: Identity, containment: Containment | None) -> None:
        self._identity = identity
        self._cgroup = _room(containment) if containment else None
        self._mark = Mark.new()
        agent = identify(os.getpid())
        self._mark.since = agent.started if agent else ""  # the program starts later
        self.environment = {} if self._cgroup else {VARIABLE: self._mark.mark}

    def enter(self) -> None:
        """Go into it, in the child process, and become whoever runs the program."""
        os.setsid()
        if self._cgroup:
            self._cgroup.enter()
        self._identity.assume()

    def end(self, pid: int) -> None:
        """End whatever the program with this number has left behind; 0 if it never ran."""
        if self._cgroup:
            _clear(self._cgroup, Deadline(PATIENCE))
        elif pid:
            self._mark.session = str(pid)
            self._end_relatives(Deadline(PATIENCE))

    def _end_relatives(self, patience: Deadline) -> None:
        while pids := relatives(self._mark, (), patience):
            left = [process for pid in pids if (process := identify(pid))]
            for process in left:
                process.send(signals.KILL)
            for process in left:
                process.wait(patience.left())
            if not patience.left():
                return


def _room(containment: Containment) -> Cgroup | None:
    """Return a cgroup for a check, and end those of agents that were killed during theirs."""
    for name in containment.rooms():
        number = name.removeprefix(NAME)
        if name.startswith(NAME) and number.isdecimal() and not identify(int(number)):
            stale = containment.room(name)
            if stale:
                _clear(stale, Deadline(PATIENCE))
    return containment.room(f"{NAME}{os.getpid()}")


def _clear(cgroup: Cgroup, patience: Deadline) -> None:
    if cgroup.members():
        cgroup.kill()
    # The kernel is not done at once with a process that has ended.
    while not cgroup.release() and patience.pause(MOMENT):
        cgroup.kill()
