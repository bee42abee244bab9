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
# The time without a change after which the reason for the wait is printed, in seconds.
_SILENCE = 10.0
_BUSY = ("Starting", "Stopping", "Promoting", "Demoting", "Migrating")
# The time that the cluster needs besides the actions: for decisions, and for fencing a node once.
_MARGIN = 90.0
# Pacemaker's own default timeout of an action (Pacemaker Explained, "Operation Properties").
_DEFAULT_TIMEOUT = 20.0
_UNITS = {"ms": 0.001, "msec": 0.001, "": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0}
_UNITS |= {"h": 3600.0, "hr": 3600.0}


@dataclass(frozen=True)
class Settled:
    """The result of waiting for the cluster.

    Attributes:
        state: The state of the cluster at the end of the wait.
        done: Whether the cluster had nothing left to do.
        stopped: The reason why the wait was given up; empty if it was not.
    """

    state: ClusterState
    done: bool
    stopped: str = ""


def timeout_of(*cibs: etree._Element, only: Collection[str] | None = None) -> int:
    """Return the longest time for which the cluster may be busy after a change, in seconds.

    Services stop and start side by side, but the parts of a service one after another.

    Args:
        cibs: The CIBs before and after the change.
        only: The IDs of the services that are waited for; None for all.
    """
    longest = max(
        (
            sum(_seconds(primitive, name) for primitive in resource.iter("primitive")
                for name in ("stop", "start"))
            for each in cibs
            for resource in each.iterfind("configuration/resources/*")
            if resource.get("class") != "stonith" and (only is None or resource.get("id") in only)
        ),
        default=0.0,
    )  # fmt: skip
    return int(longest + _MARGIN)


def _seconds(primitive: etree._Element, action: str) -> float:
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
    give_up: Callable[[ClusterState], str] = lambda _: "",
) -> Settled:
    """Wait until the cluster has nothing left to do, and print what it does meanwhile.

    Args:
        machine: This machine.
        before: The state of the cluster before the change.
        timeout: The longest time to wait, in seconds.
        give_up: A function that returns the reason to give up the wait, given the present state;
            empty to continue.

    Raises:
        ProgramError: crm_resource or crm_mon is missing or hangs.
        ClusterUnreachable: The cluster on this machine does not answer any more.
    """
    begin = last_output = machine.clock()
    last = before
    quiet = 0
    while True:
        state = _state(machine, last)
        elapsed = machine.clock() - begin
        changes = list(_changes(last, state))
        busy = [_role_and_nodes(part) for part in _parts(state).values() if part.role in _BUSY]
        for line in changes:
            machine.console.detail(f"{elapsed:5.1f} s  {line}")
            last_output = begin + elapsed
        reason = give_up(state)
        if reason:
            return Settled(state, done=False, stopped=reason)
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
        if begin + elapsed - last_output >= _SILENCE:
            waiting = ", ".join(busy) or "Pacemaker has not finished yet"
            machine.console.detail(f"{elapsed:5.1f} s  still waiting: {waiting}")
            last_output = begin + elapsed
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
