"""Waiting until the cluster has nothing left to do, and printing meanwhile what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from lxml import etree

from pcs_wrapper.errors import ClusterUnreachable, CommandFailed
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Part, read_state

_POLL = 0.3
# The time limit of crm_resource --wait, which sleeps for 2 s before each of its checks.
_IDLE_CHECK = 3
# The number of polls without a change after which crm_resource is asked whether Pacemaker is idle.
_QUIET_POLLS = 2
_BUSY = ("Starting", "Stopping", "Promoting", "Demoting", "Migrating")
# The time that the cluster needs besides the actions: for decisions, and for fencing a node once;
# with many resources, more.
_MARGIN = 90.0
# The time that Pacemaker itself needs for each action, in seconds: it does only a few at a time,
# and writes each result into the CIB. With 200 services on two busy processors it was 0.12 s.
_OVERHEAD = 0.5
# What is done with a primitive in a change, beside a probe on each node: stop, start and monitor.
_ACTIONS = 3
#: How long it must be known that the cluster cannot finish before a wait is given up, in seconds.
PATIENCE = 10.0
# The same, if that was known already when the wait began.
_KNOWN_BEFORE = 2.0
# What is said if nothing shows what is waited for, as while Pacemaker decides, or probes.
_UNKNOWN = "Pacemaker is still at work"
# Pacemaker's own default timeout of an action (Pacemaker Explained, "Operation Properties").
_DEFAULT_TIMEOUT = 20.0
_UNITS = {"ms": 0.001, "msec": 0.001, "": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0}
_UNITS |= {"h": 3600.0, "hr": 3600.0}


@dataclass(frozen=True)
class Outlook:
    """What is known of a wait.

    Attributes:
        waiting_for: What is waited for, in a sentence; empty if that is not known.
        cannot_end: The reason why it does not end before somebody acts; empty if it may.
    """

    waiting_for: str = ""
    cannot_end: str = ""


@dataclass(frozen=True)
class Settled:
    """The result of waiting for the cluster.

    Attributes:
        state: The state of the cluster at the end of the wait.
        done: Whether the cluster had nothing left to do.
        stopped: The reason why the wait was given up; empty if it was not.
        cannot_act: Whether that reason is that the cluster cannot finish before somebody acts.
    """

    state: ClusterState
    done: bool
    stopped: str = ""
    cannot_act: bool = False


def timeout_of(*cibs: etree._Element, only: Collection[str] | None = None) -> int:
    """Return the longest time for which the cluster may be busy after a change, in seconds.

    Services stop and start side by side, but the parts of a service one after another. What
    Pacemaker itself needs grows with the number of resources, and with that of the nodes, because
    it probes each resource on each node.

    Args:
        cibs: The CIBs before and after the change.
        only: The IDs of the services that are waited for; None for all.
    """
    longest = most = 0.0
    for each in cibs:
        services = [
            list(resource.iter("primitive"))
            for resource in each.iterfind("configuration/resources/*")
            if resource.get("class") != "stonith" and (only is None or resource.get("id") in only)
        ]
        actions = len(each.findall("configuration/nodes/node")) + _ACTIONS
        most = max(most, _OVERHEAD * actions * sum(map(len, services)))
        times = (
            sum(limit_of(part, name) for part in parts for name in ("stop", "start"))
            for parts in services
        )
        longest = max(longest, *times, 0.0)
    return int(longest + max(_MARGIN, most))


def limit_of(primitive: etree._Element, action: str) -> float:
    """Return the time limit of a primitive's action, in seconds.

    Args:
        primitive: The primitive, as it is in the CIB.
        action: The action: start or stop.
    """
    operation = primitive.find(f"operations/op[@name='{action}']")
    text = (operation.get("timeout") if operation is not None else None) or ""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([a-z]*)", text)
    if found is None or found[2] not in _UNITS:
        return _DEFAULT_TIMEOUT
    return float(found[1]) * _UNITS[found[2]]


def wait_until_idle(
    machine: Machine,
    before: ClusterState,
    timeout: int,
    *,
    give_up: Callable[[ClusterState], str] = lambda _: "",
    look: Callable[[ClusterState], Outlook] = lambda _: Outlook(),
    patience: float | None = None,
) -> Settled:
    """Wait until the cluster has nothing left to do; print what it does, and what is waited for.

    Args:
        machine: This machine.
        before: The state of the cluster before the change.
        timeout: The longest time to wait, in seconds.
        give_up: A function that returns the reason to give up the wait, given the present state;
            empty to continue.
        look: A function that returns what is waited for, and whether that can end.
        patience: For how long it must be known that the cluster cannot finish before the wait is
            given up, in seconds. By default it is less if that is known when the wait begins.

    Raises:
        ProgramError: crm_resource or crm_mon is missing or hangs.
        ClusterUnreachable: The cluster on this machine does not answer any more.
    """
    if patience is None:
        patience = _KNOWN_BEFORE if look(before).cannot_end else PATIENCE
    try:
        return _wait(machine, before, timeout, give_up, _Hope(look, patience))
    finally:
        machine.console.waiting("", 0.0)


class _Hope:
    """Whether a wait may end, judged by what is known of it for some time.

    Args:
        outlook: Returns what is known of the wait.
        patience: For how long it must be known that it cannot end, in seconds.
    """

    def __init__(self, outlook: Callable[[ClusterState], Outlook], patience: float) -> None:
        self._outlook = outlook
        self._patience = patience
        self._lost_since: float | None = None

    def look(self, state: ClusterState, elapsed: float) -> tuple[Outlook, bool]:
        """Return what is known of the wait, and whether it has been hopeless for long enough.

        Args:
            state: The present state of the cluster.
            elapsed: The time since the wait began, in seconds.
        """
        outlook = self._outlook(state)
        if not outlook.cannot_end:
            self._lost_since = None
            return outlook, False
        if self._lost_since is None:
            self._lost_since = elapsed
        return outlook, elapsed - self._lost_since >= self._patience


def _wait(
    machine: Machine,
    before: ClusterState,
    timeout: int,
    give_up: Callable[[ClusterState], str],
    hope: _Hope,
) -> Settled:
    begin = machine.clock()
    last = before
    quiet = 0
    while True:
        state = _state(machine, last)
        elapsed = machine.clock() - begin
        changes = list(_changes(last, state))
        busy = any(part.role in _BUSY for part in _parts(state).values())
        for line in changes:
            machine.console.detail(f"{elapsed:5.1f} s  {line}")
        reason = give_up(state)
        if reason:
            return Settled(state, done=False, stopped=reason)
        outlook, is_lost = hope.look(state, elapsed)
        if is_lost:
            return Settled(state, done=False, stopped=outlook.cannot_end, cannot_act=True)
        machine.console.waiting(outlook.waiting_for or _UNKNOWN, elapsed)
        quiet = 0 if changes or busy else quiet + 1
        if quiet >= _QUIET_POLLS:
            if cib.wait_for_pacemaker(machine, _IDLE_CHECK):
                final = _state(machine, state)
                for line in _changes(state, final):
                    machine.console.detail(f"{machine.clock() - begin:5.1f} s  {line}")
                return Settled(final, done=True)
            quiet = 0
        if elapsed >= timeout:
            return Settled(state, done=False)
        last = state
        machine.sleep(_POLL)


def _state(machine: Machine, last: ClusterState) -> ClusterState:
    """Read the state; try once more if there is no answer, as while a DC is elected."""
    try:
        return read_state(machine)
    except (ClusterUnreachable, CommandFailed):
        if last.dc is None:
            raise
        machine.sleep(_IDLE_CHECK)
        return read_state(machine)


def _parts(state: ClusterState) -> dict[tuple[str, int], Part]:
    """Return all primitives; a number tells the instances of a clone apart, which have one ID."""
    found: dict[tuple[str, int], Part] = {}
    for part in (*(p for resource in state.resources for p in resource.parts), *state.fencing):
        number = sum(1 for name, _ in found if name == part.id)
        found[part.id, number] = part
    return found


def _changes(before: ClusterState, now: ClusterState) -> Iterator[str]:
    """Yield a line for each change of a resource or a node, and for each new failure."""
    old, new = _parts(before), _parts(now)
    for key, part in new.items():
        earlier = old.get(key)
        was = ("Stopped", ()) if earlier is None else (earlier.role, earlier.nodes)
        if was != (part.role, part.nodes):
            yield _role_and_nodes(part)
    for name, _ in old.keys() - new.keys():
        yield f"{name}: removed"
    known = set(before.failures)
    for failure in now.failures:
        if failure not in known:
            reason = failure.reason or "no reason given"
            yield f"{failure.action} of {failure.resource} failed on {failure.node}: {reason}"
    were = {node.name: node.state for node in before.nodes}
    for node in now.nodes:
        if node.state != were.get(node.name):
            yield f"node {node.name}: {node.state}"


def _role_and_nodes(part: Part) -> str:
    where = f" on {', '.join(part.nodes)}" if part.nodes else ""
    return f"{part.id}: {part.role.lower()}{where}"
