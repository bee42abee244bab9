"""`takeover node remove`: a node leaves the cluster for good, after its services.

Each step can be repeated. What is left of a removal that was interrupted is seen in the cluster
itself: whether the node is a member, in Corosync's configuration, and known to Pacemaker.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from lxml import etree

from cib_templates.cib.administration.placement import placements, without
from cib_templates.comparing.changes import changed_ids
from cib_templates.findings import Finding, error
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError, CommandFailed, NotApplicable, NotRemoved, UsageError
from pcs_wrapper.health import obstacles
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting, wait_until
from pcs_wrapper.nodes.membership.described import Edit, EditDescription, removal_of
from pcs_wrapper.nodes.running import pcsd
from pcs_wrapper.nodes.running.leaving import Leaving, leaving
from pcs_wrapper.nodes.running.restarting import not_well, would_hurt
from pcs_wrapper.nodes.running.starting import members_of
from pcs_wrapper.nodes.running.turn import RequireWell, Turn, WaitUntilDrained
from pcs_wrapper.nodes.verification import runs_on
from pcs_wrapper.pacemaker import cib, pauses, settling
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_cluster_config
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

WOULD_KEEP_ITS_CONFIGURATION = error(
    "node-would-keep-configuration",
    "pcsd does not answer on a node that is to be removed: the cluster's configuration stays on "
    "it, and when it comes back it may act as if it were still a node.",
)

_TIMEOUT = 30.0
# pcs talks to every node several times, and waits up to 60 s for each.
_REMOVING = 600.0
# In which nothing is left of the node when pcs says so, and all is well, in seconds.
_WHOLE = 60.0
#: What removes a node although something is in the way.
FORCED = "To remove the node all the same: --even-so"
# How long Pacemaker is given to forget a node by itself, in seconds, and how often it is told to.
_FORGETS = 5.0
_TIMES = 6
_POLL = 1.0
# What is said of the node itself is no reason to keep it, but for these: it must be off for sure.
_MUST_BE_OFF = frozenset({obstacles.NODE_UNCLEAN.code, obstacles.FENCING_FAILS.code})


@dataclass(frozen=True)
class Removal:
    """A removal of a node, before it is made.

    Attributes:
        config: The configuration of the cluster.
        node: The node's name.
        is_member: Whether it is a member of the cluster now.
        is_drained: Whether it runs nothing, as a removal that was interrupted has left it.
        is_configured: Whether it is in Corosync's configuration.
        is_known: Whether Pacemaker knows it.
        is_reached: Whether pcsd answers on it.
        strangers: The nodes to which this one has to be authenticated first.
        leaving: What happens to services.
        findings: What is in the way.
        edit: How the description is changed; None if no description was given.
        state: The state of the cluster.
        settling: The longest time that the cluster takes to settle, in seconds.
        is_evicted: Whether it is surely off, so that its configuration may stay on it.
    """

    config: ClusterConfig
    node: str
    is_member: bool
    is_drained: bool
    is_configured: bool
    is_known: bool
    is_reached: bool
    strangers: tuple[str, ...]
    leaving: Leaving
    findings: tuple[Finding, ...]
    edit: Edit | None
    state: ClusterState
    settling: int
    is_evicted: bool = False

    @property
    def stay(self) -> tuple[str, ...]:
        """The nodes that stay."""
        return tuple(name for name in self.config.nodes if name != self.node)


@dataclass
class Removed:
    """What became of a removal.

    Attributes:
        planned: What was to be done.
        turn: When the node was drained, and for how long clients waited.
        destroyed: Whether its configuration was destroyed on it.
        harm: What is not as it should be, a sentence each.
    """

    planned: Removal
    turn: Turn
    destroyed: bool = False
    harm: list[str] = field(default_factory=list)


def prepare(machine: Machine, node: str, file: Path | None) -> Removal:
    """Find out what a removal of a node does, and what is in its way; nothing is changed.

    Args:
        machine: This machine.
        node: The node's name.
        file: The description that is to be changed; None if none is.

    Raises:
        UsageError: There is no such node.
        ClusterError: It is the node that this runs on, or the last one; or this machine belongs to
            no cluster.
        DescriptionError: The description has mistakes as it is.
        NotApplicable: This part of the cluster decides nothing.
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A program is missing, fails or hangs.
    """
    config = pcsd.read_config(machine)
    machine.runner.require("cibadmin", "crm_attribute", "crm_diff", "crm_simulate")
    state = read_explained_state(machine)
    undecided = obstacles.no_decision(state)
    if undecided is not None:
        raise NotApplicable([undecided.finding])
    edit = None if file is None else removal_of(file, node, config)
    known = {each.name: each for each in state.nodes}
    if node not in (*config.nodes, *known) and not (edit and edit.edited.what):
        raise UsageError(
            f"the cluster {config.name} has no node {node!r}; its nodes are "
            f"{', '.join(config.nodes)}"
        )
    _require_possible(machine, config, node, is_remote=node in known and known[node].remote)
    is_member = node in members_of(state)
    live = cib.query(machine)
    answers = pcsd.ask(machine, tuple(config.nodes))
    leaves = leaving(machine, state, live, (node,)) if is_member else Leaving()
    has_transient = pauses.has_transient(live, node)
    if has_transient:
        # It is being drained, or is.
        leaves = Leaving()
    is_reached = node not in answers.silent
    found = [pcsd.silence(name) for name in answers.silent if name != node]
    found += in_the_way(machine, state, live, node)
    found += would_hurt({node: leaves})
    if node in config.nodes and not is_reached:
        found.insert(0, _unreached(node, is_member=is_member))
    return Removal(
        config,
        node,
        is_member,
        has_transient and not list(runs_on(state, node)),
        node in config.nodes,
        node in known,
        is_reached,
        answers.strangers,
        leaves,
        tuple(found),
        edit,
        state,
        settling.timeout_of(live),
    )


def _require_possible(
    machine: Machine, config: ClusterConfig, node: str, *, is_remote: bool
) -> None:
    if is_remote:
        raise ClusterError(
            f"{node} is a remote or guest node, which is a resource of the cluster. To remove it: "
            f"pcs cluster node remove-remote {node}, or remove-guest"
        )
    if node == machine.host:
        raise ClusterError(
            f"{node} is the node that this runs on, so it could not see what becomes of the "
            "others: run this on another node. Nothing was changed"
        )
    if tuple(config.nodes) == (node,):
        raise ClusterError(f"{node} is the last node of the cluster, which cannot lose it")


def _unreached(node: str, *, is_member: bool) -> Finding:
    if is_member:
        return pcsd.silence(node)
    return WOULD_KEEP_ITS_CONFIGURATION.at(
        (node,),
        f"pcsd does not answer on {node}, so that its configuration cannot be destroyed there",
        "Switch it on, or reach it. If it is gone for good: takeover node evict makes sure that it "
        f"is off; to remove {node} without that: --even-so. If it does come back after that, run "
        "on it before all else, without a network: pcs cluster destroy",
    )


def in_the_way(
    machine: Machine, state: ClusterState, live: etree._Element, node: str
) -> list[Finding]:
    """Return what is not well, so that no node may leave; not what that node itself is.

    Args:
        machine: This machine.
        state: The state of the cluster.
        live: The live CIB.
        node: The node's name.
    """
    found = not_well(machine, state, live)
    return [each for each in found if node not in each.path or each.code in _MUST_BE_OFF]


def require(machine: Machine, planned: Removal, *, even_so: bool) -> None:
    """Refuse a removal if something is in its way, or warn of it.

    Args:
        machine: This machine.
        planned: The removal.
        even_so: Whether it is to be made all the same.

    Raises:
        NotRemoved: Something is in its way; nothing was changed. A node that may still run what it
            ran is not removed whatever is said: the others would start that, too, as soon as they
            have forgotten it.
    """
    may_run = any(
        each.code in _MUST_BE_OFF and planned.node in each.path for each in planned.findings
    )
    if may_run:
        raise NotRemoved(
            planned.findings,
            f"Wait until it is fenced. If it is gone for good: takeover node evict {planned.node}",
        )
    if planned.is_member and not planned.is_reached:
        raise NotRemoved(planned.findings)
    if planned.findings and not even_so:
        raise NotRemoved(planned.findings, FORCED)
    for each in planned.findings:
        machine.console.warning(str(each))


@dataclass(frozen=True)
class RemoveNode(Step):
    """Destroy the configuration of a node, and take it out of the cluster's.

    Attributes:
        removed: What becomes of the removal.
    """

    removed: Removed
    changes = True
    announced = True

    @property
    def _command(self) -> tuple[str, ...]:
        planned = self.removed.planned
        silent = any(each.code == pcsd.PCSD_SILENT.code for each in planned.findings)
        skip = ("--skip-offline",) if silent or not planned.is_reached else ()
        # pcs asks the node itself whether the others lose quorum, and gives up if it is silent. One
        # that is no member takes no vote away.
        is_asked = planned.leaving.quorum is None and planned.is_reached
        force = () if is_asked else ("--force",)
        return ("pcs", "cluster", "node", "remove", planned.node, *skip, *force)

    @property
    def summary(self) -> str:
        """The step in a clause."""
        node = self.removed.planned.node
        if self.removed.planned.is_evicted:
            return f"taking {node} out of the cluster"
        return f"destroying the configuration on {node}, and taking {node} out of the cluster"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that does it."""
        return (shlex.join(self._command),)

    def run(self, run: Run) -> None:
        """Remove it, and note whether its configuration was destroyed."""
        machine, node = run.machine, self.removed.planned.node
        hint = (
            f"To let {node} run things again, if it is still a node: takeover node resume {node}. "
            "The same command goes on"
        )
        try:
            with shown_as_waiting(machine, f"pcs removes {node}"):
                done = machine.runner.run(*self._command, timeout=_REMOVING, hint=hint)
        except CommandFailed:
            if node in read_cluster_config(machine.runner).nodes:
                raise
            # The pcs of a command that was killed has gone on, and was faster.
            self.removed.destroyed = self.removed.planned.is_reached
            return
        said = f"{done.stdout}\n{done.stderr}"
        self.removed.destroyed = f"{node}: Successfully destroyed cluster" in said
        if not (self.removed.destroyed or self.removed.planned.is_evicted):
            self.removed.harm.append(
                f"the cluster's configuration is still on {node}: before it may run again, run on "
                "it, without a network: pcs cluster destroy"
            )


