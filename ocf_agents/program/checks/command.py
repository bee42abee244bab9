"""The check that leaves the verdict to a program."""

from __future__ import annotations

import os

from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.command import cause, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.program.account import Account


class CommandCheck:
    """A check that passes when a program exits with 0; with 190 the application is degraded.

    Args:
        words: The program with its arguments.
        account: The user that runs it.
        environment: Its environment; the user's if it is None.
    """

    poll = 0.02

    def __init__(
        self, words: list[str], account: Account, environment: dict[str, str] | None = None
    ) -> None:
        self._words = words
        self._account = account
        self._environment = environment

    def problem(self, deadline: Deadline) -> AgentError | None:
        """Return why it does not pass, None if it does."""
        what = os.path.basename(self._words[0])
        try:
            command = [*self._account.become(), *self._words]
            environment = self._environment
            if environment is None:
                environment = self._account.environment()
            result = run(command, deadline, environment, what=what)
        except AgentError as error:
            return error
        if result.code == Code.DEGRADED:
            reason = cause(result.errors) or cause(result.output) or f"{what} says so"
            return AgentError(reason, Code.DEGRADED)
        return result.error() if result.code else None
