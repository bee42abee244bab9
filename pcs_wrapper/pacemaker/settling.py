"""Waiting until the cluster has nothing left to do, and telling meanwhile what it does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from lxml import etree

from pcs_wrapper.errors import ClusterUnreachable, CommandFailed
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Part, read_state

_POLL = 0.3
# crm_resource --wait sleeps for 2 s before each look.
_LOOK = 3
# After how many looks without news the cluster is asked whether it has ended.
_QUIET = 2
# After how many seconds without news it is told what the waiting is for.
_SILENCE = 10.0
_BUSY = ("Starting", "Stopping", "Promoting", "Demoting", "Migrating")
# What the cluster needs besides the actions themselves: deciding, and fencing a node once.
_MARGIN = 90.0
# Pacemaker's own default timeout of an action (Pacemaker Explained, "Operation Properties").
_DEFAULT_TIMEOUT = 20.0
_UNITS = {"ms": 0.001, "msec": 0.001, "": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0}
_UNITS |= {"h": 3600.0, "hr": 3600.0}


@dataclass(frozen=True)
class Settled:
    """How the waiting ended.

    Attributes:
        state: How the cluster was then.
        done: Whether it had nothing left to do.
        stopped: Why the waiting was given up; empty if it was not.
    """

    state: ClusterState
    done: bool
    stopped: str = ""


def timeout_of(*cibs: etree._Element, only: Collection[str] | None = None) -> int:
    """Return for how long the cluster may be busy after a change, in seconds.

    Services stop and start side by side; the parts of one, one after another.

    Args:
        cibs: The CIBs before and after the change.
        only: If given, the IDs of the services that are waited for.
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
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        return float(number) * _UNITS[text[len(number) :]]
    except (ValueError, KeyError):
        return _DEFAULT_TIMEOUT


def wait_until_idle(
    machine: Machine,
    before: ClusterState,
    timeout: int,
    give_up: Callable[[ClusterState], str] = lambda _: "",
) -> Settled:
    """Wait until the cluster has nothing left to do, and tell what it does.

    Args:
        machine: This machine.
        before: The cluster before what is waited for began.
        timeout: For how long at most, in seconds.
        give_up: Says why to wait no longer, given a state; empty to go on.

    Raises:
        ProgramError: crm_resource or crm_mon is missing or hangs.
        ClusterUnreachable: The cluster on this machine does not answer any more.
    """
    begin = told = machine.clock()
    last = before
    quiet = 0
    while True:
        state = _state(machine, last)
        elapsed = machine.clock() - begin
        news = list(_news(last, state))
        busy = [_said(part) for part in _parts(state).values() if part.role in _BUSY]
        for line in news:
            machine.console.detail(f"{elapsed:5.1f} s  {line}")
            told = begin + elapsed
        reason = give_up(state)
        if reason:
            return Settled(state, done=False, stopped=reason)
        quiet = 0 if news or busy else quiet + 1
        if quiet >= _QUIET:
            if cib.wait_for_pacemaker(machine, _LOOK):
                final = _state(machine, state)
                for line in _news(state, final):
                    machine.console.detail(f"{machine.clock() - begin:5.1f} s  {line}")
                return Settled(final, done=True)
            quiet = 0
        if elapsed >= timeout:
            return Settled(state, done=False)
        if begin + elapsed - told >= _SILENCE:
            waiting = ", ".join(busy) or "Pacemaker has not finished yet"
            machine.console.detail(f"{elapsed:5.1f} s  still waiting: {waiting}")
            told = begin + elapsed
        last = state
        machine.sleep(_POLL)


def _state(machine: Machine, last: ClusterState) -> ClusterState:
    """Ask for the state; a moment without an answer, as when a DC is elected, is no end."""
    try:
        return read_state(machine)
    except (ClusterUnreachable, CommandFailed):
        if last.dc is None:
            raise
        machine.sleep(_LOOK)
        return read_state(machine)


def _parts(state: ClusterState) -> dict[tuple[str, int], Part]:
    """Return all resources; a clone has several of the same ID."""
    found: dict[tuple[str, int], Part] = {}
    for part in (*(p for resource in state.resources for p in resource.parts), *state.fencing):
        number = sum(1 for name, _ in found if name == part.id)
        found[part.id, number] = part
    return found


def _news(before: ClusterState, now: ClusterState) -> Iterator[str]:
    old, new = _parts(before), _parts(now)
    for key, part in new.items():
        same = old.get(key)
        was = ("Stopped", ()) if same is None else (same.role, same.nodes)
        if was != (part.role, part.nodes):
            yield _said(part)
    for name, _ in old.keys() - new.keys():
        yield f"{name}: gone"
    known = set(before.failures)
    for failure in now.failures:
        if failure not in known:
            reason = failure.reason or "no reason given"
            yield f"{failure.action} of {failure.resource} failed on {failure.node}: {reason}"
    were = {node.name: node.state for node in before.nodes}
    for node in now.nodes:
        if node.state != were.get(node.name):
            yield f"node {node.name}: {node.state}"


def _said(part: Part) -> str:
    where = f" on {', '.join(part.nodes)}" if part.nodes else ""
    return f"{part.id}: {part.role.lower()}{where}"
