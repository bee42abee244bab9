"""`takeover fence test`: really fence one node after another, and time it.

Nothing else proves that fencing works. A node is only fenced while all is well, and the next one
only when the one before is back and all is well again; whatever is not ends the test.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cib_templates.findings import Finding, error
from pcs_wrapper.change import verification
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.looking.condition import condition_of
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import (
    ClusterError,
    ClusterUnreachable,
    CommandFailed,
    CommandTimedOut,
    NotApplicable,
    NotTested,
    ProgramError,
    UsageError,
)
from pcs_wrapper.fencing.devices import devices_in, in_order, levels_of, may_fence
from pcs_wrapper.fencing.expectation import Expected, expected
from pcs_wrapper.health import condition, diagnosis
from pcs_wrapper.health.explanation import explain, read_explained_state
from pcs_wrapper.health.lookout import Lookout
from pcs_wrapper.health.losses import decide_without
from pcs_wrapper.health.obstacles import no_decision
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting, wait_until
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.corosync import read_links
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Node, read_state

QUORUM_WOULD_BE_LOST = error(
    "quorum-would-be-lost",
    "Without the node that is to be fenced the cluster has no quorum, and stops all services.",
)
SERVICE_WOULD_STOP = error(
    "service-would-stop",
    "No other node can run a service of the node that is to be fenced: it stops until that node is "
    "back.",
)

# stonith_admin's limit for all that a fencing takes, and by how much the process may exceed it.
_FENCING = 300
_GRACE = 15.0
# In which a node that was fenced must have left the cluster, in seconds.
_LEAVING = 60.0
# In which the cluster must be whole again when the node is back, beside its own actions.
_WHOLE = 120.0
_POLL = 0.5
# What an administrator has decided is no harm, and no reason not to test.
# Nor is it one that a node could not be fenced before: after a repair, this shows that it can be.
_ALLOWED = frozenset({condition.SERVICE_DISABLED.code, condition.FENCING_FAILED.code})
_NOTHING = verification.Scope(frozenset(), {}, frozenset())


@dataclass(frozen=True)
class Outage:
    """For how long the clients of a service waited.

    Attributes:
        service: The ID of the service.
        node: Where it runs now.
        seconds: For how long, about, as Pacemaker records when an action began in whole seconds.
    """

    service: str
    node: str
    seconds: float


@dataclass
class Tested:
    """What became of a node that was fenced for a test; times are in seconds since the request.

    Attributes:
        node: The node's name.
        requested: When fencing was requested, in ISO 8601; empty if it was not.
        fenced: When the cluster said that it was fenced; None if it did not.
        back: When it was a member again; None if it was not.
        whole: When all was well again; None if it was not.
        outages: For how long the clients of the services that it ran had to wait.
        harm: What went wrong, a sentence each.
        begin: The time of the request, of the clock that never jumps.
        at: The same in seconds since 1970.
        before: The state of the cluster before it.
    """

    node: str
    requested: str = ""
    fenced: float | None = None
    back: float | None = None
    whole: float | None = None
    outages: tuple[Outage, ...] = ()
    harm: tuple[str, ...] = ()
    begin: float = 0.0
    at: float = 0.0
    before: ClusterState | None = None


@dataclass(frozen=True)
class Plan:
    """A test of fencing, before it is made.

    Attributes:
        nodes: The nodes to fence, in this order.
        skipped: The node that this runs on, if it was not asked for; empty otherwise.
        orders: For each node, what is tried to fence it.
        expected: For each node, what becomes of the services that run on it now.
        findings: What is in the way.
        state: The state of the cluster.
        settling: The longest time that the cluster takes to settle, in seconds.
        back_within: In which a node must be back, in seconds.
    """

    nodes: tuple[str, ...]
    skipped: str
    orders: dict[str, tuple[tuple[str, ...], ...]]
    expected: dict[str, tuple[Expected, ...]]
    findings: tuple[Finding, ...]
    state: ClusterState
    settling: int
    back_within: float


def prepare(machine: Machine, names: Collection[str], back_within: float) -> Plan:
    """Plan a test, and find out what would be in its way; nothing is changed.

    Args:
        machine: This machine.
        names: The nodes to fence; without any, all but this one.
        back_within: In which a node must be back, in seconds.

    Raises:
        UsageError: There is no such node, or it is a remote node.
        ClusterError: One of them is the node that this runs on.
        NotApplicable: This partition of the cluster decides nothing.
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A tool of Pacemaker's is missing or fails.
    """
    machine.runner.require("stonith_admin", "crm_mon", "crm_simulate")
    state = read_explained_state(machine)
    undecided = no_decision(state)
    if undecided is not None:
        raise NotApplicable([undecided.finding])
    nodes = _chosen(machine, state, names)
    live = cib.query(machine)
    devices = devices_in(live)
    becomes = {name: expected(machine, name, state, live) for name in nodes}
    return Plan(
        nodes=nodes,
        skipped="" if names else machine.host,
        orders={
            name: in_order(
                levels_of(live, name), [each.id for each in devices if may_fence(each, name)]
            )
            for name in nodes
        },
        expected=becomes,
        findings=(*_not_well(machine, state), *_would_hurt(state, becomes)),
        state=state,
        settling=settling.timeout_of(live),
        back_within=back_within,
    )


def require_well(machine: Machine, plan: Plan, *, even_so: bool) -> None:
    """Refuse a test if something is in its way, or warn of it.

    Args:
        machine: This machine.
        plan: The test.
        even_so: Whether it is to be made all the same.

    Raises:
        NotApplicable: Something is in its way; no node was fenced.
    """
    if plan.findings and not even_so:
        raise NotTested(plan.findings)
    for each in plan.findings:
        machine.console.warning(str(each))


def _chosen(machine: Machine, state: ClusterState, names: Collection[str]) -> tuple[str, ...]:
    members = [node.name for node in state.nodes if not node.remote]
    unknown = [name for name in names if name not in members]
    if unknown:
        raise UsageError(
            f"the cluster has no node {', '.join(unknown)}; its nodes are {', '.join(members)}"
        )
    if machine.host in names:
        raise ClusterError(
            f"{machine.host} is the node that this runs on, so it cannot see what becomes of it: "
            "run this on another node to test it"
        )
    chosen = tuple(dict.fromkeys(names)) or tuple(m for m in members if m != machine.host)
    if not chosen:
        raise ClusterError(f"the cluster has no node but {machine.host}, on which this runs")
    return chosen


def _not_well(machine: Machine, state: ClusterState) -> tuple[Finding, ...]:
    found = condition_of(machine, state, cib.query(machine)).findings
    return tuple(each for each in found if each.code not in _ALLOWED)


def _would_hurt(
    state: ClusterState, becomes: dict[str, tuple[Expected, ...]]
) -> tuple[Finding, ...]:
    numbers = {node.name: node.number for node in state.nodes}
    found = [
        QUORUM_WOULD_BE_LOST.at(
            (node,), f"{node} may not be lost now: the cluster would have no quorum"
        )
        for node in becomes
        if state.votes is not None and not decide_without(state.votes, {numbers[node]})
    ]
    for node, services in becomes.items():
        found += [
            SERVICE_WOULD_STOP.at(
                (each.service,),
                f"{each.service} runs on {node}, and no other node can run it: it would be stopped "
                f"until {node} is back",
            )
            for each in services
            if each.is_lost
        ]
    return tuple(found)


def steps(plan: Plan) -> tuple[list[Step], list[Tested]]:
    """Return the steps of a test, and what they will say of each node.

    Args:
        plan: The test.
    """
    tested = [Tested(name) for name in plan.nodes]
    known = frozenset((each.code, each.path) for each in plan.findings)
    made: list[Step] = []
    for each in tested:
        made += [
            RequireWell(each, known),
            FenceNode(each),
            WaitUntilBack(each, plan.back_within),
            WaitUntilWhole(each, plan.settling, known),
        ]
    return made, tested


def fence_in_turn(machine: Machine, plan: Plan) -> list[Tested]:
    """Fence one node after another, and return what became of each, up to the first harm.

    The lock must be held.

    Args:
        machine: This machine.
        plan: The test.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: The cluster cannot be asked any more.
    """
    made, tested = steps(plan)
    run = Run(
        machine,
        before=plan.state,
        state=plan.state,
        unchanged="no node was fenced",
        go_on="A node that was fenced boots again by itself, and the cluster goes on without it: "
        "`takeover status` shows how it is, and `takeover fence history` what was fenced",
    )
    execute(made, run)
    return [each for each in tested if each.requested or each.harm]


@dataclass(frozen=True)
class RequireWell(Step):
    """Make sure that all is well before a node is fenced.

    Attributes:
        tested: What becomes of the node.
        known: The codes and paths of what was not well before the test.
    """

    tested: Tested
    known: frozenset[tuple[str, tuple[str | int, ...]]]

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"making sure that all is well before {self.tested.node} is fenced"

    def run(self, run: Run) -> None:
        """Look at the cluster once more."""
        run.state = read_explained_state(run.machine)
        run.before = self.tested.before = run.state
        found = _new(run.machine, run.state, self.known)
        if found:
            _harm(run, self.tested, [f"{self.tested.node} was not fenced: {found[0]}"])


@dataclass(frozen=True)
class FenceNode(Step):
    """Have the cluster fence a node.

    Attributes:
        tested: What becomes of the node.
    """

    tested: Tested
    changes = True
    announced = True

    @property
    def _command(self) -> tuple[str, ...]:
        return ("stonith_admin", f"--reboot={self.tested.node}", f"--timeout={_FENCING}")

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"fencing {self.tested.node}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command, which does what `pcs stonith fence` does."""
        return (shlex.join(self._command),)

    def run(self, run: Run) -> None:
        """Fence the node, and note how long it took until Pacemaker said that it is fenced."""
        machine, tested = run.machine, self.tested
        now = machine.now()
        tested.requested, tested.at = now.isoformat(timespec="seconds"), now.timestamp()
        tested.begin = machine.clock()
        try:
            with shown_as_waiting(machine, f"{tested.node} is being fenced"):
                machine.runner.run(*self._command, timeout=_FENCING + _GRACE)
        except (CommandFailed, CommandTimedOut) as error:
            run.state = explain(machine, read_state(machine))
            why = diagnosis.fencing_failure(tested.node, run.state) or f"{error}"
            _harm(run, tested, [f"{tested.node} could not be fenced: {why}"])
            return
        tested.fenced = machine.clock() - tested.begin
        machine.console.detail(f"{tested.fenced:5.1f} s  {tested.node}: fenced")


