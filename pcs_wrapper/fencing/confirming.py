"""`takeover fence confirm`: tell the cluster that a node is off that no device could fence."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from cib_templates.findings import Finding, error
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain, WaitUntilIdle
from pcs_wrapper.errors import ClusterError, NodeMayBeOn, NotApplicable, UsageError
from pcs_wrapper.fencing.devices import in_order, levels_of
from pcs_wrapper.fencing.evidence import Evidence, evidence
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.health.obstacles import no_decision
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Node

NODE_IS_ON = error(
    "node-is-on",
    "Something says that a node is on that shall be confirmed to be off: two nodes would then "
    "write to the same disk.",
)

_TIMEOUT = 60.0


@dataclass(frozen=True)
class Confirmation:
    """A node that shall be confirmed to be off.

    Attributes:
        node: The node.
        state: The state of the cluster.
        live: The live CIB.
        evidence: What every witness says of the node.
        waiting: The services that wait for it, each with what `status` says of it.
    """

    node: Node
    state: ClusterState
    live: etree._Element
    evidence: tuple[Evidence, ...]
    waiting: tuple[diagnosis.Service, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that says that the node is on."""
        return tuple(
            NODE_IS_ON.at((self.node.name,), f"{self.node.name} may be on: {each.says}")
            for each in self.evidence
            if each.verdict == "on"
        )

    @property
    def is_needed(self) -> bool:
        """Whether the cluster waits for the node to be fenced."""
        return self.node.unclean

    @property
    def is_proven(self) -> bool:
        """Whether devices say that the node is off, and nothing says that it is on.

        All devices of a fencing level have to say so: a machine may have two power supplies.
        """
        verdicts = {each.witness: each.verdict for each in self.evidence}
        off = [witness for witness, verdict in verdicts.items() if verdict == "off"]
        order = in_order(levels_of(self.live, self.node.name), off)
        return "on" not in verdicts.values() and any(
            all(device in off for device in together) for together in order if together
        )


def prepare(machine: Machine, name: str) -> Confirmation:
    """Find out everything about a node that shall be confirmed to be off; nothing is changed.

    Args:
        machine: This machine.
        name: The node's name.

    Raises:
        UsageError: There is no such node.
        ClusterError: It is the node that this runs on.
        NotApplicable: This partition of the cluster decides nothing.
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A tool of Pacemaker's is missing or fails.
    """
    machine.runner.require("stonith_admin", "crm_mon")
    state = read_explained_state(machine)
    node = next((each for each in state.nodes if each.name == name), None)
    if node is None:
        known = ", ".join(each.name for each in state.nodes)
        raise UsageError(f"the cluster has no node {name}; its nodes are {known}")
    if name == machine.host:
        raise ClusterError(f"{name} is the node that this runs on, so it is not off")
    undecided = no_decision(state)
    if undecided is not None:
        raise NotApplicable([undecided.finding])
    live = cib.query(machine)
    waiting = (each for each in diagnosis.services(state) if not each.is_running)
    return Confirmation(
        node,
        state,
        live,
        evidence(machine, node, live) if node.unclean or node.online else (),
        tuple(each for each in waiting if not each.is_disabled),
    )


def may_be_on(confirmation: Confirmation, *, even_so: bool) -> bool:
    """Return whether a node is not confirmed, because it may be on.

    Args:
        confirmation: What is known of the node.
        even_so: As for `require_off`.
    """
    return confirmation.node.online or (bool(confirmation.findings) and not even_so)


def require_off(confirmation: Confirmation, *, even_so: bool) -> None:
    """Refuse to confirm a node that may be on.

    Args:
        confirmation: What is known of the node.
        even_so: Whether it is to be confirmed all the same. A member of the cluster is refused in
            any case: its services would run twice for certain.

    Raises:
        NodeMayBeOn: Something says that it is on; nothing was changed.
    """
    if may_be_on(confirmation, even_so=even_so):
        raise NodeMayBeOn(confirmation.findings, can_be_forced=not confirmation.node.online)


@dataclass(frozen=True)
class AskOnceMore(Step):
    """Ask everything once more: whoever has to type a name may take long for it.

    Attributes:
        node: The node's name.
        even_so: As for `require_off`.
    """

    node: str
    even_so: bool
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"asking once more whether {self.node} is off"

    def run(self, run: Run) -> None:
        """Ask, and refuse if anything says now that the node is on."""
        confirmation = prepare(run.machine, self.node)
        require_off(confirmation, even_so=self.even_so)
        if not confirmation.is_needed:
            raise ClusterError(
                f"the cluster does not wait any more for {self.node} to be fenced: it is "
                f"{confirmation.node.state}. Nothing was changed"
            )
        run.state = confirmation.state


def steps(confirmation: Confirmation, *, even_so: bool) -> list[Step]:
    """Return the steps that confirm a node, and wait for what the cluster then does.

    Args:
        confirmation: What is known of the node.
        even_so: As for `require_off`.
    """
    name = confirmation.node.name
    return [
        AskOnceMore(name, even_so),
        RunProgram(
            f"telling the cluster that {name} is off",
            ("stonith_admin", f"--confirm={name}"),
            _TIMEOUT,
        ),
        WaitUntilIdle(settling.timeout_of(confirmation.live)),
        Explain(),
    ]


def confirm(machine: Machine, confirmation: Confirmation, *, even_so: bool) -> ClusterState:
    """Run the steps, and return the state of the cluster afterwards.

    The lock must be held.

    Args:
        machine: This machine.
        confirmation: What is known of the node.
        even_so: As for `require_off`.

    Raises:
        TakeoverError: A step has failed.
    """
    run = Run(
        machine,
        before=confirmation.state,
        state=confirmation.state,
        go_on="`takeover fence history` shows whether it was confirmed, and `takeover status` what "
        "runs then",
    )
    execute(steps(confirmation, even_so=even_so), run)
    return run.known_state()
