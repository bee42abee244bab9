"""What does not fit together in what a description says of the cluster as a whole."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import timedelta

from cib_templates.cib import ids
from cib_templates.cib.durations import in_words
from cib_templates.cib.secrets import is_secret
from cib_templates.findings import Contradiction
from cib_templates.model.description import Description
from cib_templates.rendering.properties import KNOWN, REFUSED

# The least that Corosync takes (corosync.conf(5), "consensus").
_CONSENSUS = 1.2
_TWO = 2


def cluster_contradictions(description: Description, *, complete: bool) -> Iterator[Contradiction]:
    """Find what does not fit together in timing, properties, fencing levels, SBD and quorum.

    Args:
        description: What could be read of the description.
        complete: Whether all its fencing devices could be read.
    """
    yield from _timing(description)
    yield from _properties(description)
    if complete:
        yield from _levels(description)
    yield from _attributes(description)
    yield from _sbd(description)


def _timing(description: Description) -> Iterator[Contradiction]:
    cluster = description.cluster
    if cluster.consensus is not None and cluster.consensus < _CONSENSUS * cluster.token:
        least = in_words(_CONSENSUS * cluster.token)
        yield Contradiction(
            ("cluster", "consensus"),
            f"must be at least 1.2 times token: Corosync does not start with less than {least}",
            f'consensus = "{least}", or leave it out',
        )
    if cluster.join is not None and cluster.join >= cluster.token:
        yield Contradiction(
            ("cluster", "join"), "must be shorter than token", 'such as "50ms", or leave it out'
        )


def _properties(description: Description) -> Iterator[Contradiction]:
    for name in description.properties:
        path = ("properties", name)
        if name in REFUSED:
            yield Contradiction(path, "cannot be set", REFUSED[name])
        elif is_secret(name):
            yield Contradiction(path, "a secret must not be in the description", "leave it out")
        elif name not in KNOWN:
            close = difflib.get_close_matches(name, KNOWN, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see pcs property describe"
            yield Contradiction(path, "is not a known cluster property", hint)


def _levels(description: Description) -> Iterator[Contradiction]:
    for name, node in description.nodes.items():
        seen: dict[str, int] = {}
        for index, devices in enumerate(node.fencing_levels):
            for place, device in enumerate(devices):
                path = ("nodes", name, "fencing_levels", index, place)
                if device not in description.fencing:
                    known = ", ".join(description.fencing) or "none"
                    yield Contradiction(
                        path, f"there is no fencing device {device!r}", f"[fencing] has {known}"
                    )
                elif name not in description.fenced_by(device):
                    yield Contradiction(
                        path, f"{device!r} cannot fence {name}", f"add it to fencing.{device}"
                    )
                elif seen.setdefault(device, index) != index or devices.index(device) != place:
                    yield Contradiction(path, f"{device!r} is named twice", "name it once")


def _attributes(description: Description) -> Iterator[Contradiction]:
    for name, node in description.nodes.items():
        for attribute in node.attributes:
            path = ("nodes", name, "attributes", attribute)
            if attribute in ("standby", "maintenance"):
                yield Contradiction(
                    path, "has a key of its own", f"use nodes.{name}.{attribute} instead"
                )
            elif attribute == ids.SETS:
                yield Contradiction(path, "is Takeover's own", "choose another name")
            elif is_secret(attribute):
                yield Contradiction(path, "a secret must not be in the description", "leave it out")


def _sbd(description: Description) -> Iterator[Contradiction]:
    sbd = description.sbd
    if sbd is None:
        return
    if sbd.message_timeout is not None and sbd.message_timeout < _TWO * sbd.watchdog_timeout:
        least = in_words(_TWO * sbd.watchdog_timeout)
        yield Contradiction(
            ("sbd", "message_timeout"),
            "must be at least twice watchdog_timeout: a node would be taken for off while it runs",
            f'message_timeout = "{least}", or leave it out',
        )
    if not sbd.devices and sbd.message_timeout is not None:
        yield Contradiction(
            ("sbd", "message_timeout"), "belongs to a disk, but there is none", "leave it out"
        )
    alone = len(description.nodes) == _TWO and description.quorum is None
    if not sbd.devices and alone:
        yield Contradiction(
            ("sbd",),
            "two nodes with a watchdog alone would both end themselves when they lose each other",
            "add devices, a third node, or [quorum.device]",
        )
    # A node's token must be gone before its watchdog is: else it ends before it is missed.
    if not sbd.devices and sbd.watchdog_timeout <= description.cluster.token:
        least = in_words(description.cluster.token + timedelta(seconds=1))
        yield Contradiction(
            ("sbd", "watchdog_timeout"),
            "must be longer than cluster.token: a short pause of the network would end every node",
            f'such as "{least}"',
        )
