"""The steps by which a machine becomes a node, each of which can be repeated.

What an interrupted addition has left is seen in the cluster itself: a node that is not in
Corosync's configuration, is in it and no member, or is a member and still held.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field

from lxml import etree

from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.outages import outage
from pcs_wrapper.change.steps.members import WaitForNodes
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.change.steps.wait import Explain, WaitUntilIdle
from pcs_wrapper.errors import CommandFailed
from pcs_wrapper.fencing.asking import Asking, by_device
from pcs_wrapper.fencing.devices import devices_in, may_fence
from pcs_wrapper.health import diagnosis
from pcs_wrapper.health.condition import properties_of, watchdog_fences
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting
from pcs_wrapper.nodes.membership import newcomer
from pcs_wrapper.nodes.membership.described import EditDescription
from pcs_wrapper.nodes.membership.joining import Joining, told
from pcs_wrapper.nodes.membership.newcomer import Host
from pcs_wrapper.nodes.pausing import fenced_meanwhile
from pcs_wrapper.nodes.running import pcsd
from pcs_wrapper.nodes.running.starting import start_on
from pcs_wrapper.pacemaker import cib, pauses
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_cluster_config

# pcs talks to every node several times, and waits up to 60 s for each.
_ADDING = 600.0
_AUTHENTICATING = 360.0
_RELOAD = ("pcs", "cluster", "reload", "corosync")
#: What fences a node by itself, where SBD does.
WATCHDOG = "its own watchdog (SBD)"


@dataclass
class Added:
    """What became of a machine that was to become a node.

    Attributes:
        planned: What was planned.
        fenced_by: What can fence it: devices that know it and say that it is on, or its watchdog.
        is_held: Whether it is still kept from running anything.
        harm: What is not as it should be, a sentence each.
    """

    planned: Joining
    fenced_by: tuple[str, ...] = ()
    is_held: bool = True
    harm: list[str] = field(default_factory=list)


def authentication(config: ClusterConfig, planned: Joining) -> RunProgram:
    """Return the step that authenticates this node to the machine, and to its own strangers."""
    words = [planned.node, f"addr={planned.links[0]}"]
    for name in planned.strangers:
        words += [name, f"addr={config.nodes[name][0]}"]
    names = ", ".join((planned.node, *planned.strangers))
    return RunProgram(
        f"authenticating to pcsd on {names}: up to 60 s",
        ("pcs", "host", "auth", *words, "-u", "hacluster"),
        _AUTHENTICATING,
        "Nothing was changed. If it does not answer: is it on, and does pcsd run there (systemctl "
        "enable --now pcsd)? If the password is wrong: it is that of the user hacluster on that "
        "machine (passwd hacluster)",
        password=True,
    )


def authenticate(machine: Machine, planned: Joining, password: Callable[[], str]) -> None:
    """Authenticate this node to the machine; the lock must be held.

    Args:
        machine: This machine.
        planned: What is planned.
        password: A function that asks for the password of the user hacluster.

    Raises:
        ProgramError: It does not answer, or the password is wrong; nothing was changed.
    """
    execute([authentication(planned.config, planned)], Run(machine, password=password))


@dataclass(frozen=True)
class DestroyThere(Step):
    """Destroy the configuration that the machine has of a cluster.

    Attributes:
        host: The machine.
        what: What is destroyed, in a clause.
    """

    host: Host
    what: str
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"having {self.host.name} destroy {self.what}, as `pcs cluster destroy` does there"

    def run(self, run: Run) -> None:
        """Destroy it."""
        newcomer.destroy(run.machine, self.host)


@dataclass(frozen=True)
class HoldBack(Step):
    """Keep the node from running anything, before it is one.

    A node that is known to nobody yet cannot be put into standby; a constraint can name it.

    Attributes:
        node: The node's name.
    """

    node: str
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"keeping {self.node} from running anything before it is known what fences it"

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that make and push the difference."""
        return (f"pcs cluster cib {cib.PUSH_FILES.old}", *cib.push_lines(cib.PUSH_FILES))

    def run(self, run: Run) -> None:
        """Push it."""
        live = cib.query(run.machine)
        _push(
            run.machine,
            live,
            pauses.with_pause(live, self.node, pauses.Pause(keeps=True), kept=(), is_remote=False),
        )


@dataclass(frozen=True)
class AddNode(Step):
    """Make the machine a node: give it the keys, and all nodes the same configuration.

    Attributes:
        planned: What is planned.
    """

    planned: Joining
    changes = True
    announced = True

    @property
    def _command(self) -> tuple[str, ...]:
        planned = self.planned
        addresses = (f"addr={link}" for link in planned.links)
        return ("pcs", "cluster", "node", "add", planned.node, *addresses, *planned.words)

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"making {self.planned.node} a node of the cluster {self.planned.config.name}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that does it."""
        return (shlex.join(self._command),)

    def run(self, run: Run) -> None:
        """Add it."""
        machine, node = run.machine, self.planned.node
        try:
            with shown_as_waiting(machine, f"pcs adds {node}"):
                machine.runner.run(
                    *self._command,
                    timeout=_ADDING,
                    hint="When that is put right, the same command goes on",
                )
        except CommandFailed:
            if node not in read_cluster_config(machine.runner).nodes:
                raise
            # The pcs of a command that was killed has gone on, and was faster. The others must have
            # loaded the configuration before the node starts.
            machine.runner.run(*_RELOAD, timeout=_ADDING)


