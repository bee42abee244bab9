"""`takeover node evict`: a node that cannot be reached leaves the cluster, once it is surely off.

What it keeps of the cluster can only be destroyed when it is back: until then nothing may let it
act as a node, and only power that is off is sure to keep it from that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cib_templates.findings import Finding
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain, WaitUntilIdle
from pcs_wrapper.errors import ClusterError, NodeMayBeOn, NotRemoved
from pcs_wrapper.fencing import confirming
from pcs_wrapper.fencing.confirming import Confirmation
from pcs_wrapper.fencing.devices import devices_in
from pcs_wrapper.fencing.evidence import evidence
from pcs_wrapper.health import condition, diagnosis
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes.membership import removing
from pcs_wrapper.nodes.membership.removing import Removal, Removed
from pcs_wrapper.pacemaker import cib

#: How it is made sure that a node is off: a device says so already, a device switches it off, or
#: whoever looks at it confirms it.
Way = Literal["proven", "fence", "confirm"]

# stonith_admin's limit for all that a fencing takes, and by how much the process may exceed it.
_FENCING = 300
_GRACE = 15.0


@dataclass(frozen=True)
class Eviction:
    """An eviction of a node, before it is made.

    Attributes:
        removal: Its removal, with what is in the way of that beside the node itself.
        seen: What is known of the node; None if Pacemaker does not know it any more.
        way: How it is made sure that it is off; None if Pacemaker does not know it any more.
        is_replaced: Whether another machine answers at its addresses, so that an answer says
            nothing of the node.
    """

    removal: Removal
    seen: Confirmation | None
    way: Way | None
    is_replaced: bool = False

    @property
    def signs(self) -> tuple[Finding, ...]:
        """Everything that says that the node is on, if no device can switch it off."""
        if self.seen is None or self.way != "confirm" or self.is_replaced:
            return ()
        return self.seen.findings


def prepare(machine: Machine, node: str, file: Path | None) -> Eviction:
    """Find out what is known of a node that is to be evicted; nothing is changed.

    Args:
        machine: This machine.
        node: The node's name.
        file: The description that is to be changed; None if none is.

    Raises:
        ClusterError: The node can be reached, so that it can be removed; or as
            `removing.prepare`.
        TakeoverError: As `removing.prepare`.
    """
    removal = removing.prepare(machine, node, file)
    if removal.is_member or (removal.is_configured and removal.is_reached):
        what = "is a member of the cluster" if removal.is_member else "can be reached by pcsd"
        raise ClusterError(
            f"{node} {what}, so its configuration can be destroyed on it, and it can be removed: "
            f"takeover node remove {node}. Nothing was changed"
        )
    return of(machine, removal)


def of(machine: Machine, removal: Removal, *, is_replaced: bool = False) -> Eviction:
    """Find out what is known of a node that is to be evicted; nothing is changed.

    Args:
        machine: This machine.
        removal: The removal of the node.
        is_replaced: Whether another machine answers at its addresses.

    Raises:
        ProgramError: A program is missing, fails or hangs.
    """
    machine.runner.require("stonith_admin")
    node = removal.node
    known = next((each for each in removal.state.nodes if each.name == node), None)
    if known is None:
        return Eviction(replace(removal, is_evicted=True), None, None)
    live = cib.query(machine)
    waiting = [each for each in diagnosis.services(removal.state) if not each.is_running]
    seen = Confirmation(
        known,
        removal.state,
        live,
        evidence(machine, known, live),
        tuple(each for each in waiting if not each.is_disabled),
    )
    findings = tuple(
        each
        for each in removal.findings
        if not (node in each.path or (known.unclean and each.code in _OF_ITS_LOSS))
    )
    evicted = replace(removal, is_evicted=True, findings=findings)
    return Eviction(evicted, seen, _way(seen), is_replaced)


# What is stopped because the node has to be fenced first.
_OF_ITS_LOSS = frozenset({condition.SERVICE_STOPPED.code, condition.FENCING_STOPPED.code})


def _way(seen: Confirmation) -> Way:
    devices = {each.id for each in devices_in(seen.live)}
    if any(each.verdict == "on" and each.witness in devices for each in seen.evidence):
        return "fence"
    return "proven" if seen.is_proven and not seen.is_needed else "confirm"


def require(machine: Machine, planned: Eviction, *, even_so: bool) -> None:
    """Refuse an eviction if something is in its way, or warn of it.

    Args:
        machine: This machine.
        planned: The eviction.
        even_so: Whether it is to be made all the same.

    Raises:
        NotRemoved: Something is not well with the others; nothing was changed.
        NodeMayBeOn: Something says that the node is on, and no device can switch it off.
    """
    if planned.removal.findings and not even_so:
        raise NotRemoved(planned.removal.findings, removing.FORCED)
    if planned.signs and not even_so:
        raise NodeMayBeOn(planned.signs, can_be_forced=True)
    for each in (*planned.removal.findings, *planned.signs):
        machine.console.warning(str(each))


@dataclass(frozen=True)
class RequireOff(Step):
    """Make sure that the cluster does not wait for the node any more, before it is forgotten.

    Attributes:
        node: The node's name.
    """

    node: str

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"making sure that the cluster takes {self.node} for off"

    def run(self, run: Run) -> None:
        """Look at it once more: whoever has to agree may take long for it."""
        run.state = read_explained_state(run.machine)
        found = next((each for each in run.state.nodes if each.name == self.node), None)
        if found is not None and (found.unclean or found.online):
            run.harm.append(f"{self.node} is {found.state}, and was not removed")


def steps(machine: Machine, planned: Eviction, *, even_so: bool) -> tuple[list[Step], Removed]:
    """Return the steps of an eviction, and what they will say of it; nothing is changed.

    Args:
        machine: This machine.
        planned: The eviction.
        even_so: Whether it is made although something says that the node is on.
    """
    removal, seen = planned.removal, planned.seen
    made: list[Step] = []
    if seen is not None and planned.way == "fence":
        made = [
            RunProgram(
                f"fencing {removal.node}: off",
                ("stonith_admin", f"--fence={removal.node}", f"--timeout={_FENCING}"),
                _FENCING + _GRACE,
                f"If {removal.node} cannot be fenced: cut its power; then the same command asks "
                "you to confirm that",
            ),
            WaitUntilIdle(removal.settling),
            Explain(),
        ]
    elif seen is not None and planned.way == "confirm" and seen.is_needed:
        made = list(confirming.steps(seen, even_so=even_so or planned.is_replaced))
    if seen is not None:
        made.append(RequireOff(removal.node))
    rest, removed = removing.steps(machine, removal)
    return [*made, *rest], removed


def make(machine: Machine, planned: Eviction, *, even_so: bool) -> Removed:
    """Run the steps of an eviction, and return its result; the lock must be held.

    Args:
        machine: This machine.
        planned: The eviction.
        even_so: Whether it is made although something says that the node is on.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: A step has failed.
    """
    made, removed = steps(machine, planned, even_so=even_so)
    state = planned.removal.state
    run = Run(
        machine,
        before=state,
        state=state,
        go_on="The same command says how far it has come, and goes on",
    )
    execute(made, run)
    removed.harm = [*run.harm, *removed.harm]
    return removed
