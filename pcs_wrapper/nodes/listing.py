"""`takeover node list`: how each node is, and why.

It is read on this node alone, from Pacemaker's state and its CIB: no other node is asked, so that
a node that hangs, or its pcsd, delays nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lxml import etree

from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.explanation import explain
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes.verification import runs_on, unusable
from pcs_wrapper.pacemaker import cib, pauses
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Node, read_state
from pcs_wrapper.pacemaker.pauses import Pause, constraint_ids, pause_of

State = Literal["online", "paused", "offline", "unclean", "maintenance", "pending"]


@dataclass(frozen=True)
class Listed:
    """A node and how it is.

    Attributes:
        name: The node's name.
        state: The state in a word.
        why: Why it is not simply online; empty if it is.
        is_remote: Whether it is a remote or guest node, which does not vote.
        is_dc: Whether it decides (DC).
        services: The IDs of the services that run on it, or run there in part.
        pause: Its pause; None if it has none.
    """

    name: str
    state: State
    why: str
    is_remote: bool
    is_dc: bool
    services: tuple[str, ...]
    pause: Pause | None


def read_nodes(machine: Machine) -> tuple[Listed, ...]:
    """Return how each node of the cluster is.

    Args:
        machine: This machine.

    Raises:
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A Pacemaker tool is missing, fails, or hangs.
    """
    state = explain(machine, read_state(machine))
    live = cib.query(machine)
    changes = [
        each
        for each in Checkpoints.of(machine, live).all()
        if each.in_effect and each.command in ("node pause", "node resume", "upgrade")
    ]
    now = machine.now()
    return tuple(_listed(node, state, live, changes, now) for node in state.nodes)


def _listed(
    node: Node,
    state: ClusterState,
    live: etree._Element,
    changes: list[Checkpoint],
    now: datetime,
) -> Listed:
    pause = pause_of(live, node.name, now)
    runs = tuple(runs_on(state, node.name)) if node.online else ()
    word, why = _state(node, state, pause)
    if word == "maintenance" and pauses.has_transient(live, node.name, "maintenance"):
        why = f"{why}; it ends, too, when its cluster is restarted there"
    if word == "paused":
        why = f"{why}{_by(node, changes)}{_draining(pause, runs)}"
    elif pause is not None and why:
        why = f"{why}; it is paused, too: {_pause_text(node, pause)}"
    return Listed(
        name=node.name,
        state=word,
        why=why,
        is_remote=node.remote,
        is_dc=state.dc == node.name,
        services=runs,
        pause=pause,
    )


def _state(node: Node, state: ClusterState, pause: Pause | None) -> tuple[State, str]:
    """Return a node's state in a word, and why it is not simply online."""
    return _absence(node, state) or _restriction(node, state, pause) or ("online", "")


def _absence(node: Node, state: ClusterState) -> tuple[State, str] | None:
    """Return why a node is no member that can be relied on; None if it is one."""
    if node.unclean:
        failure = diagnosis.fencing_failure(node.name, state)
        return "unclean", (f"it must be fenced, but {failure}" if failure else _lost(node))
    if node.pending:
        return "pending", "it is joining the cluster"
    if not node.online:
        return "offline", f"{_gone(node, state)}; to start it: takeover cluster start {node.name}"
    if node.shutdown:
        return "online", "it is shutting down, and what it runs leaves it"
    return None


def _restriction(node: Node, state: ClusterState, pause: Pause | None) -> tuple[State, str] | None:
    """Return why a member does not run everything; None if it does."""
    if state.maintenance:
        return "maintenance", (
            "the whole cluster is in maintenance mode; to end that: pcs property set "
            "maintenance-mode=false"
        )
    if node.maintenance:
        return "maintenance", (
            "Pacemaker leaves alone what it runs, and recovers nothing; to end that: pcs node "
            f"unmaintenance {node.name}"
        )
    if node.standby and (pause is None or pause.keeps):
        return "paused", unusable(node)
    if pause is not None:
        return "paused", _pause_text(node, pause)
    return ("online", unusable(node)) if node.sick else None


def _lost(node: Node) -> str:
    if node.online:
        return "it must be fenced, because a stop has failed on it, and has not been yet"
    return "the cluster has lost it: it must be fenced, and has not been yet"


def _gone(node: Node, state: ClusterState) -> str:
    """Return why a node is off, as far as the cluster knows it."""
    fenced = next(
        (
            event
            for event in state.fencing_history
            if event.target == node.name and event.status == "success" and event.action != "on"
        ),
        None,
    )
    at = f" (it was fenced last at {fenced.at})" if fenced is not None and fenced.at else ""
    return f"its cluster was stopped, or has not been started since it was off{at}"


def _pause_text(node: Node, pause: Pause) -> str:
    what = "it keeps what it runs, and takes nothing new" if pause.keeps else "it runs nothing"
    if pause.until is not None:
        name = constraint_ids(node.name)[int(pause.keeps)]
        until = pause.until.isoformat(timespec="seconds")
        return f"{what} until {until} (constraint {name})"
    if not pause.is_configured:
        return f"{what} until its cluster is restarted there"
    return f"{what} until takeover node resume {node.name}"


def _by(node: Node, changes: list[Checkpoint]) -> str:
    """Return who has paused a node, and why, if Takeover has done it."""
    found = next((each for each in changes if node.name in each.note.split("; ")), None)
    if found is None or found.command != "node pause":
        return ""
    reason = f": {found.message}" if found.message else ""
    return f"; paused by {found.user} on {found.node}, {found.at}{reason}"


def _draining(pause: Pause | None, runs: tuple[str, ...]) -> str:
    if not runs or (pause is not None and pause.keeps):
        return ""
    return f"; {', '.join(runs)} still runs there"
