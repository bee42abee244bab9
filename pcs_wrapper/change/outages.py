"""How long a service was not served, as the operations show that Pacemaker has recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pcs_wrapper.health.diagnosis import Service
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Operation


@dataclass(frozen=True)
class Gap:
    """A time in which a service was not served.

    Attributes:
        begin: When it began, in seconds since 1970.
        seconds: How long it was; None if it has not ended.
    """

    begin: float
    seconds: float | None


def outage(service: Service, before: ClusterState, after: ClusterState) -> str:
    """Return in a clause for how long a service was not served meanwhile; empty if it was.

    Args:
        service: The service as it is afterwards.
        before: The cluster before.
        after: The cluster afterwards.
    """
    found = gap(service, before, after)
    if found is None:
        return ""
    if found.seconds is None:
        at = datetime.fromtimestamp(found.begin, UTC).strftime("%H:%M:%S")
        return f"it is not served since {at} UTC"
    return f"it was not served for about {found.seconds:.1f} s"


def gap(service: Service, before: ClusterState, after: ClusterState) -> Gap | None:
    """Return the time in which a service was not served meanwhile; None if it was served.

    Pacemaker records when an action began in whole seconds, and how long it took in milliseconds.

    Args:
        service: The service as it is afterwards.
        before: The cluster before.
        after: The cluster afterwards.
    """
    parts = {part.id for part in service.parts}
    known = {*before.operations}
    new = [each for each in after.operations if each.resource in parts and each not in known]
    stops = [each for each in new if each.task == "stop"]
    starts = [each for each in new if each.task == "start"]
    begin = min((each.began for each in stops or starts), default=None)
    if begin is None:
        return None
    if not service.is_running:
        return Gap(begin, None)
    end = max((each.began + each.seconds for each in starts or stops), default=begin)
    # In one second of the record there may be much or little: the actions took at least their time.
    seconds = max(end - begin, _one_after_another(stops) + _one_after_another(starts))
    return Gap(begin, seconds)


def _one_after_another(operations: list[Operation]) -> float:
    """Return the time that operations took, of each resource the longest one."""
    longest: dict[str, float] = {}
    for each in operations:
        longest[each.resource] = max(longest.get(each.resource, 0.0), each.seconds)
    return sum(longest.values())
