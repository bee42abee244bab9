"""SBD's one time that follows from all others: how long a node waits after its boot."""

from __future__ import annotations

import math
from datetime import timedelta

from cib_templates.description import Description
from cib_templates.outage import described_corosync


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
