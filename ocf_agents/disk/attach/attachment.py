"""What all sources of a disk have in common; for type checkers alone, as `typing` costs time."""

from __future__ import annotations

from typing import Protocol

from ocf_agents.runtime.agent import Deadline


class Attachment(Protocol):
    """A source of a block device, whose methods fail with AgentError."""

    def attach(self, deadline: Deadline) -> str:
        """Make the device available and return its path."""

    def device(self, deadline: Deadline) -> str | None:
        """Return the device's path, None while it is not attached."""

    def detach(self, deadline: Deadline) -> None:
        """Take the device away if nothing else uses it."""
