"""Which versions may be in a cluster at the same time, and which nodes are upgraded already.

While nodes have different versions of Pacemaker, the one with the oldest feature set decides, and
the cluster uses no newer one. When the last old node is upgraded or away, the feature set of the
cluster rises, and never goes back: an older node cannot join any more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from cib_templates.findings import Finding, error
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.change.history.upgrade import Package
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.pacemaker.pauses import pause_of

CANNOT_BE_MIXED = error(
    "versions-cannot-be-mixed",
    "The nodes would have versions of Pacemaker or Corosync that cannot be in a cluster together, "
    "so that it cannot be upgraded node by node.",
)

UPGRADE_ELSEWHERE = error(
    "upgrade-elsewhere", "The upgrade of another node is not complete: it is paused until it is."
)

#: How the reason begins with which a node is paused for its upgrade.
REASON = "upgrade: "
#: The command of the entry in the history with which a node's upgrade ends.
COMMAND = "upgrade"
# The oldest version from which a rolling upgrade to a major version of Pacemaker is supported.
_OLDEST = {3: (2, 0, 0)}
_SINCE = "begun"


@dataclass(frozen=True)
class Progress:
    """Which nodes an upgrade has reached, as far as the history of the cluster tells.

    Attributes:
        rolling: What their entries in the history have in common.
        done: The nodes that are upgraded.
        left: Those that are not.
    """

    rolling: str
    done: tuple[str, ...]
    left: tuple[str, ...]


def progress(machine: Machine, live: etree._Element, nodes: Iterable[str], what: str) -> Progress:
    """Return how far the last upgrade of this kind has come.

    Args:
        machine: This machine.
        live: The live CIB.
        nodes: The names of all nodes, in the order in which they should be upgraded.
        what: What is upgraded, in words.
    """
    found: dict[str, list[str]] = {}
    for each in Checkpoints.of(machine, live).all():
        node, _, rolling = each.note.partition("; ")
        rolling = rolling.partition("; ")[0]
        if each.command == COMMAND and each.in_cluster and rolling.startswith(f"{what}, {_SINCE}"):
            found.setdefault(rolling, []).append(node)
    rolling = next(iter(found), "")
    done = tuple(reversed(found.get(rolling, [])))
    return Progress(rolling, done, tuple(node for node in nodes if node not in done))


def rolling_since(what: str, at: str) -> str:
    """Return what the entries of all nodes have in common in an upgrade that begins now."""
    return f"{what}, {_SINCE} {at}"


def elsewhere(machine: Machine, live: etree._Element, node: str) -> Iterator[Finding]:
    """Find the other nodes whose upgrade has begun and is not complete.

    Args:
        machine: This machine.
        live: The live CIB.
        node: The name of this node.
    """
    last: dict[str, Checkpoint] = {}
    for each in Checkpoints.of(machine, live).all():
        if each.in_effect and each.command in ("node pause", "node resume", COMMAND):
            last.setdefault(each.note.partition("; ")[0], each)
    for name, each in last.items():
        is_begun = each.command == "node pause" and each.message.startswith(REASON)
        if name != node and is_begun and pause_of(live, name, machine.now()) is not None:
            yield UPGRADE_ELSEWHERE.at(
                (name,),
                f"the upgrade of {name} that {each.user} began at {each.at} is not complete",
                f"To complete it: takeover upgrade on {name}",
            )


def impossible(node: str, packages: Iterable[Package]) -> Iterator[Finding]:
    """Find what makes an upgrade node by node impossible.

    Args:
        node: The node's name.
        packages: What would be upgraded on it.
    """
    for each in packages:
        old, new = _numbers(each.old), _numbers(each.new)
        if not old or not new or old[0] == new[0]:
            continue
        is_pacemaker = each.name == "pacemaker"
        if is_pacemaker and new[0] in _OLDEST and old >= _OLDEST[new[0]]:
            continue
        if is_pacemaker or each.name == "corosync":
            yield CANNOT_BE_MIXED.at(
                (node,),
                f"{each.text}: nodes with these two versions cannot be in one cluster",
                "Stop the whole cluster, upgrade all nodes with apt, and start it (takeover "
                "cluster stop, takeover cluster start); or upgrade to a version in between first",
            )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a Debian version, without its epoch and revision."""
    upstream = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, upstream[1].split("."))) if upstream else ()


def feature_sets(state: ClusterState) -> dict[str, str]:
    """Return Pacemaker's feature set on each member, as far as it is known."""
    return {node.name: node.feature_set for node in state.nodes if node.online and node.feature_set}


def is_last_old(state: ClusterState, node: str) -> bool:
    """Return whether all other members have a newer feature set than a node."""
    sets = {name: _numbers(text) for name, text in feature_sets(state).items()}
    own = sets.pop(node, ())
    return bool(own and sets) and all(own < other for other in sets.values())