@dataclass(frozen=True)
class VerifyUntouched(Step):
    """Verify that no service was hurt and no node fenced when the node came.

    Attributes:
        added: What becomes of the node.
    """

    added: Added
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "verifying that no service was interrupted"

    def run(self, run: Run) -> None:
        """Verify it, and add what was hurt to the harm: the node is then still held."""
        before, state = run.before or run.known_state(), run.known_state()
        served = {each.id for each in diagnosis.services(before) if each.is_running}
        for service in diagnosis.services(state):
            if service.id in served and (text := outage(service, before, state)):
                run.harm.append(f"{service.id}: {text}")
        run.harm += fenced_meanwhile(before, state)


@dataclass(frozen=True)
class Release(Step):
    """Let the node run things, if it is known what fences it.

    Attributes:
        added: What becomes of the node.
    """

    added: Added
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return (
            f"asking what can fence {self.added.planned.node}, and only then letting it run things"
        )

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that make and push the difference."""
        return (f"pcs cluster cib {cib.PUSH_FILES.old}", *cib.push_lines(cib.PUSH_FILES))

    def run(self, run: Run) -> None:
        """Ask, and push it."""
        node, live = self.added.planned.node, cib.query(run.machine)
        self.added.fenced_by = fenced_by(run.machine, live, node)
        if self.added.fenced_by:
            _push(run.machine, live, pauses.without_constraints(live, node))
            self.added.is_held = False


def fenced_by(machine: Machine, live: etree._Element, node: str) -> tuple[str, ...]:
    """Return what can fence a node that runs: what knows it, and says that it is on.

    Args:
        machine: This machine.
        live: The live CIB.
        node: The node's name.
    """
    wanted = by_device(devices_in(live), [node], may_fence)
    devices = [each.device for each in Asking(machine).ask(wanted) if each.power == "on"]
    if not devices and watchdog_fences(properties_of(live)):
        return (WATCHDOG,)
    return tuple(devices)


def _push(machine: Machine, live: etree._Element, new: etree._Element) -> None:
    if changed_ids(live, new):
        cib.push(machine, live, new)


def steps(planned: Joining) -> tuple[list[Step], Added]:
    """Return the steps that make the machine a node, and what they will say of it.

    Args:
        planned: What is planned.
    """
    node = planned.node
    added = Added(planned, is_held=not planned.is_complete)
    made: list[Step] = []
    if planned.is_stranger:
        made.append(authentication(planned.config, planned))
    elif not planned.is_complete:
        made += pcsd.authentication(planned.config, planned.strangers)
    if not planned.is_configured:
        if planned.replaces and planned.host is not None and planned.has is not None:
            made.append(DestroyThere(planned.host, told(planned.has)))
        if not planned.is_held:
            made.append(HoldBack(node))
        made.append(AddNode(planned))
    elif not planned.is_member:
        made += _finishing(planned)
    if not planned.is_member:
        made += [start_on(node), WaitForNodes((node,))]
    if not planned.is_complete:
        made += [WaitUntilIdle(planned.settling), Explain(), VerifyUntouched(added), Release(added)]
    if planned.edit is not None and planned.edit.edited.what and not planned.edit.problem:
        made.append(EditDescription(planned.edit))
    return made, added


def _finishing(planned: Joining) -> list[Step]:
    """Return the steps that finish what was interrupted when Corosync's configuration was sent."""
    node = planned.node
    if planned.has is not None and not planned.has.has_configuration:
        # Nor has it the keys then, if somebody has destroyed them meanwhile.
        return [
            RunProgram(
                f"taking {node} out again, which has no configuration itself",
                ("pcs", "cluster", "node", "remove", node),
                _ADDING,
            ),
            AddNode(planned),
        ]
    return [
        RunProgram(
            "giving every node the same configuration of Corosync",
            ("pcs", "cluster", "sync", "corosync"),
            _ADDING,
        ),
        RunProgram("having Corosync load it", _RELOAD, _ADDING),
    ]


def make(machine: Machine, planned: Joining, password: Callable[[], str]) -> Added:
    """Run the steps, and return the result; the lock must be held.

    Args:
        machine: This machine.
        planned: What is planned.
        password: A function that asks for the password of the user hacluster, which is called only
            if this node is not authenticated to another one of the cluster.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: A step has failed.
    """
    made, added = steps(planned)
    run = Run(
        machine,
        before=planned.state,
        state=planned.state,
        password=password,
        go_on="The same command says how far it has come, and goes on; until then "
        f"{planned.node} runs nothing",
    )
    execute(made, run)
    added.harm = list(run.harm)
    return added
