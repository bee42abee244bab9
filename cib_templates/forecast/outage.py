"""For how long a service will be gone: after a node's failure, an application's, a planned stop.

What the live cluster has measured is taken as it was measured. What it has not yet done is
estimated from what it has, and shown as an estimate; where there is nothing to estimate from, only
the limit is known: the time after which Pacemaker gives up.

The constants are of Pacemaker itself, not of a service: measured on three nodes with nothing else
to do, so that busy ones are rather slower. docs/planning.md explains how.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from lxml import etree

from cib_templates.cib.durations import pacemaker_time
from cib_templates.cib.history import History
from cib_templates.model.description import Description
from cib_templates.model.services import App, Service
from cib_templates.model.timing import Corosync, Times, fencing_delay, times_of

Source = Literal["measured", "estimated", "limit"]
Phase = Literal["detect", "fence", "data", "application", "address"]

_PHASES: dict[str, Phase] = {"filesystem": "data", "app": "application", "address": "address"}

# The same for agents that are not Takeover's, by their types in lower case.
_AGENTS: dict[str, Phase] = _PHASES | {"ip": "address", "ipaddr2": "address", "drbd": "data"}
# Pacemaker's own default timeout of an action.
_DEFAULT = timedelta(seconds=20)

_TWO = 2
# All in seconds. From one action's end to the next one's begin: result to the DC, the next order.
_STEP = 0.015
# From the membership's change, or a failure that is reported, to the first action: the scheduler.
_DECIDE = 0.05
# When the DC itself was lost, the others first elect another one, and it reads the others' state.
_ELECT = 1.1
# The watcher's message, which is sent when something happens.
_TOLD = 0.02
# The host that decides beside the nodes hears of each every 0.8 times the quorum device's timeout,
# and takes one for lost when it has heard nothing for 1.5 times that: then it gives its vote. A
# node that is lost was last heard of at some time between two heartbeats.
_DEVICE_LIKELY = 0.8
_DEVICE_LIMIT = 1.2
# The fencing daemons agree who fences, beside what the agent itself does.
_AGREE = 0.2
# A start after a crash replays a journal, and a database its log.
_AFTER_CRASH = 1.5
# A stop that was never measured, as a share of the start: most things take longer to start.
_STOP_SHARE = 0.5


@dataclass(frozen=True)
class Span:
    """A time in seconds.

    Attributes:
        likely: What it will be; None if only the limit is known.
        limit: What it cannot exceed without a failure more.
        source: What `likely` comes from, the least certain one of a sum.
    """

    likely: float | None
    limit: float
    source: Source

    def __add__(self, other: Span) -> Span:
        """Add a time that comes after this one."""
        known = None
        if self.likely is not None and other.likely is not None:
            known = self.likely + other.likely
        order: tuple[Source, ...] = ("measured", "estimated", "limit")
        source = order[max(order.index(self.source), order.index(other.source))]
        return Span(known, self.limit + other.limit, source)


_NOTHING = Span(0.0, 0.0, "measured")


@dataclass(frozen=True)
class Outage:
    """For how long clients are not served, split into what it is spent on.

    Attributes:
        phases: In their order; a phase that takes no time is left out.
    """

    phases: dict[Phase, Span]

    @property
    def total(self) -> Span:
        """The whole time."""
        return sum(self.phases.values(), _NOTHING)

    def fits(self, budget: timedelta) -> bool | None:
        """Return whether it is within a budget; None if that is not known yet."""
        likely = self.total.likely
        if self.total.limit <= budget.total_seconds():
            return True
        return None if likely is None else likely <= budget.total_seconds()


@dataclass(frozen=True)
class _Part:
    identity: str
    phase: Phase
    times: Times
    watched: bool


class _Actions:
    """How long the actions of some parts take.

    Args:
        parts: The parts, in the order in which they start.
        history: What the live cluster has measured.
    """

    def __init__(self, parts: Sequence[_Part], history: History) -> None:
        self._seconds = history.seconds
        self._history = history
        self._parts = parts

    @property
    def parts(self) -> tuple[str, ...]:
        """The IDs of the service's parts, in the order in which they start."""
        return tuple(part.identity for part in self._parts)

    def planned(self, restarted: Iterable[str]) -> Outage:
        """Return the outage when parts are stopped, and started here or elsewhere.

        Args:
            restarted: IDs of the parts; with a part stop those that start after it.
        """
        names = set(restarted)
        parts = [part for part in self._parts if part.identity in names]
        return Outage(_add(_add({}, self._stops(parts)), self._starts(parts, 1.0)))

    def _stops(self, parts: Sequence[_Part]) -> dict[Phase, Span]:
        phases: dict[Phase, Span] = {}
        for part in parts:
            took = self._seconds.get((part.identity, "stop"))
            source: Source = "measured"
            if took is None:
                started = self._seconds.get((part.identity, "start"))
                took, source = started and started * _STOP_SHARE, "estimated"
            phases = _add(phases, {part.phase: _span(took, part.times.stop, source)})
        return phases

    def _starts(self, parts: Sequence[_Part], factor: float) -> dict[Phase, Span]:
        phases: dict[Phase, Span] = {}
        for part in parts:
            took = self._seconds.get((part.identity, "start"))
            slower = 1.0 if part.phase == "address" else factor
            source: Source = "measured" if slower == 1.0 else "estimated"
            begun = None if took is None else took * slower
            phases = _add(phases, {part.phase: _span(begun, part.times.start, source)})
            if part is not parts[-1]:
                # A busy node does one thing at a time: the first monitor, then the next start.
                looked = self._seconds.get((part.identity, "monitor"))
                if looked is not None:
                    seen = _span(looked, part.times.monitor, "measured")
                    phases = _add(phases, {part.phase: seen})
        return phases


