"""What does not fit together in the cluster as a whole: its timing, properties and SBD."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from datetime import timedelta

from cib_templates.cib.durations import in_words, pacemaker_time
from cib_templates.cib.secrecy.secrets import is_secret
from cib_templates.findings import Finding, error
from cib_templates.model.cluster import Cluster
from cib_templates.model.description import Description, message_limit
from cib_templates.model.timing import fencing_timeout
from cib_templates.rendering.properties import KNOWN, REFUSED, RENAMED

# The least that Corosync takes (corosync.conf(5), "consensus").
_CONSENSUS = 1.2
_TWO = 2
# qnetd hears of a node every 0.8 times the device's timeout, at most once a second, and takes it
# for lost when it has heard nothing for 1.5 times that.
_LEAST_DEVICE_TIMEOUT = timedelta(seconds=2)
_SYNC = 1.5

CONSENSUS_TOO_SHORT = error(
    "consensus-too-short",
    "cluster.consensus is below 1.2 times cluster.token, with which Corosync does not start.",
)
JOIN_TOO_LONG = error(
    "join-too-long", "cluster.join is not shorter than cluster.token, in which it has to be over."
)
PROPERTY_REFUSED = error(
    "property-refused",
    "A cluster property is set that only Takeover or Pacemaker sets: safety depends on it.",
)
PROPERTY_UNKNOWN = error("property-unknown", "Pacemaker has no cluster property of that name.")
PROPERTY_NAMED_NEWLY = error(
    "property-named-newly",
    "A cluster property has the name that only newer versions of Pacemaker know.",
)
PROPERTY_SECRET = error(
    "secret-in-property",
    "A cluster property holds a secret, which every node's CIB and every report would show.",
)
SBD_MESSAGE_TOO_SHORT = error(
    "sbd-message-too-short",
    "sbd.message_timeout is shorter than twice the watchdog's time, so that a node would be taken "
    "for off while it still runs.",
)
SBD_MESSAGE_WITHOUT_DISK = error(
    "sbd-message-without-disk", "sbd.message_timeout is set, but SBD has no disk for messages."
)
SBD_TWO_NODES = error(
    "sbd-two-nodes",
    "Two nodes have nothing but watchdogs: when they lose each other, both end themselves.",
)
SBD_WATCHDOG_TOO_SHORT = error(
    "sbd-watchdog-too-short",
    "sbd.watchdog_timeout is not longer than cluster.token, so that a short pause of the network "
    "would end every node.",
)
SBD_WATCHDOG_BELOW_QUORUM_DEVICE = error(
    "sbd-watchdog-below-quorum-device",
    "sbd.watchdog_timeout is not 5 s longer than quorum.device.sync_timeout, so that nodes would "
    "end themselves while they wait for the quorum device's vote.",
)
SBD_FENCING_TOO_SHORT = error(
    "sbd-fencing-too-short",
    "The timeout of a device that fences by SBD is not 1.2 times sbd.message_timeout, so that "
    "fencing would be given up before it is done.",
)
SBD_STONITH_TIMEOUT_TOO_SHORT = error(
    "sbd-stonith-timeout-too-short",
    "The property stonith-timeout is shorter than SBD's message or watchdog needs.",
)
QUORUM_DEVICE_IS_NODE = error(
    "quorum-device-is-node",
    "quorum.device.host is a node of the cluster: with that node, its vote is lost, too.",
)
QUORUM_DEVICE_SYNC_TOO_SHORT = error(
    "quorum-device-sync-too-short",
    "quorum.device.sync_timeout is not 1.5 times quorum.device.timeout, so that the cluster stops "
    "waiting for the vote before the host can know that a node is lost.",
)
QUORUM_DEVICE_TOO_SHORT = error(
    "quorum-device-timeout-too-short",
    "quorum.device.timeout is below 2 s, of which corosync-qnetd takes no heartbeat.",
)


def check_cluster(description: Description) -> Iterator[Finding]:
    """Find what does not fit together in timing, properties and SBD.

    Args:
        description: What could be read of the description.
    """
    yield from _timing(description.cluster)
    yield from _properties(description)
    yield from _sbd(description)
    yield from _sbd_fencing(description)
    yield from _quorum_device(description)


def _timing(cluster: Cluster) -> Iterator[Finding]:
    if cluster.consensus is not None and cluster.consensus < _CONSENSUS * cluster.token:
        least = in_words(_CONSENSUS * cluster.token)
        yield CONSENSUS_TOO_SHORT.at(
            ("cluster", "consensus"),
            f"must be at least 1.2 times token: Corosync does not start with less than {least}",
            f'consensus = "{least}", or leave it out',
        )
    if cluster.join is not None and cluster.join >= cluster.token:
        yield JOIN_TOO_LONG.at(
            ("cluster", "join"), "must be shorter than token", 'such as "50ms", or leave it out'
        )


def _properties(description: Description) -> Iterator[Finding]:
    for name, value in description.properties.items():
        path = ("properties", name)
        if name in REFUSED:
            yield PROPERTY_REFUSED.at(path, "cannot be set", REFUSED[name])
        elif is_secret(name, value):
            yield PROPERTY_SECRET.at(
                path, "a secret must not be in the description", "leave it out"
            )
        elif name in RENAMED:
            yield PROPERTY_NAMED_NEWLY.at(
                path,
                "is a name that only newer versions of Pacemaker know",
                f"{RENAMED[name]}, which all of them know",
            )
        elif name not in KNOWN:
            close = difflib.get_close_matches(name, KNOWN, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see pcs property describe"
            yield PROPERTY_UNKNOWN.at(path, "is not a known cluster property", hint)


def _sbd(description: Description) -> Iterator[Finding]:
    sbd = description.sbd
    if sbd is None:
        return
    watchdog = sbd.watchdog_wait(description.quorum)
    if sbd.message_timeout is not None and sbd.message_timeout < _TWO * watchdog:
        least = in_words(_TWO * watchdog)
        yield SBD_MESSAGE_TOO_SHORT.at(
            ("sbd", "message_timeout"),
            "must be at least twice watchdog_timeout: a node would be taken for off while it runs",
            f'message_timeout = "{least}", or leave it out',
        )
    if not sbd.devices and sbd.message_timeout is not None:
        yield SBD_MESSAGE_WITHOUT_DISK.at(
            ("sbd", "message_timeout"), "belongs to a disk, but there is none", "leave it out"
        )
    alone = len(description.nodes) == _TWO and description.quorum is None
    if not sbd.devices and alone:
        yield SBD_TWO_NODES.at(
            ("sbd",),
            "two nodes with a watchdog alone would both end themselves when they lose each other",
            "add devices, a third node, or [quorum.device]",
        )
    # A node's token must be gone before its watchdog is: else it ends before it is missed.
    if not sbd.devices and watchdog <= description.cluster.token:
        least = in_words(description.cluster.token + timedelta(seconds=1))
        yield SBD_WATCHDOG_TOO_SHORT.at(
            ("sbd", "watchdog_timeout"),
            "must be longer than cluster.token: a short pause of the network would end every node",
            f'such as "{least}"',
        )
    elif watchdog < sbd.least_watchdog(description.quorum):
        least = in_words(sbd.least_watchdog(description.quorum))
        yield SBD_WATCHDOG_BELOW_QUORUM_DEVICE.at(
            ("sbd", "watchdog_timeout"),
            "must be 5 s longer than quorum.device.sync_timeout: without a disk, nodes would end "
            "themselves while they wait for the quorum device's vote",
            f'at least "{least}", or leave it out',
        )


def _sbd_fencing(description: Description) -> Iterator[Finding]:
    sbd = description.sbd
    if sbd is None:
        return
    dead_after = sbd.dead_after(description.quorum)
    least = message_limit(dead_after)
    for name, device in description.fencing.items():
        if device.writes_to_sbd and device.timeout < least:
            yield SBD_FENCING_TOO_SHORT.at(
                ("fencing", name, "timeout"),
                f"must be at least 1.2 times SBD's message_timeout ({in_words(dead_after)}): "
                "fencing would be given up before the message has done its work",
                f'timeout = "{in_words(least)}", or leave it out',
            )
    given = pacemaker_time(description.properties.get("stonith-timeout", ""))
    needed = fencing_timeout(description)
    if given is not None and needed is not None and given < needed:
        yield SBD_STONITH_TIMEOUT_TOO_SHORT.at(
            ("properties", "stonith-timeout"),
            f"is shorter than SBD needs: {in_words(dead_after)} for its work, a fifth more, and "
            "Corosync's token and consensus",
            f'at least "{in_words(needed)}", or leave it out',
        )


def _quorum_device(description: Description) -> Iterator[Finding]:
    if description.quorum is None:
        return
    device = description.quorum.device
    addresses = [str(link) for node in description.nodes.values() for link in node.links]
    if device.host in (*description.nodes, *addresses):
        yield QUORUM_DEVICE_IS_NODE.at(
            ("quorum", "device", "host"),
            "is a node of the cluster: its vote would be lost together with the node's own",
            "a host elsewhere, which needs no disk and hardly any memory",
        )
    if device.timeout < _LEAST_DEVICE_TIMEOUT:
        yield QUORUM_DEVICE_TOO_SHORT.at(
            ("quorum", "device", "timeout"),
            "is too short: corosync-qnetd wants to hear of a node at most once a second",
            f'at least "{in_words(_LEAST_DEVICE_TIMEOUT)}"',
        )
    elif device.sync_timeout < _SYNC * device.timeout:
        least = timedelta(seconds=math.ceil(_SYNC * device.timeout.total_seconds()))
        yield QUORUM_DEVICE_SYNC_TOO_SHORT.at(
            ("quorum", "device", "sync_timeout"),
            "must be at least 1.5 times quorum.device.timeout: the host knows only after 1.2 times "
            "timeout that a node is lost, and gives its vote then",
            f'at least "{in_words(least)}"',
        )
