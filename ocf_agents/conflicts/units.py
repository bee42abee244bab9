"""Units of systemd that a resource shall run and somebody else runs already."""

from __future__ import annotations

from ocf_agents.conflicts.question import UNITS, Conflict
from ocf_agents.runtime import systemd
from ocf_agents.runtime.agent import AgentError, Deadline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocf_agents.conflicts.question import Resource


def conflicts(
    resource: Resource, others: list[Resource], limit: Deadline, *, looks: bool
) -> Iterator[Conflict]:
    """Find who runs the unit that a resource shall run, under whichever of its names.

    Args:
        resource: The resource.
        others: All other resources.
        limit: When that has to be known.
        looks: Whether to look if it runs, too.
    """
    written = _unit(resource)
    if not written or resource.was is not None:
        return
    unit, state = _known(written, limit)
    owners = [other for other in others if _unit(other)]
    found = False
    for other in owners:
        theirs = _unit(other)
        if written == theirs or _known(theirs, limit)[0] == unit:
            found = True
            if not other.leaves:
                yield Conflict(resource, "unit", f"{written} is the unit of {other}", other.id)
    if not found and looks and state in ("active", "activating", "reloading"):
        message = f"{written} runs already, not by the cluster"
        yield Conflict(resource, "unit", message)


def _unit(resource: Resource) -> str:
    kind, _, unit = resource.agent.partition(":")
    if kind not in UNITS or not unit:
        return ""
    return unit if "." in unit else f"{unit}.service"


def _known(unit: str, limit: Deadline) -> tuple[str, str]:
    """Return the name by which systemd knows a unit, and its state."""
    from ocf_agents.runtime.command import run

    if not systemd.is_running():
        return unit, ""
    command = ["systemctl", "show", "--property=Id,ActiveState", "--", unit]
    try:
        output = run(command, limit.part(0.3)).output
    except AgentError:
        return unit, ""
    values = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
    return values.get("Id") or unit, values.get("ActiveState", "")
