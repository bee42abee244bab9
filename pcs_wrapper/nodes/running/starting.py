"""`takeover cluster start`: start the cluster on its nodes, and wait until everything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from cib_templates.findings import Finding
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.steps.members import WaitForNodes
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain
from pcs_wrapper.errors import ClusterUnreachable, CommandFailed, NotApplicable
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.lookout import Lookout
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes.running import pcsd
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.corosync import ClusterConfig
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

# The time for which pcs waits for Pacemaker on the nodes, in seconds; dc-deadtime alone takes 20 s.
_START = 120
# The time for which pcs waits for the answer of a node, in seconds. Before its first start SBD
# waits as after a boot, and delays that of the cluster. The nodes have just answered, so that
# nobody waits for one that is dead.
_REQUEST = 480
_GRACE = 60.0


@dataclass(frozen=True)
class Start:
    """A start of the cluster on nodes, before it is made.

    Attributes:
        config: The configuration of the cluster.
        nodes: The nodes on which it is started.
        running: Those that were asked for, and on which it runs already.
        strangers: Those to which this node has to be authenticated first.
        left: Those that were asked for, and are left, because pcsd does not answer there, or the
            configuration there is another one.
        is_member: Whether the cluster runs on this machine afterwards.
        state: The state of the cluster; None if none runs on this machine.
    """

    config: ClusterConfig
    nodes: tuple[str, ...]
    running: tuple[str, ...]
    strangers: tuple[str, ...]
    left: tuple[Finding, ...]
    is_member: bool
    state: ClusterState | None


@dataclass(frozen=True)
class Started:
    """What became of a start.

    Attributes:
        planned: What was to be done.
        state: The state of the cluster afterwards; None if none runs on this machine.
        harm: What is not as it should be, a sentence each.
    """

    planned: Start
    state: ClusterState | None
    harm: tuple[str, ...]


def prepare(machine: Machine, names: Sequence[str]) -> Start:
    """Find out on which nodes the cluster is to be started; nothing is changed.

    Args:
        machine: This machine.
        names: The names of the nodes; without any, all of them.

    Raises:
        UsageError: There is no such node.
        ClusterError: This machine belongs to no cluster.
        NotApplicable: On none of them it can be started.
        ProgramError: A program is missing, fails or hangs.
    """
    config = pcsd.read_config(machine)
    wanted = pcsd.chosen(config, names)
    state = state_of(machine)
    members = set(members_of(state))
    answers = pcsd.ask(machine, [name for name in wanted if name not in members])
    other = pcsd.other_configurations(machine, answers.online)
    left = (*map(pcsd.silence, answers.silent), *other)
    able = {*answers.online, *answers.strangers} - {str(each.path[0]) for each in other}
    nodes = tuple(name for name in wanted if name in able)
    if left and not nodes:
        raise NotApplicable(left)
    return Start(
        config,
        nodes,
        tuple(name for name in wanted if name in members),
        answers.strangers,
        left,
        state is not None or machine.host in nodes,
        state,
    )


def state_of(machine: Machine) -> ClusterState | None:
    """Return the state of the cluster; None if none runs on this machine.

    Args:
        machine: This machine.

    Raises:
        ProgramError: crm_mon is missing or hangs.
    """
    try:
        return read_state(machine)
    except (ClusterUnreachable, CommandFailed):
        return None


def members_of(state: ClusterState | None) -> list[str]:
    """Return the names of the nodes that are members of the cluster.

    Args:
        state: Its state; None if none runs on this machine.
    """
    nodes = () if state is None else state.nodes
    return [node.name for node in nodes if node.online and not (node.pending or node.remote)]


def start_on(*nodes: str) -> RunProgram:
    """Return the step that starts the cluster on nodes.

    Args:
        nodes: Their names.
    """
    return RunProgram(
        f"starting the cluster on {', '.join(nodes)}: up to {_START} s",
        (
            *("pcs", "cluster", "start", *nodes, f"--wait={_START}"),
            f"--request-timeout={_REQUEST}",
        ),
        _START + _REQUEST + _GRACE,
        "Look at `journalctl -u corosync -u pacemaker -u sbd` there",
    )


@dataclass(frozen=True)
class WaitUntilSettled(Step):
    """Wait until the cluster has nothing left to do, for as long as its services may take."""

    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "waiting until the cluster has settled"

    def run(self, run: Run) -> None:
        """Wait."""
        machine = run.machine
        timeout = settling.timeout_of(cib.query(machine))
        run.state = read_state(machine)
        waited = settling.wait_until_idle(machine, run.state, timeout, look=Lookout(machine))
        run.state, run.idle, run.given_up = waited.state, waited.done, waited.stopped


def steps(planned: Start) -> list[Step]:
    """Return the steps of a start; nothing is changed.

    Args:
        planned: What is to be done.
    """
    found: list[Step] = []
    if planned.nodes:
        found += pcsd.authentication(planned.config, planned.strangers)
        found.append(start_on(*planned.nodes))
        if planned.is_member:
            found.append(WaitForNodes(planned.nodes))
    return [*found, WaitUntilSettled(), Explain()] if planned.is_member else found


def make(machine: Machine, planned: Start, password: Callable[[], str]) -> Started:
    """Run the steps of a start, and return its result; the lock must be held.

    Args:
        machine: This machine.
        planned: What is to be done.
        password: A function that asks for the password of the user hacluster, which is called only
            if this node is not authenticated yet.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: A step has failed.
    """
    run = Run(
        machine,
        before=planned.state,
        state=planned.state,
        password=cache(password),
        go_on="To go on with what is missing, run the same command again",
    )
    execute(steps(planned), run)
    harm = [f"{each.message}: it was not started. {each.hint}" for each in planned.left]
    if planned.is_member:
        harm += _not_served(run)
    return Started(planned, run.state, tuple(harm))


def _not_served(run: Run) -> list[str]:
    """Return which services and devices do not run that should."""
    state = run.known_state()
    stopped = [
        f"{service.id} is {service.state}: {service.why}"
        for service in diagnosis.services(state)
        if not service.is_running and not service.is_disabled
    ]
    stopped += [
        f"{device} does not run: {why}" for device, why in diagnosis.stopped_fencing(state).items()
    ]
    return stopped or ([run.given_up] if run.given_up else [])