class Clock(_Actions):
    """How long a described service's actions take.

    Args:
        name: The service's name.
        service: The service.
        history: What the live cluster has measured.
    """

    def __init__(self, name: str, service: Service, history: History) -> None:
        parts = [
            _Part(
                part.resource_id(name, kind),
                _PHASES.get(kind, "application"),
                times_of(kind, part),
                not isinstance(part, App) or part.agent is None,
            )
            for kind, part in service.parts()
        ]
        super().__init__(parts, history)

    def node_failure(self, corosync: Corosync, fencing: Span) -> Outage:
        """Return the outage when the node that runs the service dies or is cut off.

        Args:
            corosync: The membership's times.
            fencing: How long fencing the node takes.
        """
        decide = _DECIDE
        if self._history.dc and self._history.dc in self._nodes():
            decide += _ELECT
        seen = max(corosync.seen, _DEVICE_LIKELY * corosync.device)
        latest = max(corosync.seen, _DEVICE_LIMIT * corosync.device)
        phases: dict[Phase, Span] = {
            "detect": Span(seen + decide, latest + _DECIDE + _ELECT, "estimated"),
            "fence": fencing,
        }
        return Outage(_add(phases, self._starts(self._parts, _AFTER_CRASH)))

    def application_failure(self) -> Outage | None:
        """Return the outage when the application fails and is restarted; None if there is none."""
        first = next((n for n, part in enumerate(self._parts) if part.phase == "application"), None)
        if first is None:
            return None
        app, behind = self._parts[first], self._parts[first:]
        limit = (app.times.interval + app.times.monitor).total_seconds() + _DECIDE
        late = 0.0 if app.watched else app.times.interval.total_seconds() / 2
        detect = Span((_TOLD if app.watched else late) + _DECIDE, limit, "estimated")
        phases: dict[Phase, Span] = {"detect": detect}
        stops = _add(self._finds_it_dead(app), self._stops(behind[1:]))
        return Outage(_add(_add(phases, stops), self._starts(behind, _AFTER_CRASH)))

    def _nodes(self) -> set[str]:
        running = self._history.running_on
        return {running[part.identity] for part in self._parts if part.identity in running}

    def _finds_it_dead(self, app: _Part) -> dict[Phase, Span]:
        """Return how long a stop takes that has nothing to end: as long as a look, a monitor."""
        looked = self._seconds.get((app.identity, "monitor"))
        if looked is None:
            return self._stops([app])
        return {app.phase: _span(looked, app.times.stop, "estimated")}


