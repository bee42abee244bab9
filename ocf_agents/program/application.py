"""An application on this node: what is to be run, and what of it is there."""

from __future__ import annotations

from ocf_agents.runtime.process import Process, name, recall
from ocf_agents.runtime.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.account import Account
    from ocf_agents.program.checks.check import Check
    from ocf_agents.program.containment import Containment
    from ocf_agents.program.parameters import AppParameters


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

    def member_names(self) -> str:
        """Return the names and numbers of all processes."""
        return ", ".join(f"{name(pid)} ({pid})" for pid in self.containment.members())

    def hook(self) -> Check:
        """Return the check that `monitor_hook` is: run by root, with the agent's environment."""
        from ocf_agents.program.account import Account
        from ocf_agents.program.checks.command import CommandCheck
        from ocf_agents.program.checks.words import split_hook
        from ocf_agents.runtime.command import ENVIRONMENT

        words = split_hook("monitor_hook", self.parameters.monitor_hook)
        environment = {**self.parameters.environ, "PATH": ENVIRONMENT["PATH"]}
        return CommandCheck(words, Account(""), environment)
