"""`takeover witness`: a host outside of the cluster that votes, added to it or removed from it.

Neither interrupts a service: Corosync takes the quorum device while it runs (corosync-qdevice(8)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache

from cib_templates.findings import Finding, error
from cib_templates.model.cluster import Quorum, QuorumDevice, Sbd
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.cluster.quorum_device import adding, changing
from pcs_wrapper.errors import ClusterError, NotApplicable
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting, wait_until
from pcs_wrapper.pacemaker import sbd
from pcs_wrapper.pacemaker.corosync import read_cluster_config, read_quorum_device
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state
from pcs_wrapper.pacemaker.votes import Votes, Witness, read_votes

NODES_ABSENT = error(
    "nodes-absent", "Every node must be there when a witness is added or removed, and one is not."
)
HAS_WITNESS = error("has-witness", "The cluster has another witness.")
WITNESS_IS_NODE = error("witness-is-node", "A node of the cluster cannot be its witness.")
SBD_TOO_FAST = error(
    "sbd-too-fast", "SBD's watchdog would end nodes that wait for the vote of the witness."
)
WITNESS_NEEDED = error(
    "witness-needed", "Without the witness, the nodes that are there have no quorum."
)

_LIMIT = 300.0
_VOTES = 60.0
_POLL = 1.0
_TWO = 2


@dataclass(frozen=True)
class Planned:
    """A witness that is added or removed, before that is done.

    Attributes:
        command: `witness add`, or `witness remove`.
        device: The witness that is added; None if one is removed.
        now: The votes now.
        then: The votes afterwards.
        nothing: Why there is nothing to do; empty if there is.
        obstacles: What is in the way.
        present: The arguments with which the witness was added before; empty if it was not.
        is_voting: Whether it votes already, so that only its settings are changed.
    """

    command: str
    device: QuorumDevice | None
    now: Votes
    then: Votes
    nothing: str = ""
    obstacles: tuple[Finding, ...] = ()
    present: tuple[str, ...] = ()
    is_voting: bool = False


@dataclass(frozen=True)
class WaitForWitness(Step):
    """Wait until the witness votes, or does not count any more.

    Attributes:
        host: Its name; empty if it is removed.
    """

    host: str
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        what = f"the vote of {self.host}" if self.host else "votes without the witness"
        return f"waiting up to {_VOTES:g} s for {what}"

    def run(self, run: Run) -> None:
        """Wait for it."""
        with shown_as_waiting(run.machine, "Corosync counts the votes"):
            missing = wait_until(
                run.machine, lambda: self._missing(run.machine), seconds=_VOTES, pause=_POLL
            )
        if missing:
            raise ClusterError(missing)

    def _missing(self, machine: Machine) -> str:
        votes = read_votes(machine)
        witness = None if votes is None else votes.witness
        if not self.host:
            return "" if witness is None else "the witness still counts: look at pcs quorum status"
        if witness is not None and witness.is_voting:
            return ""
        return (
            f"{self.host} does not vote after {_VOTES:g} s. Is its TCP port 5403 open for every "
            "node? Look at: journalctl -u corosync-qdevice, and there: journalctl -u "
            "corosync-qnetd. To begin anew: takeover witness remove, then this again"
        )


def prepare_add(machine: Machine, device: QuorumDevice) -> Planned:
    """Find out what a witness changes; nothing is changed.

    Args:
        machine: This machine.
        device: The witness.

    Raises:
        NotRoot: The user is not root.
        ClusterUnreachable: No cluster runs here.
        ClusterError: Corosync does not tell its votes.
        ProgramError: A program is missing or fails.
    """
    state, now = _look(machine)
    nodes = [node.name for node in state.nodes if not node.remote]
    is_there = now.witness is not None and now.witness.host == device.host
    found = read_quorum_device(machine.runner, machine.corosync_conf) if is_there else None
    present = found.words if found else ()
    stays_lms = "algorithm" not in device.model_fields_set and "algorithm=lms" in present
    # Half of the nodes and the witness, or the last node and the witness, shall be enough.
    own = len(nodes) - 1 if stays_lms or device.algorithm == "lms" else 1
    witness = Witness(device.host, own, is_voting=True)
    then = _counted(now, len(nodes), witness)
    is_voting = is_there and now.witness is not None and now.witness.is_voting
    planned = Planned("witness add", device, now, then, present=present, is_voting=is_voting)
    if is_voting and not changing(device, present):
        return replace(planned, then=now, nothing=f"{device.host} is the witness already")
    return replace(planned, obstacles=tuple(_against_adding(machine, state, now, device)))


def _against_adding(
    machine: Machine, state: ClusterState, now: Votes, device: QuorumDevice
) -> Iterator[Finding]:
    if now.witness is not None and now.witness.host != device.host:
        yield HAS_WITNESS.at(
            (),
            f"the cluster has the witness {now.witness.host or 'of another kind'}",
            "To take another one: takeover witness remove, then this again",
        )
    addresses = [
        each for links in read_cluster_config(machine.runner).nodes.values() for each in links
    ]
    if device.host in {*addresses, *(node.name for node in state.nodes)}:
        yield WITNESS_IS_NODE.at(
            (device.host,),
            f"{device.host} is a node of the cluster: its vote would be lost together with it",
            "Take a host elsewhere; it needs no disk and hardly any memory",
        )
    yield from _absent(state)
    settings = sbd.enabled_settings(machine)
    if settings is not None and not sbd.disks_of(settings):
        least = Sbd.model_validate({}).least_watchdog(Quorum(device=device))
        waits = timedelta(seconds=sbd.watchdog_timeout(settings))
        if waits < least:
            yield SBD_TOO_FAST.at(
                (device.host,),
                f"SBD's watchdog waits {waits.seconds} s, and nodes would wait up to "
                f"{device.sync_timeout.seconds} s for the vote of {device.host} when a node is "
                "lost: they would be reset meanwhile",
                f"Give a shorter --sync-timeout, or let SBD wait at least {least.seconds} s, on a "
                f"stopped cluster: pcs stonith sbd enable SBD_WATCHDOG_TIMEOUT={least.seconds}",
            )


def prepare_remove(machine: Machine) -> Planned:
    """Find out what the removal of the witness changes; nothing is changed.

    Args:
        machine: This machine.

    Raises:
        TakeoverError: As `prepare_add`.
    """
    state, now = _look(machine)
    planned = Planned("witness remove", None, now, now)
    if now.witness is None:
        return replace(planned, nothing="the cluster has no witness")
    count = sum(not node.remote for node in state.nodes)
    then = _counted(now, count, None)
    obstacles = [*_absent(state)]
    if then.total < then.needed:
        obstacles.append(
            WITNESS_NEEDED.at(
                (),
                f"{then.total} of {then.expected} votes would be left, and {then.needed} are "
                "needed: all services would stop",
                "Bring the other nodes back first",
            )
        )
    return replace(planned, then=then, obstacles=tuple(obstacles))


def _counted(now: Votes, nodes: int, witness: Witness | None) -> Votes:
    """Return the votes with a witness, or without one."""
    own = 0 if witness is None else witness.votes
    members = len(now.members)
    # Of two nodes without a witness either is enough (votequorum(5), "two_node").
    needed = 1 if witness is None and nodes == _TWO else (nodes + own) // 2 + 1
    return Votes(nodes + own, members + own, needed, witness, now.members, now.flags)


def _absent(state: ClusterState) -> Iterator[Finding]:
    absent = [node.name for node in state.nodes if not (node.online or node.remote)]
    if absent:
        yield NODES_ABSENT.at(
            tuple(absent),
            f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not there, and would not "
            "learn of it",
            "Wait for every node, or remove what does not come back",
        )


def _look(machine: Machine) -> tuple[ClusterState, Votes]:
    machine.require_root()
    machine.runner.require("pcs", "crm_mon", "corosync-quorumtool", "systemctl")
    state, votes = read_state(machine), read_votes(machine)
    if votes is None:
        raise ClusterError(
            "Corosync does not tell its votes. Look at it: systemctl status corosync"
        )
    return state, votes


def steps(planned: Planned) -> list[Step]:
    """Return the steps that add or remove a witness.

    Args:
        planned: What is to be done.
    """
    if planned.nothing:
        return []
    remove = RunProgram("removing the witness", ("pcs", "quorum", "device", "remove"), _LIMIT)
    if planned.device is None:
        return [remove, WaitForWitness("")]
    if planned.is_voting:
        return [*changing(planned.device, planned.present), WaitForWitness(planned.device.host)]
    authenticate, add = adding(planned.device, planned.present)
    # Its certificates may have been made anew, or the nodes' have expired: pcs makes them when a
    # device is added, and at no other time.
    again = [remove] if planned.present else []
    return [authenticate, *again, add, WaitForWitness(planned.device.host)]


def carry_out(machine: Machine, planned: Planned, password: Callable[[], str]) -> None:
    """Add or remove a witness. The lock must be held.

    Args:
        machine: This machine.
        planned: What is to be done.
        password: A function that asks for the password of the user hacluster on the witness.

    Raises:
        NotApplicable: Something is in the way; nothing was changed.
        Interrupted: Somebody has interrupted it; the message says what was changed.
        TakeoverError: A step has failed.
    """
    if planned.obstacles:
        raise NotApplicable(planned.obstacles)
    go_on = "`takeover quorum status` shows who votes; the same command completes it"
    execute(steps(planned), Run(machine, password=cache(password), go_on=go_on))
