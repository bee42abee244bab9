"""Which nodes were fenced, or could not be: who asked, which device did it, how long it took.

Pacemaker's history is the same on every node, but it does not say which device was used nor how
long it took. That is in the journals: of the node that asked, and of the node that ran the agent.
This node's is read; what only another node's has is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pcs_wrapper.fencing.devices import candidates_of
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.fence_log import OUTPUT, Entry, entries
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FencingEvent, read_state, time_of

# What each node's fencing daemon logs (daemons/fenced/fenced_remote.c and fenced_commands.c).
_REQUESTED = re.compile(r"Requesting peer fencing \((?P<action>\S+)\) targeting (?P<target>\S+)")
_RETURNED = re.compile(
    r"Operation '\S+' \[(?P<pid>\d+)\] targeting (?P<target>\S+) using (?P<device>\S+) returned"
)
# Of an attempt, the journal and the history may differ by that in their last moment, in seconds.
_SLACK = 1.0
# Whom the history names as the node that fenced if a human has confirmed it (fenced_history.c).
_HUMAN = "a human"
# Programs of Pacemaker's that ask, and who that is.
_CLIENTS = {
    "pacemaker-controld": "the cluster",
    "crmd": "the cluster",
    "stonith_admin": "an administrator (stonith_admin)",
    "stonith-api": "another program (such as DLM)",
}


@dataclass(frozen=True)
class Attempt:
    """An attempt to fence a node.

    Attributes:
        node: The node.
        action: reboot, off or on.
        result: success, failed or pending, in Pacemaker's words.
        confirmed: Whether nothing was switched, because a human has said that the node is off.
        by: Who asked, in words.
        origin: The node on which was asked; may be empty.
        delegate: The node that ran the fence agent; empty if that is not known.
        devices: The IDs of the devices that were used, or could have been.
        is_certain: Whether they were used.
        seconds: How long it took; None if this node's journal does not tell.
        reason: Why it failed; empty if it did not.
        at: When it ended, as Pacemaker writes it; empty if it has not ended.
        ended: The same in seconds since 1970; None if that is not known.
    """

    node: str
    action: str
    result: str
    confirmed: bool
    by: str
    origin: str
    delegate: str
    devices: tuple[str, ...]
    is_certain: bool
    seconds: float | None
    reason: str
    at: str
    ended: float | None


def read_attempts(
    machine: Machine, state: ClusterState, candidates: Mapping[str, Collection[str]]
) -> tuple[Attempt, ...]:
    """Return all attempts that the cluster remembers, the newest first.

    Args:
        machine: This machine.
        state: The state of the cluster.
        candidates: For each node, the IDs of the devices that could fence it.
    """
    journal = entries(machine.runner) if state.fencing_history else []
    found = [
        _attempt(event, _time_before(event, state.fencing_history), journal, candidates)
        for event in state.fencing_history
    ]
    # What has not ended is the newest.
    return tuple(sorted(found, key=lambda each: -(each.ended or float("inf"))))


def read_history(machine: Machine, since: datetime | None = None) -> tuple[Attempt, ...]:
    """Return the attempts that the cluster remembers, the newest first.

    Args:
        machine: This machine.
        since: Only those that have ended since then, or have not ended; None for all.

    Raises:
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A tool of Pacemaker's is missing or fails.
    """
    state, live = read_state(machine), cib.query(machine)
    names = [node.name for node in state.nodes]
    found = read_attempts(machine, state, candidates_of(live, names))
    begin = 0.0 if since is None else since.timestamp()
    return tuple(each for each in found if each.ended is None or each.ended >= begin)


def _time_before(event: FencingEvent, history: Sequence[FencingEvent]) -> float:
    """Return when the attempt before this one on the same node ended; 0 if there was none."""
    ended = time_of(event.at) or float("inf")
    others = (time_of(each.at) for each in history if each.target == event.target)
    return max((other for other in others if other is not None and other < ended), default=0.0)


def _attempt(
    event: FencingEvent,
    after: float,
    journal: Sequence[Entry],
    candidates: Mapping[str, Collection[str]],
) -> Attempt:
    ended = time_of(event.at)
    latest = float("inf") if ended is None else ended + _SLACK
    of_it = [entry for entry in journal if after < entry.at <= latest]
    used = tuple(dict.fromkeys(_devices(event.target, of_it)))
    possible = used or tuple(candidates.get(event.target, ()))
    confirmed = event.delegate == _HUMAN
    failed = event.status == "failed"
    return Attempt(
        node=event.target,
        action=event.action,
        result=event.status,
        confirmed=confirmed,
        by=_who(event.client),
        origin=event.origin,
        delegate="" if confirmed else event.delegate,
        devices=() if confirmed else possible,
        is_certain=bool(used) or len(possible) == 1,
        seconds=_seconds(event, ended, of_it),
        reason=_reason(event, of_it) if failed else "",
        at=event.at,
        ended=ended,
    )


def _who(client: str) -> str:
    """Return in words who asked, from a client such as `pacemaker-controld.552`."""
    name = client.rpartition(".")[0] or client
    return _CLIENTS.get(name, name or "nobody knows who")


def _devices(node: str, journal: Sequence[Entry]) -> Iterator[str]:
    for entry in journal:
        if (found := _RETURNED.search(entry.message)) and found["target"] == node:
            yield found["device"]


def _seconds(event: FencingEvent, ended: float | None, journal: Sequence[Entry]) -> float | None:
    if ended is None:
        return None
    begun = [
        entry.at
        for entry in journal
        if entry.at <= ended  # otherwise it is the next attempt's
        and (found := _REQUESTED.search(entry.message))
        and found["target"] == event.target
    ]
    return ended - begun[-1] if begun else None


def _reason(event: FencingEvent, journal: Sequence[Entry]) -> str:
    """Return why an attempt failed: in Pacemaker's words, in the agent's, or where they are."""
    printed: dict[str, str] = {}
    last = ""
    for entry in journal:
        if output := OUTPUT.search(entry.message):
            printed[output["pid"]] = output["text"]
        elif (found := _RETURNED.search(entry.message)) and found["target"] == event.target:
            last = printed.get(found["pid"], last)
    return last or event.reason or diagnosis.where_the_reason_is(event)
