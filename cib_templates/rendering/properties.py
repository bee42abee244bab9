"""Cluster properties: those that Takeover needs, and those that the description sets."""

from __future__ import annotations

from datetime import timedelta

from cib_templates.cib import ids
from cib_templates.model.description import Description

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
# What it may not, and why.
REFUSED = {
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


def properties(description: Description) -> dict[str, str]:
    """Return the cluster properties, with the list of those that are the description's."""
    extra = dict(description.properties)
    if uses_utilization(description):
        extra.setdefault("placement-strategy", "balanced")
    if description.sbd is not None and not description.sbd.devices:
        # Twice the watchdog's time: by then a node that was lost has ended itself (sbd(8)).
        wait = 2 * description.sbd.watchdog_timeout // timedelta(seconds=1)
        extra["stonith-watchdog-timeout"] = f"{wait}s"
    sets = {ids.SETS: " ".join(sorted(extra))} if extra else {}
    return PROPERTIES | extra | sets


def uses_utilization(description: Description) -> bool:
    """Return whether a description has any utilization, of a node, a service or a part."""
    return any(node.utilization for node in description.nodes.values()) or any(
        service.utilization or any(part.utilization for _, part in service.parts())
        for service in description.services.values()
    )
