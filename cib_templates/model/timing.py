"""The times that follow from a description: of a part's actions, of Corosync, of SBD."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from cib_templates.model.description import Description
from cib_templates.model.services import App, Kind, Part

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Times:
    """How often a resource is looked at, and how long its actions may take.

    Attributes:
        interval: From one monitor to the next.
        monitor: A monitor's timeout.
        start: The start's timeout.
        stop: The stop's timeout; when it is over, the node is fenced.
    """

    interval: timedelta
    monitor: timedelta
    start: timedelta
    stop: timedelta


# An application is looked at most often, being what fails most often, and has the longest
# timeouts: a database that recovers its journal is not broken. An address takes milliseconds to
# add, but may have to wait for IPv6's duplicate address detection. A filesystem replays its
# journal at a start and writes back at a stop.
_TIMES = {
    "filesystem": Times(10 * _SECOND, 40 * _SECOND, 60 * _SECOND, 60 * _SECOND),
    "app": Times(5 * _SECOND, 30 * _SECOND, 120 * _SECOND, 120 * _SECOND),
    "address": Times(10 * _SECOND, 20 * _SECOND, 20 * _SECOND, 20 * _SECOND),
}
# From the KILL of an application that did not stop in stop_timeout to the end of its cgroup.
_AFTER_KILL = 30 * _SECOND


def times_of(kind: Kind, part: Part) -> Times:
    """Return a part's times: what the description says, or else its kind's."""
    default = _TIMES[kind]
    stop = default.stop
    if isinstance(part, App) and part.stop_timeout is not None:
        stop = max(stop, part.stop_timeout + _AFTER_KILL)
    return Times(
        interval=part.monitor or default.interval,
        monitor=part.monitor_timeout or default.monitor,
        start=part.timeout or default.start,
        stop=part.timeout or stop,
    )


@dataclass(frozen=True)
class Corosync:
    """Corosync's times, in seconds.

    Attributes:
        token: After how long without its token a node is taken for lost; with more than two
            nodes longer than what was configured (corosync.conf(5), "token_coefficient").
        consensus: How long the others then wait to agree (corosync.conf(5), "consensus").
    """

    token: float
    consensus: float


def corosync_times(
    token: timedelta,
    nodes: int,
    coefficient: timedelta = timedelta(milliseconds=650),
    consensus: timedelta | None = None,
) -> Corosync:
    """Return the times that Corosync makes of its configuration.

    Args:
        token: As configured.
        nodes: How many there are.
        coefficient: `token_coefficient`; Corosync's default is 650 ms.
        consensus: As configured; Corosync's default is 1.2 times the token that is in effect.
    """
    effective = (token + coefficient * max(nodes - 2, 0)).total_seconds()
    return Corosync(effective, 1.2 * effective if consensus is None else consensus.total_seconds())


def described_corosync(description: Description) -> Corosync:
    """Return the times that Corosync makes of a description."""
    cluster = description.cluster
    given = {"coefficient": cluster.token_coefficient, "consensus": cluster.consensus}
    times = {name: time for name, time in given.items() if time is not None}
    return corosync_times(cluster.token, len(description.nodes), **times)


def boot_delay(description: Description) -> timedelta:
    """Return how long a node's SBD waits before Pacemaker starts: 0 without SBD.

    A node that boots faster than the others take it for off joins them before, and its Pacemaker
    ends, for good, when they tell it that it was fenced. sbd(8)'s "SBD_DELAY_START" is against
    that; its sum is of Corosync's token and consensus, and of the time after which a message on
    the disk, or a watchdog (stonith-watchdog-timeout), has done its work.
    """
    sbd = description.sbd
    if sbd is None:
        return timedelta()
    corosync = described_corosync(description)
    known_dead = corosync.token + corosync.consensus + sbd.dead_after.total_seconds()
    return timedelta(seconds=math.ceil(known_dead))
