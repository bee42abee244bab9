"""The check that leaves the verdict to a program."""

from __future__ import annotations

import os

from ocf_agents.program.checks.enclosure import Enclosure
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.command import cause, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.account import Account
    from ocf_agents.program.containment import Containment


class CommandCheck:
    """A check that passes when a program exits with 0; with 190 the application is degraded.

    Whatever the program leaves behind ends with it.

    Args:
        words: The program with its arguments.
        account: The user that runs it.
        environment: Its environment; the user's if it is None.
        containment: What keeps the application's processes together, if it has any.
    """

    poll = 0.02
    address = None

    def __init__(
        self,
        words: list[str],
        account: Account,
        environment: dict[str, str] | None = None,
        containment: Containment | None = None,
    ) -> None:
        self._words = words
        self._account = account
        self._environment = environment
        self._containment = containment

    def problem(self, deadline: Deadline) -> AgentError | None:
        """Return why it does not pass, None if it does."""
        what = os.path.basename(self._words[0])
        try:
            environment = self._environment
            if environment is None:
                environment = self._account.environment(deadline)
            enclosure = Enclosure(self._account.identity(), self._containment)
            given = {**environment, **enclosure.environment}
            result = run(self._words, deadline, given, what=what, enclosure=enclosure)
        except AgentError as error:
            return error
        if result.code == Code.DEGRADED:
            reason = cause(result.errors) or cause(result.output) or f"{what} says so"
            return AgentError(reason, Code.DEGRADED)
        return result.error() if result.code else None


def not_to_run(words: list[str]) -> CommandCheck:
    """Return the check of a command that is only read, so that it does not matter who would run it.

    Args:
        words: The program with its arguments.
    """
    from ocf_agents.program.account import Account

    return CommandCheck(words, Account(""))
