"""The times that follow from a description: of a part's actions, of Corosync, of SBD."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta

from cib_templates.cib.durations import pacemaker_time
from cib_templates.model.description import Description, message_limit
from cib_templates.model.services import App, Kind, Part

_SECOND = timedelta(seconds=1)
_TWO = 2


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
# What a power switch needs to end a node, with time to spare: the one of two that serves must have
# fenced the other by then. Each second is one more of the outage when the node that serves is lost.
FENCING_DELAY = 10 * _SECOND
# Pacemaker's own ("stonith-timeout").
_STONITH_TIMEOUT = 60 * _SECOND
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
        device: The quorum device's timeout; 0 without such a device.
    """

    token: float
    consensus: float
    device: float = 0.0

    @property
    def seen(self) -> float:
        """After how long the others agree that a node is lost."""
        return self.token + self.consensus


def corosync_times(
    token: timedelta,
    nodes: int,
    coefficient: timedelta = timedelta(milliseconds=650),
    consensus: timedelta | None = None,
    device: timedelta | None = None,
) -> Corosync:
    """Return the times that Corosync makes of its configuration.

    Args:
        token: As configured.
        nodes: How many there are.
        coefficient: `token_coefficient`; Corosync's default is 650 ms.
        consensus: As configured; Corosync's default is 1.2 times the token that is in effect.
        device: The quorum device's timeout; None if there is no such device.
    """
    effective = (token + coefficient * max(nodes - 2, 0)).total_seconds()
    return Corosync(
        effective,
        1.2 * effective if consensus is None else consensus.total_seconds(),
        0.0 if device is None else device.total_seconds(),
    )


def described_corosync(description: Description) -> Corosync:
    """Return the times that Corosync makes of a description."""
    cluster = description.cluster
    given = {
        "coefficient": cluster.token_coefficient,
        "consensus": cluster.consensus,
        "device": None if description.quorum is None else description.quorum.device.timeout,
    }
    times = {name: time for name, time in given.items() if time is not None}
    return corosync_times(cluster.token, len(description.nodes), **times)


def boot_delay(description: Description) -> timedelta:
    """Return how long a node's SBD waits before Pacemaker starts: 0 without SBD.

    A node that boots faster than the others take it for off joins them before, and its Pacemaker
    ends, for good, when they tell it that it was fenced. sbd(8)'s "SBD_DELAY_START" is against
    that; its sum is of Corosync's token and consensus, of the time by which fencing is delayed,
    and of that after which a message on the disk, or a watchdog (stonith-watchdog-timeout), has
    done its work.
    """
    sbd = description.sbd
    if sbd is None:
        return timedelta()
    delay = fencing_delay(description) + device_delay(description)
    late = delay + sbd.dead_after(description.quorum)
    return timedelta(seconds=math.ceil(described_corosync(description).seen + late.total_seconds()))


def fencing_timeout(description: Description) -> timedelta | None:
    """Return how long fencing may take where no device says it, beside SBD; None without SBD.

    crmsh's rule: a fifth more than a message on the disk, or a watchdog, needs, at least
    Pacemaker's own 60 s, and Corosync's token and consensus.
    """
    sbd = description.sbd
    if sbd is None:
        return None
    least = max(message_limit(sbd.dead_after(description.quorum)), _STONITH_TIMEOUT)
    return timedelta(
        seconds=math.ceil(described_corosync(description).seen + least.total_seconds())
    )


def fencing_delay(description: Description) -> timedelta:
    """Return by how long the one of two nodes that serves is fenced later than the other.

    So it has fenced the other when its own time has come. A device's own delay is added on both
    sides, so that this one is twice as long (Pacemaker Explained, "priority-fencing-delay"). Where
    a quorum device decides, only one of them may fence at all.
    """
    given = description.properties.get("priority-fencing-delay")
    if given is not None:
        return pacemaker_time(given) or timedelta()
    if description.cluster.fencing_delay is not None:
        return description.cluster.fencing_delay
    races = len(description.nodes) == _TWO and description.quorum is None
    return max(FENCING_DELAY, _TWO * device_delay(description)) if races else timedelta()


def device_delay(description: Description) -> timedelta:
    """Return the longest delay that a fencing device has of its own.

    There are fixed ones (pcmk_delay_base), for all nodes or for each, and drawn ones
    (pcmk_delay_max).
    """
    delays = [timedelta()]
    for device in description.fencing.values():
        of_each = re.split(r"[;\s]", device.parameters.get("pcmk_delay_base", ""))
        given = [each.rpartition(":")[2] for each in of_each]
        given.append(device.parameters.get("pcmk_delay_max", ""))
        delays += [time for each in given if (time := pacemaker_time(each)) is not None]
    return max(delays)
