"""An application on this node: what is to be run, and what of it is there."""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time

from ocf_agents.program.names import output_file
from ocf_agents.runtime.process import Process, identify, name, recall
from ocf_agents.runtime.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.account import Account
    from ocf_agents.program.checks.check import Check
    from ocf_agents.program.containment import Containment
    from ocf_agents.program.parameters import AppParameters
    from ocf_agents.runtime.agent import Deadline

MOST_OUTPUT = 4 << 20  # bytes of the file for output


class Application:
    """An application as its resource describes it, with its processes on this node.

    Args:
        parameters: The parameters of the resource.

    Attributes:
        parameters: The same.
        state: What the agent remembers of the application between two actions.
    """

    def __init__(self, parameters: AppParameters) -> None:
        self.parameters = parameters
        self.state = State(parameters.environ, parameters.instance)
        self._containment: Containment | None = None

    @property
    def containment(self) -> Containment:
        """What keeps the processes of the application together."""
        if self._containment is None:  # a monitor of a program that lives does not need it
            from ocf_agents.program.containment import containment

            self._containment = containment(self.parameters.instance, self.state)
        return self._containment

    @property
    def program(self) -> str:
        """The name of the program, short enough for a reason."""
        return self.parameters.binfile.rpartition("/")[2] or "the program"

    def account(self) -> Account:
        """Return the user that the program runs as."""
        from ocf_agents.program.account import Account

        return Account(self.parameters.user, self.parameters.environment_file)

    def main_process(self) -> Process | None:
        """Return the first process, None if it is dead."""
        return recall(self.state.read())

    def members(self) -> list[Process]:
        """Return the processes where the application keeps its processes."""
        return _alive(self.containment.members())

    def descendants(self) -> list[Process]:
        """Return the processes that have left that place, and still have their parents there."""
        from ocf_agents.program.processes.relatives import descendants

        return _alive(descendants(self._known()))

    def strays(self, deadline: Deadline) -> list[Process]:
        """Return the processes that belong to the application, and have left that place.

        Args:
            deadline: When they have to be known.
        """
        values, known = self.state.read(), self._known()
        if not values and not known:
            return []
        from ocf_agents.program.processes.relatives import Mark, relatives

        return _alive(relatives(Mark.recall(values), known, deadline))

    def names(self, deadline: Deadline) -> str:
        """Return the names and numbers of all processes."""
        pids = [process.pid for process in (*self.members(), *self.strays(deadline))]
        return ", ".join(f"{name(pid)} ({pid})" for pid in pids)

    def bound_output(self) -> None:
        """Keep the file small that output goes to without a journal: it is in memory."""
        environ, instance = self.parameters.environ, self.parameters.instance
        try:
            size = posix.stat(output_file(environ, instance)).st_size
        except OSError:
            return  # the usual case: output goes elsewhere
        if size > MOST_OUTPUT:
            from ocf_agents.program.files.output import shorten

            shorten(output_file(environ, instance))

    def ready_check(self) -> Check | None:
        """Return the check of `ready`, None if there is none."""
        return self._check("ready", self.parameters.ready)

    def health_check(self) -> Check | None:
        """Return the check of `health`, None if there is none."""
        return self._check("health", self.parameters.health)

    def hook(self) -> Check | None:
        """Return the check that `monitor_hook` is: run by root, with the agent's environment."""
        if not self.parameters.monitor_hook:
            return None
        from ocf_agents.program.account import Account
        from ocf_agents.program.checks.command import CommandCheck
        from ocf_agents.program.checks.words import split_hook
        from ocf_agents.runtime.command import ENVIRONMENT

        words = split_hook("monitor_hook", self.parameters.monitor_hook)
        environment = {**self.parameters.environ, "PATH": ENVIRONMENT["PATH"]}
        return CommandCheck(words, Account(""), environment, self.containment)

    def _known(self) -> set[int]:
        """Return the first process and those that are where they are kept."""
        main = self.main_process()
        return {*self.containment.members(), *([main.pid] if main else [])}

    def _check(self, name: str, text: str) -> Check | None:
        if not text:
            return None
        from ocf_agents.program.checks.grammar import parse_check

        return parse_check(name, text, self._check_by)

    def _check_by(self, command: list[str]) -> Check:
        from ocf_agents.program.checks.command import CommandCheck

        return CommandCheck(command, self.account(), containment=self.containment)


def _alive(pids: list[int]) -> list[Process]:
    return [process for pid in pids if (process := identify(pid))]
