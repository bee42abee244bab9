"""Cluster properties: those that Takeover needs, and those that the description sets."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cib_templates.cib import ids
from cib_templates.cib.durations import seconds
from cib_templates.model.description import Description
from cib_templates.model.timing import fencing_delay, fencing_timeout

PROPERTIES = {
    # Without fencing, a node that merely cannot be heard still writes to the shared disk.
    "stonith-enabled": "true",
    # The side without quorum stops its services by itself, before the other side's fencing
    # reaches it, and starts them again when it is back. `freeze` is for filesystems that are
    # mounted on all nodes, and `suicide` throws away a node that may soon be needed.
    "no-quorum-policy": "stop",
}

# What a description may set: the properties of Pacemaker 2.1 and 3.0 ("Cluster Options").
KNOWN = frozenset(
    """
    batch-limit cluster-delay cluster-ipc-limit cluster-recheck-interval concurrent-fencing
    dc-deadtime election-timeout enable-acl enable-startup-probes fence-reaction
    join-finalization-timeout join-integration-timeout load-threshold maintenance-mode
    migration-limit node-action-limit node-health-base node-health-green node-health-red
    node-health-strategy node-health-yellow node-pending-timeout pe-error-series-max
    pe-input-series-max pe-warn-series-max placement-strategy priority-fencing-delay
    shutdown-escalation shutdown-lock shutdown-lock-limit start-failure-is-fatal stonith-action
    stonith-max-attempts stonith-timeout stop-all-resources stop-orphan-actions
    stop-orphan-resources transition-delay
    """.split()
)
# Newer versions of Pacemaker have these names for some of them; they know the old ones, too, but of
# two that are set they look at the new one only.
RENAMED = {
    "fencing-enabled": "stonith-enabled",
    "fencing-action": "stonith-action",
    "fencing-reaction": "fence-reaction",
    "fencing-timeout": "stonith-timeout",
    "fencing-watchdog-timeout": "stonith-watchdog-timeout",
    "fencing-max-attempts": "stonith-max-attempts",
    "stop-removed-resources": "stop-orphan-resources",
    "cancel-removed-actions": "stop-orphan-actions",
}
# What it may not, and why.
_REFUSED = {
    "stonith-enabled": "fencing is always on",
    "no-quorum-policy": "a side without quorum always stops its services",
    "startup-fencing": "a node that was never seen may be writing to the disks",
    "symmetric-cluster": "use the services' nodes and never_on",
    "stonith-watchdog-timeout": "use [sbd]",
    "have-watchdog": "Pacemaker sets it by itself",
    "cluster-name": "use cluster.name",
    "cluster-infrastructure": "Pacemaker sets it by itself",
    "dc-version": "Pacemaker sets it by itself",
    "last-lrm-refresh": "Pacemaker sets it by itself",
}
REFUSED = _REFUSED | {new: _REFUSED[old] for new, old in RENAMED.items() if old in _REFUSED}

# Pacemaker's own ("cluster-ipc-limit"): how many messages may wait for one of its processes. It
# wants as many as there are resources on all nodes: each of them has a result when nodes start.
_IPC_LIMIT = 500


def properties(description: Description) -> dict[str, str]:
    """Return the cluster properties, with the list of those that are the description's."""
    extra = dict(_derived(description)) | description.properties
    sets = {ids.SETS: " ".join(sorted(extra))} if extra else {}
    return PROPERTIES | extra | sets


def _derived(description: Description) -> Iterator[tuple[str, str]]:
    """Yield the properties that follow from the rest of a description."""
    if uses_utilization(description):
        yield "placement-strategy", "balanced"
    sbd = description.sbd
    if sbd is not None and not sbd.devices:
        # Twice the watchdog's time: by then a node that was lost has ended itself (sbd(8)).
        yield "stonith-watchdog-timeout", seconds(2 * sbd.watchdog_wait(description.quorum))
    if (timeout := fencing_timeout(description)) is not None:
        yield "stonith-timeout", seconds(timeout)
    if delay := fencing_delay(description):
        yield "priority-fencing-delay", seconds(delay)
    if (limit := ipc_limit(description)) > _IPC_LIMIT:
        yield "cluster-ipc-limit", str(limit)


def ipc_limit(description: Description) -> int:
    """Return how many messages Pacemaker should let wait: one for each resource and node.

    It is rounded up to a power of two, so that not every service that comes or goes changes it.
    """
    services = description.services.values()
    resources = sum(len(service.parts()) + (service.mirror is not None) for service in services)
    wanted = (resources + len(description.fencing)) * len(description.nodes)
    return int(2 ** math.ceil(math.log2(max(wanted, 1)))) if wanted > _IPC_LIMIT else _IPC_LIMIT


def uses_utilization(description: Description) -> bool:
    """Return whether a description has any utilization, of a node, a service or a part."""
    return any(node.utilization for node in description.nodes.values()) or any(
        service.utilization or any(part.utilization for _, part in service.parts())
        for service in description.services.values()
    )
