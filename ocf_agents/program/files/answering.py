"""Whether the filesystems answer that a start is about to use: one that does not holds it up."""

from __future__ import annotations

import os

from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.bounded import TimedOut, bounded

PATIENCE = 5.0  # seconds for a file server that has to wake up


def insist(paths: list[str], deadline: Deadline) -> None:
    """Look at files once, in a child that may be left behind, before this process does.

    Whoever waits for a server that is gone cannot be interrupted, also not at the deadline.

    Args:
        paths: The files and folders; those that are not there, or whose path is relative, do not
            matter here.
        deadline: The end of the time for it.

    Raises:
        AgentError: One does not answer (ERR_INSTALLED): another node may see more of it.
    """
    asked = [path for path in dict.fromkeys(paths) if path.startswith("/")]
    limit = Deadline(min(PATIENCE, deadline.part(0.5).left()))
    try:
        bounded(lambda: _look_at(asked), limit, f"looking at {', '.join(asked)}")
    except TimedOut as error:
        raise AgentError(str(error), Code.ERR_INSTALLED) from error
    except AgentError:
        return  # nobody has looked, so nothing is known to be wrong


def _look_at(paths: list[str]) -> str:
    for path in paths:
        try:
            os.stat(path)
        except OSError:
            continue  # why it cannot be used is found out by whoever uses it
    return ""