@dataclass(frozen=True)
class WaitUntilBack(Step):
    """Wait until a node that was fenced has left, and is a member of the cluster again.

    Attributes:
        tested: What becomes of the node.
        limit: In which it must be back, in seconds.
    """

    tested: Tested
    limit: float
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {self.limit:.0f} s for {self.tested.node} to boot and join again"

    def run(self, run: Run) -> None:
        """Wait."""
        machine, tested = run.machine, self.tested
        left = wait_until(machine, lambda: self._still_there(run), seconds=_LEAVING, pause=_POLL)
        if left:
            _harm(
                run,
                tested,
                [
                    f"{tested.node} was never off: Pacemaker says that it was fenced, but it did "
                    "not leave the cluster. The device switches another machine, or none"
                ],
            )
            return
        missing = wait_until(machine, lambda: self._not_back(run), seconds=self.limit, pause=_POLL)
        if missing:
            _harm(
                run,
                tested,
                [
                    f"{missing} {self.limit:.0f} s after it was fenced. Does it boot, and does the "
                    f"cluster start with it (pcs cluster enable {tested.node})? To start it by "
                    f"hand: pcs cluster start {tested.node}{self._never_off(run)}"
                ],
            )
            return
        tested.back = machine.clock() - tested.begin
        machine.console.detail(f"{tested.back:5.1f} s  {tested.node}: back")

    def _never_off(self, run: Run) -> str:
        """Return whether Corosync hears of the node, which Pacemaker has given up, in a sentence.

        A node whose cluster was told that it is fenced, and that runs on, leaves Pacemaker.
        """
        number = next((n.number for n in run.known_state().nodes if n.name == self.tested.node), "")
        links = read_links(run.machine) or {}
        if not any(peers.get(number) for peers in links.values()):
            return ""
        return (
            ". But Corosync's links to it are up, so it may never have been off: the device may "
            "switch another machine"
        )

    def _node(self, run: Run) -> Node | None:
        try:
            run.state = read_state(run.machine)
        except (ClusterUnreachable, ProgramError):  # as while another DC is elected
            return None
        return next((each for each in run.state.nodes if each.name == self.tested.node), None)

    def _still_there(self, run: Run) -> str:
        node = self._node(run)
        if node is not None and (not node.online or node.pending or node.unclean):
            return ""
        return f"{self.tested.node} was fenced, and has not left the cluster"

    def _not_back(self, run: Run) -> str:
        node = self._node(run)
        if node is not None and node.online and not (node.pending or node.unclean):
            return ""
        state = "is not known to be back" if node is None else f"is {node.state}"
        return f"{self.tested.node} {state}"


