"""`takeover upgrade`: upgrade the packages of this node while its services run on the others.

It upgrades the node that it is typed on: apt needs root there, and no node should hold the means to
be root on the others. That a node is upgraded is in the history, which all nodes have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cib_templates.findings import Finding
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.history.checkpoints import cluster_id
from pcs_wrapper.change.history.upgrade import STAGES, Stage, Upgrade, UpgradeRecord
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import (
    ClusterError,
    ClusterUnreachable,
    CommandFailed,
    NotApplicable,
    NotUpgraded,
    ProgramError,
    UsageError,
)
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.health.obstacles import no_decision
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes import pausing
from pcs_wrapper.nodes.running import pcsd
from pcs_wrapper.nodes.running.leaving import Leaving, leaving
from pcs_wrapper.nodes.running.restarting import not_well, would_hurt
from pcs_wrapper.nodes.running.starting import state_of
from pcs_wrapper.nodes.running.turn import WaitUntilBack, WaitUntilDrained, WaitUntilWhole
from pcs_wrapper.nodes.upgrading import apt, mixing, turn
from pcs_wrapper.nodes.upgrading.turn import Note, Reboot, Resume, Upgrading, WaitUntilWell
from pcs_wrapper.nodes.verification import runs_on
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

_SYSTEM, _CLUSTER = "all packages", "the packages of the cluster"
# The package of Takeover itself, after which another version of this program has to go on.
_OWN = "takeover"
# How long the cluster may take to settle where that is not known, in seconds.
_UNKNOWN = 300


@dataclass(frozen=True)
class Planned:
    """The upgrade of this node, before it is made or continued.

    Attributes:
        upgrade: The upgrade, and how far it has come.
        is_begun: Whether it goes on with one that was begun before.
        progress: Which nodes are upgraded already; None if that is not known, as no cluster runs
            on this machine.
        state: The state of the cluster; None if none runs on this machine.
        pause: The pause of the node; None if that is past.
        leaving: What happens to services when the node leaves.
        findings: What is in the way.
        need_reboot: What needs a reboot.
        is_last_old: Whether all other nodes have a newer feature set already.
        settling: The longest time that the cluster takes to settle, in seconds.
    """

    upgrade: Upgrade
    is_begun: bool
    progress: mixing.Progress | None
    state: ClusterState | None
    pause: pausing.Planned | None
    leaving: Leaving
    findings: tuple[Finding, ...]
    need_reboot: tuple[str, ...]
    is_last_old: bool
    settling: int

    @property
    def is_anything(self) -> bool:
        """Whether there is anything to upgrade."""
        return self.is_begun or bool(self.upgrade.packages)


@dataclass(frozen=True)
class Done:
    """What has become of an upgrade.

    Attributes:
        planned: What was planned.
        turn: When each part was done, for how long clients waited, and what went wrong.
        goes_on: Why the next command has to complete it: `reboot`, or `takeover` if that was
            upgraded itself; empty if it is complete, or harm has ended it.
        need_reboot: What still needs a reboot.
        left: The nodes that are not upgraded yet, as far as the history tells.
        feature_sets: Pacemaker's feature set on each node, as far as it is known.
    """

    planned: Planned
    turn: Upgrading
    goes_on: str
    need_reboot: tuple[str, ...]
    left: tuple[str, ...]
    feature_sets: dict[str, str]


def what_of(names: Sequence[str], *, system: bool) -> str:
    """Return what is upgraded in words."""
    return _SYSTEM if system else ", ".join(names) or _CLUSTER


def prepare(
    machine: Machine, names: Sequence[str], *, system: bool, reboot: bool, even_so: bool
) -> Planned:
    """Find out what would be upgraded, or what an upgrade goes on with; only apt's lists change.

    Args:
        machine: This machine.
        names: The names of packages; none for those of the cluster.
        system: Whether all packages are upgraded.
        reboot: Whether the node is rebooted if that is needed.
        even_so: Whether to look at once, and not to wait for what passes by itself.

    Raises:
        UsageError: A package that was named is not installed.
        ClusterError: This machine belongs to no cluster; or an upgrade was begun, and something
            else is asked for now.
        NotApplicable: This part of the cluster decides nothing.
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A program is missing, fails or hangs.
    """
    config = pcsd.read_config(machine)
    machine.runner.require("apt-get", "dpkg-query", "cibadmin", "crm_simulate")
    node = machine.host
    if node not in config.nodes:
        raise ClusterError(
            f"this machine is called {node}, and the cluster {config.name} has no such node: its "
            f"nodes are {', '.join(config.nodes)}"
        )
    record = UpgradeRecord(machine.state).read(cluster_id(machine.corosync_conf))
    if record is not None:
        return _continued(machine, record, names, system=system, reboot=reboot)
    state = read_explained_state(machine)
    undecided = no_decision(state)
    if undecided is not None:
        raise NotApplicable([undecided.finding])
    live = cib.query(machine)
    apt.refresh(machine)
    chosen = () if system else apt.chosen(machine, names)
    packages = apt.upgrades(machine, chosen, system=system) if system or chosen else ()
    what, at = what_of(names, system=system), machine.now().isoformat(timespec="seconds")
    progress = mixing.progress(machine, live, _in_order(state), what)
    if not progress.rolling or (packages and node in progress.done) or not progress.left:
        # All nodes have the one before, or this one has it: a new one begins.
        nodes = tuple(_in_order(state)) if packages else ()
        progress = mixing.Progress(mixing.rolling_since(what, at), (), nodes)
    pause, leaves = None, Leaving()
    if packages:
        pause = pausing.prepare_pause(machine, node, keep=False, until=None, patient=not even_so)
        leaves = leaving(machine, state, live, (node,))
    upgrade = Upgrade(
        cluster_id(machine.corosync_conf),
        node,
        machine.user,
        at,
        system,
        tuple(names),
        packages,
        progress.rolling,
        reboot,
        hurts=leaves.quorum is not None,
    )
    return Planned(
        upgrade,
        is_begun=False,
        progress=progress,
        state=state,
        pause=pause,
        leaving=leaves,
        findings=(
            *mixing.impossible(node, packages),
            *mixing.elsewhere(machine, live, node),
            *not_well(machine, state, live),
            *would_hurt({node: leaves}),
        ),
        need_reboot=tuple(apt.need_reboot(machine, packages)),
        is_last_old=mixing.is_last_old(state, node),
        settling=settling.timeout_of(live),
    )


def _continued(
    machine: Machine, record: Upgrade, names: Sequence[str], *, system: bool, reboot: bool
) -> Planned:
    if (names or system) and (system, tuple(names)) != (record.system, record.names):
        raise ClusterError(
            f"not complete: {record.text}. To go on with it, name no package; to leave it: "
            "takeover upgrade --forget"
        )
    upgrade = replace(record, reboot=record.reboot or reboot)
    if _is_before(upgrade.stage, "reboot"):
        _refresh_if_possible(machine)
    planned = Planned(
        upgrade,
        is_begun=True,
        progress=None,
        state=None,
        pause=None,
        leaving=Leaving(),
        findings=(),
        need_reboot=tuple(apt.need_reboot(machine, upgrade.packages)),
        is_last_old=False,
        settling=_UNKNOWN,
    )
    is_over = upgrade.stage == "start" or (upgrade.stage == "reboot" and turn.is_rebooted(machine))
    return planned if is_over else _while_it_runs(machine, planned)


def _is_before(stage: Stage, other: Stage) -> bool:
    return STAGES.index(stage) < STAGES.index(other)


def _refresh_if_possible(machine: Machine) -> None:
    """Look for versions that put right what has failed; what is downloaded does without them."""
    try:
        apt.refresh(machine)
    except ProgramError as error:
        machine.console.warning(f"{error.message}")


def _while_it_runs(machine: Machine, planned: Planned) -> Planned:
    """Return what an upgrade goes on with if its node is a member of the cluster.

    Whatever stage it has come to, somebody may have started the cluster there, and services.
    """
    try:
        return _looked_at(machine, planned)
    except (ClusterUnreachable, CommandFailed):
        # What a killed command has begun goes on: the cluster may just be stopping here.
        if planned.upgrade.stage == "pause" or state_of(machine) is not None:
            raise
        return planned


def _looked_at(machine: Machine, planned: Planned) -> Planned:
    node = planned.upgrade.node
    state = read_explained_state(machine)
    if planned.upgrade.stage != "pause" and pausing.node_of(state, node).shutdown:
        return replace(planned, upgrade=replace(planned.upgrade, stage="stop"))
    undecided = no_decision(state)
    if undecided is not None:
        raise NotApplicable([undecided.finding])
    live = cib.query(machine)
    leaves = leaving(machine, state, live, (node,))
    return replace(
        planned,
        state=state,
        pause=pausing.prepare_pause(machine, node, keep=False, until=None, patient=False),
        leaving=leaves,
        findings=(
            *(each for each in not_well(machine, state, live) if node not in each.path),
            *would_hurt({node: leaves}),
        ),
        upgrade=replace(planned.upgrade, stage="pause", hurts=leaves.quorum is not None),
        settling=settling.timeout_of(live),
    )


def _in_order(state: ClusterState) -> list[str]:
    """Return all nodes: those first that run the least, and the one that decides last."""
    nodes = [node.name for node in state.nodes if not node.remote]
    return sorted(nodes, key=lambda name: (len(list(runs_on(state, name))), name == state.dc))


def require(machine: Machine, planned: Planned, *, even_so: bool) -> None:
    """Refuse an upgrade if something is in its way, or warn of it.

    Args:
        machine: This machine.
        planned: The upgrade.
        even_so: Whether it is to be made all the same.

    Raises:
        NotUpgraded: Something is in its way; nothing was changed.
        TakeoverError: The node cannot be paused.
    """
    impossible = [each for each in planned.findings if each.code == mixing.CANNOT_BE_MIXED.code]
    if impossible or (planned.findings and not even_so):
        raise NotUpgraded(planned.findings, can_be_forced=not impossible)
    for each in planned.findings:
        machine.console.warning(str(each))
    if planned.pause is not None:
        options = pausing.Options(even_so=even_so, over_others=even_so)
        pausing.require(machine, planned.pause, options)


def steps(machine: Machine, planned: Planned, *, even_so: bool) -> list[Step]:
    """Return all steps of an upgrade; nothing is changed.

    Args:
        machine: This machine.
        planned: The upgrade.
        even_so: Whether it goes on although something is not well.
    """
    if not planned.is_anything:
        return []
    upgrading = Upgrading(planned.upgrade.node, "drain")
    reboots = planned.upgrade.reboot and bool(planned.need_reboot)
    return [
        *_until_installed(machine, planned, upgrading),
        *([Reboot(planned.upgrade)] if reboots and _comes(planned, "reboot") else []),
        *_afterwards(machine, planned, upgrading, even_so=even_so),
    ]


def _comes(planned: Planned, stage: Stage) -> bool:
    """Return whether a stage is not past yet."""
    return not _is_before(stage, planned.upgrade.stage)


def _until_installed(machine: Machine, planned: Planned, upgrading: Upgrading) -> list[Step]:
    upgrade, timeout = planned.upgrade, planned.settling
    found: list[Step] = []
    if planned.pause is not None:
        alone = tuple(str(each.path[0]) for each in planned.leaving.alone)
        options = pausing.Options(message=turn.message_of(upgrade))
        found += [
            turn.download(upgrade),
            Note(upgrade, "pause"),
            *pausing.changing(machine, planned.pause, options),
            WaitUntilDrained(upgrading, timeout, alone),
        ]
    if _comes(planned, "stop"):
        found += [
            Note(upgrade, "stop"),
            turn.stop(upgrading, timeout=timeout, force=upgrade.hurts),
        ]
    if _comes(planned, "install"):
        found += [Note(upgrade, "install"), *turn.install(upgrading, upgrade)]
    return found


def _afterwards(
    machine: Machine, planned: Planned, upgrading: Upgrading, *, even_so: bool
) -> list[Step]:
    known = frozenset((each.code, each.path) for each in planned.findings)
    node = planned.upgrade.node

    def unwell(state: ClusterState, *, but: str = "") -> list[str]:
        if planned.is_begun and even_so:
            return []
        found: Iterable[Finding] = not_well(machine, state, cib.query(machine))
        return [
            str(each)
            for each in found
            if but not in each.path and (each.code, each.path) not in known
        ]

    return [
        Note(planned.upgrade, "start"),
        turn.start(upgrading),
        WaitUntilBack(upgrading),
        WaitUntilWell(upgrading, lambda state: unwell(state, but=node)),
        Resume(planned.upgrade),
        WaitUntilWhole(upgrading, None, planned.settling, unwell),
    ]


def make(machine: Machine, planned: Planned, *, even_so: bool) -> Done:
    """Upgrade this node, or go on with that, up to the first harm; the lock must be held.

    Args:
        machine: This machine.
        planned: The upgrade.
        even_so: Whether it goes on although something is not well.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: A step has failed.
    """
    upgrade = planned.upgrade
    upgrading = Upgrading(upgrade.node, "drain")
    run = Run(
        machine,
        before=planned.state,
        state=planned.state,
        go_on="`takeover upgrade` says how far it has come, and goes on",
    )
    if not planned.is_anything:
        return _done(planned, upgrading, planned.state, has_it=True)
    upgrading.elapsed(machine)
    if planned.pause is not None:
        turn.resolve(machine)
    execute(_until_installed(machine, planned, upgrading), run)
    if run.harm:
        return _done(planned, upgrading, run.state)
    need = tuple(apt.need_reboot(machine, upgrade.packages))
    if _reboots(machine, upgrade, need):
        execute([Reboot(upgrade)], run)
        return _done(planned, upgrading, goes_on="reboot")
    if upgrading.installed is not None and any(each.name == _OWN for each in upgrade.packages):
        execute([Note(upgrade, "start")], run)
        return _done(planned, upgrading, goes_on="takeover")
    if upgrade.stage == "reboot":
        planned = replace(planned, upgrade=replace(upgrade, is_rebooted=True))
    # What was known of the cluster before it was stopped here is over.
    run.state = None
    execute(_afterwards(machine, planned, upgrading, even_so=even_so), run)
    if run.harm:
        return _done(planned, upgrading, run.state)
    UpgradeRecord(machine.state).forget()
    state = read_state(machine)
    what = what_of(upgrade.names, system=upgrade.system)
    progress = mixing.progress(machine, cib.query(machine), _in_order(state), what)
    done = _done(replace(planned, progress=progress), upgrading, state, has_it=True)
    return replace(done, need_reboot=() if planned.upgrade.is_rebooted else need)


def _reboots(machine: Machine, upgrade: Upgrade, need: Sequence[str]) -> bool:
    """Return whether it is now that this node is rebooted."""
    if upgrade.stage == "reboot":
        return not turn.is_rebooted(machine)
    return upgrade.reboot and bool(need) and upgrade.stage != "start"


def _done(
    planned: Planned,
    upgrading: Upgrading,
    state: ClusterState | None = None,
    *,
    goes_on: str = "",
    has_it: bool = False,
) -> Done:
    left = () if planned.progress is None else planned.progress.left
    return Done(
        planned,
        upgrading,
        goes_on,
        (),
        tuple(node for node in left if not (has_it and node == planned.upgrade.node)),
        {} if state is None else mixing.feature_sets(state),
    )


def forget(machine: Machine) -> Upgrade:
    """Forget the upgrade that was begun on this node; nothing else is changed.

    The lock must be held.

    Args:
        machine: This machine.

    Returns:
        How far it had come.

    Raises:
        UsageError: No upgrade was begun on this node.
    """
    found = UpgradeRecord(machine.state).read(cluster_id(machine.corosync_conf))
    if found is None:
        raise UsageError("no upgrade of this node was begun: there is nothing to forget")
    UpgradeRecord(machine.state).forget()
    return found
