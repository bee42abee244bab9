"""What does not fit together in the cluster as a whole: its timing, properties and SBD."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import timedelta

from cib_templates.cib.durations import in_words
from cib_templates.cib.secrets import is_secret
from cib_templates.findings import Finding, error
from cib_templates.model.cluster import Cluster
from cib_templates.model.description import Description
from cib_templates.rendering.properties import KNOWN, REFUSED

# The least that Corosync takes (corosync.conf(5), "consensus").
_CONSENSUS = 1.2
_TWO = 2

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


def check_cluster(description: Description) -> Iterator[Finding]:
    """Find what does not fit together in timing, properties and SBD.

    Args:
        description: What could be read of the description.
    """
    yield from _timing(description.cluster)
    yield from _properties(description)
    yield from _sbd(description)


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
        elif name not in KNOWN:
            close = difflib.get_close_matches(name, KNOWN, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see pcs property describe"
            yield PROPERTY_UNKNOWN.at(path, "is not a known cluster property", hint)


def _sbd(description: Description) -> Iterator[Finding]:
    sbd = description.sbd
    if sbd is None:
        return
    if sbd.message_timeout is not None and sbd.message_timeout < _TWO * sbd.watchdog_timeout:
        least = in_words(_TWO * sbd.watchdog_timeout)
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
    if not sbd.devices and sbd.watchdog_timeout <= description.cluster.token:
        least = in_words(description.cluster.token + timedelta(seconds=1))
        yield SBD_WATCHDOG_TOO_SHORT.at(
            ("sbd", "watchdog_timeout"),
            "must be longer than cluster.token: a short pause of the network would end every node",
            f'such as "{least}"',
        )
