"""How long a cluster's actions really took: the operation history in its CIB's status section.

Pacemaker keeps the last start, stop or probe of a resource on each node, and its monitors, with
`exec-time` in milliseconds (Pacemaker Explained, "Operation History").
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from cib_templates.cib.numbers import whole_number

# rc-code of an action that did what it should (OCF_SUCCESS).
_SUCCESS = "0"
_NO_INTERVAL = "0"


@dataclass(frozen=True)
class History:
    """What the status section of a CIB has of past actions.

    Attributes:
        seconds: For a resource's ID and an action (`start`, `stop` or `monitor`), how long the
            latest one took that succeeded.
        running_on: For a resource's ID, the node on which it was last started or seen to run.
        dc: The node that decides; None if nothing says which.
    """

    seconds: dict[tuple[str, str], float]
    running_on: dict[str, str]
    dc: str | None


def read_history(cib: etree._Element) -> History:
    """Return what the status section of a CIB has of past actions.

    Args:
        cib: A whole live CIB.
    """
    latest: dict[tuple[str, str], tuple[int, float]] = {}
    active: dict[str, tuple[int, str]] = {}
    dc = None
    for state in cib.iterfind("status/node_state"):
        node = state.get("uname", "")
        if state.get("id") == cib.get("dc-uuid"):
            dc = node
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource"):
            name = resource.get("id", "")
            for operation in resource.iterfind("lrm_rsc_op"):
                action, interval = operation.get("operation", ""), operation.get("interval")
                if operation.get("rc-code") != _SUCCESS:
                    continue
                at = whole_number(operation.get("last-rc-change")) or 0
                if action == "start" and at >= active.get(name, (0, ""))[0]:
                    active[name] = at, node
                if action in ("start", "stop") or interval != _NO_INTERVAL:
                    took = (whole_number(operation.get("exec-time")) or 0) / 1000
                    key = name, action
                    latest[key] = max(latest.get(key, (0, 0.0)), (at, took))
    return History(
        {key: took for key, (_, took) in latest.items()},
        {name: node for name, (_, node) in active.items()},
        dc,
    )