@dataclass(frozen=True)
class TakeOutTraces(Step):
    """Take out of the configuration what administrators have put in about a node alone.

    A node that gets this name later would be paused at once, or services would be sent to it.

    Attributes:
        node: The node's name.
    """

    node: str
    changes = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"taking out the pauses, pins and bans of {self.node}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that make and push the difference."""
        return (f"pcs cluster cib {cib.PUSH_FILES.old}", *cib.push_lines(cib.PUSH_FILES))

    def run(self, run: Run) -> None:
        """Push it, whatever others have changed since."""
        live = cib.query(run.machine)
        new = without_traces(live, self.node)
        if changed_ids(live, new):
            cib.push(run.machine, live, new)


def without_traces(live: etree._Element, node: str) -> etree._Element:
    """Return a CIB without the pauses of a node, and without the pins and bans that name it.

    Args:
        live: The live CIB; it is not modified.
        node: The node's name.
    """
    new = pauses.without_constraints(live, node)
    return without(new, *(each for each in placements(new) if each.node == node))


@dataclass(frozen=True)
class Forget(Step):
    """Have Pacemaker forget a node for good.

    pcs has it do so once, at the end of a removal. What is then still on its way, as the end of the
    node's membership or an attribute of it, makes Pacemaker write the node down anew.

    Attributes:
        node: The node's name.
    """

    node: str
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"having Pacemaker forget {self.node}, if it still knows it"

    @property
    def _command(self) -> tuple[str, ...]:
        return ("pcs", "cluster", "node", "clear", self.node)

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that does it."""
        return (shlex.join(self._command),)

    def run(self, run: Run) -> None:
        """Tell it as often as it learns of the node anew; what is left then is verified later."""
        machine = run.machine
        for _ in range(_TIMES):
            known = partial(still_known, machine, self.node)
            if not wait_until(machine, known, seconds=_FORGETS, pause=_POLL):
                return
            machine.runner.run(*self._command, timeout=_REMOVING)


def still_known(machine: Machine, node: str) -> str:
    """Return that Pacemaker still knows a node, in a clause; empty if it does not.

    Args:
        machine: This machine.
        node: The node's name.
    """
    known = any(each.name == node for each in read_state(machine).nodes)
    return f"Pacemaker still knows {node}" if known else ""


@dataclass(frozen=True)
class VerifyRemoved(Step):
    """Verify that nothing in the cluster knows the node any more, and that all is well.

    Attributes:
        removed: What becomes of the removal.
    """

    removed: Removed
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"verifying that nothing is left of {self.removed.planned.node}, and all is well"

    def run(self, run: Run) -> None:
        """Verify it, and add what is left to the harm."""
        missing = wait_until(run.machine, lambda: self._left(run), seconds=_WHOLE, pause=_POLL)
        if missing:
            self.removed.harm.append(missing)

    def _left(self, run: Run) -> str:
        planned = self.removed.planned
        if planned.node in read_cluster_config(run.machine.runner).nodes:
            return f"{planned.node} is still in Corosync's configuration"
        run.state = read_explained_state(run.machine)
        if any(each.name == planned.node for each in run.state.nodes):
            return f"Pacemaker still knows {planned.node}"
        known = {(each.code, each.path) for each in planned.findings}
        found = not_well(run.machine, run.state, cib.query(run.machine))
        return next((str(each) for each in found if (each.code, each.path) not in known), "")


def steps(machine: Machine, planned: Removal) -> tuple[list[Step], Removed]:
    """Return the steps of a removal, and what they will say of it; nothing is changed.

    Args:
        machine: This machine.
        planned: The removal.
    """
    node = planned.node
    removed = Removed(planned, Turn(node, "drain"))
    known = {(each.code, each.path) for each in planned.findings}

    def unknown(state: ClusterState, name: str) -> list[str]:
        live = cib.query(machine)
        found: Iterable[Finding] = in_the_way(machine, state, live, name)
        return [str(each) for each in found if (each.code, each.path) not in known]

    made: list[Step] = []
    if planned.is_configured or planned.is_known:
        made += pcsd.authentication(planned.config, planned.strangers)
    if planned.is_member and not planned.is_drained:
        alone = tuple(str(each.path[0]) for each in planned.leaving.alone)
        made += [
            RequireWell(removed.turn, unknown),
            RunProgram(
                f"draining {node}, by a standby that ends with its cluster",
                (
                    *("crm_attribute", "--node", node, "--name", "standby"),
                    *("--lifetime", "reboot", "--update", "on"),
                ),
                _TIMEOUT,
            ),
            WaitUntilDrained(removed.turn, planned.settling, alone),
        ]
    if planned.is_configured:
        made += [RemoveNode(removed), Forget(node)]
    elif planned.is_known:
        made += [*_shared_configuration(), Forget(node)]
    if made:
        live = cib.query(machine)
        if changed_ids(live, without_traces(live, node)):
            made.append(TakeOutTraces(node))
        made.append(VerifyRemoved(removed))
    edit = planned.edit
    if edit is not None and edit.edited.what and not edit.problem:
        made.append(EditDescription(edit))
    return made, removed


def _shared_configuration() -> list[Step]:
    """Return the steps that finish what pcs had begun with Corosync when it was interrupted."""
    return [
        RunProgram(
            "giving every node the same configuration of Corosync",
            ("pcs", "cluster", "sync", "corosync"),
            _REMOVING,
        ),
        RunProgram("having Corosync load it", ("pcs", "cluster", "reload", "corosync"), _REMOVING),
    ]


def make(machine: Machine, planned: Removal, password: Callable[[], str]) -> Removed:
    """Run the steps of a removal, and return its result; the lock must be held.

    Args:
        machine: This machine.
        planned: The removal.
        password: A function that asks for the password of the user hacluster, which is called only
            if this node is not authenticated yet.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: A step has failed.
    """
    made, removed = steps(machine, planned)
    run = Run(
        machine,
        before=planned.state,
        state=planned.state,
        password=cache(password),
        go_on=f"The same command says how far it has come, and goes on; if {planned.node} is still "
        f"a member, it can stay: takeover node resume {planned.node}",
    )
    execute(made, run)
    removed.harm = [*run.harm, *removed.harm]
    return removed
