"""What all checks have in common; for type checkers alone, as `typing` costs milliseconds."""

from __future__ import annotations

from typing import Protocol

from ocf_agents.runtime.agent import AgentError, Deadline


class Check(Protocol):
    """Something that passes or does not.

    Attributes:
        poll: Seconds between two attempts while an application starts.
    """

    poll: float

    @property
    def address(self) -> tuple[str, int] | None:
        """The host and the port that it asks, None if it asks none."""

    def problem(self, deadline: Deadline) -> AgentError | None:
        """Return why it does not pass, None if it does.

        The code is DEGRADED if the application serves, but less well.
        """