class ResourceClock(_Actions):
    """How long the actions of a live cluster's resource take, whoever has made it.

    Args:
        resource: The outermost resource.
        history: What the live cluster has measured.
    """

    def __init__(self, resource: etree._Element, history: History) -> None:
        super().__init__([_present(each) for each in resource.iter("primitive")], history)


def _present(primitive: etree._Element) -> _Part:
    """Return a primitive of a live cluster as a part."""
    limits = {
        operation.get("name", ""): pacemaker_time(operation.get("timeout", ""))
        for operation in primitive.iterfind("operations/op")
    }
    times = {name: limits.get(name) or _DEFAULT for name in ("monitor", "start", "stop")}
    phase = _AGENTS.get(primitive.get("type", "").lower(), "application")
    return _Part(primitive.get("id", ""), phase, Times(interval=_DEFAULT, **times), watched=False)


def fencing_span(name: str, timeout: timedelta, history: History) -> Span:
    """Return how long fencing a node takes: two talks with the device, to switch off and on.

    The CIB does not tell how long fencing took; the device's monitor is the same login.

    Args:
        name: The device's ID.
        timeout: How long it may take.
        history: What the live cluster has measured.
    """
    limit = timeout.total_seconds()
    talk = history.seconds.get((name, "monitor"), history.seconds.get((name, "start")))
    return (
        Span(None, limit, "limit") if talk is None else Span(2 * talk + _AGREE, limit, "estimated")
    )


def seconds_when_fenced(
    parts: Sequence[str], devices: Iterable[str], history: History, *, is_dc: bool
) -> float | None:
    """Return for how long a service's clients wait if its node is fenced while it serves.

    Nothing has to be detected, and no description is needed; what was measured is.

    Args:
        parts: The IDs of its parts, which start one after another.
        devices: The IDs of the fencing devices; the slowest counts.
        history: What the live cluster has measured.
        is_dc: Whether the node is the DC.

    Returns:
        The time in seconds; None if something of it was never measured.
    """
    talks = (history.seconds.get((device, "monitor")) for device in devices)
    fencing = max((2 * talk + _AGREE for talk in talks if talk is not None), default=None)
    starts = [history.seconds.get((part, "start")) for part in parts]
    known = [each for each in starts if each is not None]
    if fencing is None or len(known) < len(starts):
        return None
    return fencing + (_ELECT if is_dc else 0.0) + _DECIDE + _AFTER_CRASH * sum(known)


def delay_span(name: str, description: Description, history: History) -> Span:
    """Return by how long fencing a service's node is delayed, so that of two nodes it would win.

    Args:
        name: The service's name.
        description: The cluster.
        history: What the live cluster has measured: where which service runs.
    """
    delay = fencing_delay(description).total_seconds()
    if not delay or len(description.nodes) != _TWO:
        return _NOTHING
    services = description.services
    # With a property of his own, an administrator has priorities of his own, or none.
    own = "priority-fencing-delay" in description.properties
    default = 0 if own or any(each.priority is not None for each in services.values()) else 1
    serving = dict.fromkeys(description.nodes, 0)
    where = ""
    for other, service in services.items():
        for kind, part in service.parts():
            node = history.running_on.get(part.resource_id(other, kind), "")
            where = node if other == name and node else where
            if node in serving:
                serving[node] += default if service.priority is None else service.priority
    here = serving.pop(where, 0)
    most = max(serving.values())
    # With equal sums Takeover's tie breaker decides. Where the service does not run yet, its node
    # will serve at least it.
    delayed = here > most or not where or (here == most and not own)
    return Span(delay if delayed else 0.0, delay, "estimated")


def _span(took: float | None, limit: timedelta, source: Source) -> Span:
    if took is None:
        return Span(None, limit.total_seconds(), "limit")
    return Span(took + _STEP, max(limit.total_seconds(), took) + _STEP, source)


def _add(phases: dict[Phase, Span], more: dict[Phase, Span]) -> dict[Phase, Span]:
    """Return phases with times added to them; what takes no time is left out."""
    return phases | {
        phase: phases[phase] + span if phase in phases else span for phase, span in more.items()
    }