@dataclass(frozen=True)
class WaitUntilWhole(Step):
    """Wait until the cluster has nothing left to do, and all is well again.

    Attributes:
        tested: What becomes of the node.
        timeout: The longest time that the cluster takes to settle, in seconds.
        known: The codes and paths of what was not well before the test.
    """

    tested: Tested
    timeout: int
    known: frozenset[tuple[str, tuple[str | int, ...]]]
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "waiting until all is well again"

    def run(self, run: Run) -> None:
        """Wait, and compare the cluster with what it was before."""
        machine, tested = run.machine, self.tested
        waited = settling.wait_until_idle(
            machine, run.known_state(), self.timeout, look=Lookout(machine)
        )
        run.state = waited.state
        missing = wait_until(machine, lambda: self._missing(run), seconds=_WHOLE, pause=_POLL)
        now = run.known_state()
        before = tested.before or now
        tested.outages = _outages(tested, before, now)
        harm = [missing] if missing else []
        stayed = {each.id for each in diagnosis.services(before) if tested.node not in each.nodes}
        harm += [
            f"{found.key}: {found.message}"
            for found in verification.hurt_others(before, now, _NOTHING)
            if found.path[0] in stayed
        ]
        if harm:
            _harm(run, tested, harm)
            return
        tested.whole = machine.clock() - tested.begin
        machine.console.detail(f"{tested.whole:5.1f} s  all is well again")

    def _missing(self, run: Run) -> str:
        run.state = read_explained_state(run.machine)
        found = _new(run.machine, run.state, self.known)
        return found[0] if found else ""


def _new(
    machine: Machine,
    state: ClusterState,
    known: Collection[tuple[str, tuple[str | int, ...]]],
) -> Sequence[str]:
    return [str(each) for each in _not_well(machine, state) if (each.code, each.path) not in known]


def _harm(run: Run, tested: Tested, sentences: Sequence[str]) -> None:
    tested.harm = tuple(sentences)
    run.harm += sentences


def _outages(tested: Tested, before: ClusterState, now: ClusterState) -> tuple[Outage, ...]:
    """Return for how long the services waited that the node ran, from the request to their start.

    Of a service that has moved back, the start that counts is that on the other node.
    """
    known = {*before.operations}
    starts = [each for each in now.operations if each.task == "start" and each not in known]
    found = []
    was = {each.id: each for each in diagnosis.services(before)}
    for service in diagnosis.services(now):
        if service.id not in was or tuple(was[service.id].nodes) != (tested.node,):
            continue
        firsts = [
            min(ends)
            for part in service.parts
            if (ends := [e.began + e.seconds for e in starts if e.resource == part.id])
        ]
        if firsts and service.is_running:
            seconds = max(max(firsts) - tested.at, 0.0)
            found.append(Outage(service.id, ", ".join(service.nodes), seconds))
    return tuple(found)
