"""Which of two nodes that lose each other fences first: the one with the higher priorities.

A node has the sum of the priorities of what runs on it. Fencing the node that has more is delayed
(priority-fencing-delay), so that this one wins; with equal sums, both would fence at once.
"""

from __future__ import annotations

from cib_templates.model.description import Description
from cib_templates.model.timing import fencing_delay

#: Even, and so are all sums of it: with the tie breaker's 1, no two are equal.
DEFAULT_PRIORITY = 2


def default_priority(description: Description) -> int | None:
    """Return the priority of a service that has none of its own; None if it needs none.

    Where some services have one, the others' 0 is what the description means.
    """
    services = description.services.values()
    if not _delays(description) or any(service.priority is not None for service in services):
        return None
    return DEFAULT_PRIORITY


def tie_breaker(description: Description) -> str | None:
    """Return the fencing device whose place decides if both nodes serve as much; None if none does.

    It is the first one that may run on the first node.
    """
    if not _delays(description):
        return None
    first = next(iter(description.nodes))
    others = (name for name in description.fencing if description.fenced_by(name) != [first])
    return next(others, None)


def _delays(description: Description) -> bool:
    """Return whether Takeover sets the delay, not an administrator with priorities of his own."""
    own = "priority-fencing-delay" in description.properties
    return not own and bool(fencing_delay(description))
