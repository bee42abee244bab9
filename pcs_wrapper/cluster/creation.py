"""`takeover cluster create`: make a cluster with fencing from machines on which pcsd runs.

Each step can be repeated: an existing cluster is completed, never destroyed.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import timedelta
from functools import cache

from lxml import etree

from cib_templates.model.cluster import Cluster
from cib_templates.model.description import Description
from cib_templates.model.timing import boot_delay
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.judging import preconditions
from pcs_wrapper.change.steps.members import WaitForNodes
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.cluster.completion import PushFencing, WaitForFencing
from pcs_wrapper.cluster.progress import Progress
from pcs_wrapper.cluster.quorum_device import adding
from pcs_wrapper.errors import ClusterError, ClusterUnreachable, CommandFailed
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.corosync import ClusterConfig, read_cluster_config
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

# The time for which pcs waits for Pacemaker on all nodes, in seconds; dc-deadtime alone takes 20 s.
_START = 120
# The time by which the process's limit exceeds pcs's own, in seconds: pcs talks to every node
# several times, and waits up to 60 s for each.
_GRACE = 300.0
_HEADER = ("pcs", "stonith", "sbd", "device", "setup")
# The time for which pcs waits for the answer of a node by default, in seconds.
_ANSWER = 60
# The time for which pcs waits for the start of a node, in seconds: its default of 60 s is too short
# for a slow or busy node.
_REQUEST_TIMEOUT = 180


def new_cluster(description: Description) -> list[RunProgram]:
    """Return the steps that create a cluster where there is none."""
    links = [
        word
        for name, node in description.nodes.items()
        for word in (name, *(f"addr={link}" for link in node.links))
    ]
    cluster = description.cluster
    # SBD starts together with the cluster, so it has to be enabled before.
    start = ("--start", f"--wait={_START}") if description.sbd is None else ()
    up_to = f" and starting it: up to {_START} s" if start else ""
    steps = [
        RunProgram(
            f"authenticating to pcsd on {', '.join(description.nodes)}: up to {_ANSWER} s",
            _auth(description),
            _GRACE,
            "No cluster was set up, and nothing else was changed. If a node does not answer: is it "
            "on, and does pcsd run there (systemctl enable --now pcsd)? If the password is wrong: "
            "the user hacluster must have the same one on every node (passwd hacluster)",
            password=True,
        ),
        RunProgram(
            f"setting up the cluster {cluster.name}{up_to}",
            (
                *("pcs", "cluster", "setup", cluster.name, *links),
                *("transport", "knet"),
                *("totem", *_totem(cluster)),
                *(("--enable",) if cluster.start_at_boot else ()),
                *start,
            ),
            _START + _GRACE,
            "If a node has the configuration of another cluster that is no longer needed (Debian's "
            "package corosync brings an example), remove it on that node: pcs cluster destroy",
        ),
    ]
    if description.sbd is None:
        return [*steps, *_witness(description)]
    # A node whose SBD has started knows at once who decides beside it.
    return [*steps, *_witness(description), *_sbd(description), _start(description)]


def _totem(cluster: Cluster) -> list[str]:
    """Return the totem options of the description; Corosync has defaults for the others."""
    times = {
        "token": cluster.token,
        "token_coefficient": cluster.token_coefficient,
        "consensus": cluster.consensus,
        "join": cluster.join,
    }
    return [
        f"{name}={time // timedelta(milliseconds=1)}"
        for name, time in times.items()
        if time is not None
    ]


def _sbd(description: Description) -> list[RunProgram]:
    """Return the steps that set SBD up; the last one overwrites the data on its disks.

    pcs enables it only if every node has the watchdog and each of the disks: only then is anything
    written to them.
    """
    sbd = description.sbd
    if sbd is None:
        return []
    delay = boot_delay(description)
    wait = _seconds(sbd.watchdog_wait(description.quorum))
    message = _seconds(sbd.dead_after(description.quorum))
    devices = [f"device={device}" for device in sbd.devices]
    disks = "".join(f" and the disk {device}" for device in sbd.devices)
    steps = [
        RunProgram(
            "enabling SBD on all nodes",
            (
                *("pcs", "stonith", "sbd", "enable", f"watchdog={sbd.watchdog}", *devices),
                *(f"SBD_WATCHDOG_TIMEOUT={wait}", f"SBD_DELAY_START={_seconds(delay)}"),
            ),
            _GRACE,
            f"Does every node have the package sbd, a watchdog {sbd.watchdog} (pcs stonith sbd "
            f"watchdog list){disks}? {'Nothing was written to a disk. ' if devices else ''}When "
            "that is repaired, run pcs cluster destroy --all, then this command again",
        )
    ]
    if devices:
        # pcs 0.12 prefers --yes, but 0.11 does not know that option.
        steps.append(
            RunProgram(
                f"writing SBD's header to {', '.join(sbd.devices)}",
                (
                    *(*_HEADER, *devices),
                    *(f"watchdog-timeout={wait}", f"msgwait-timeout={message}", "--force"),
                ),
                _GRACE,
                "Can this node write to the disk?",
            )
        )
    return steps


def _witness(description: Description) -> list[RunProgram]:
    """Return the steps that add the quorum device of the description, if it has one."""
    return [] if description.quorum is None else adding(description.quorum.device)


def _auth(description: Description) -> tuple[str, ...]:
    addresses = [
        word for name, node in description.nodes.items() for word in (name, f"addr={node.links[0]}")
    ]
    return ("pcs", "host", "auth", *addresses, "-u", "hacluster")


def existing_cluster(description: Description) -> list[RunProgram]:
    """Return the steps that start a cluster that is set up already."""
    steps = [_start(description)]
    if description.cluster.start_at_boot:
        steps.append(
            RunProgram(
                "enabling the cluster at boot", ("pcs", "cluster", "enable", "--all"), _GRACE
            )
        )
    return steps


def _seconds(time: timedelta) -> int:
    return time // timedelta(seconds=1)


def _start(description: Description) -> RunProgram:
    # SBD waits before its first start as after a boot, and delays the start of each node.
    delay = _seconds(boot_delay(description))
    return RunProgram(
        f"starting the cluster on all nodes: up to {delay + _START} s",
        (
            *("pcs", "cluster", "start", "--all", f"--wait={_START}"),
            f"--request-timeout={_REQUEST_TIMEOUT + delay}",
        ),
        delay + _START + _GRACE,
        "Is pcsd running on every node? If this node is not authenticated to it, run: "
        f"{shlex.join(_auth(description))}",
    )


def steps(machine: Machine, description: Description) -> list[Step]:
    """Return the steps that create or complete a cluster; nothing is changed.

    Args:
        machine: This machine.
        description: The description of the cluster.

    Raises:
        NotRoot: The user is not root.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
        ClusterError: A fence agent is not installed here, or this machine is a node of a different
            cluster.
    """
    machine.require_root()
    machine.runner.require("pcs", "crm_mon", "crm_resource")
    preconditions.require(machine, preconditions.missing_fence_agents(machine, description))
    programs = _programs(machine, description)
    if description.sbd is not None and any(
        each.command[: len(_HEADER)] == _HEADER for each in programs
    ):
        full = preconditions.full_sbd_disks(machine, map(str, description.sbd.devices))
        preconditions.require(machine, full)
    return [
        *programs,
        WaitForNodes(tuple(description.nodes)),
        PushFencing(description, _live_cib(machine)),
        WaitForFencing(),
    ]


def _programs(machine: Machine, description: Description) -> list[RunProgram]:
    """Return the steps that create the cluster, complete it, or only start it."""
    if not machine.corosync_conf.exists():
        return new_cluster(description)
    config = _check_same_cluster(machine, description)
    done = Progress(machine.state, description.cluster.name).done()
    if done is None:
        return existing_cluster(description)
    # Its creation was interrupted after `pcs cluster setup`, which has sent corosync.conf to every
    # node.
    sbd = [step for step in _sbd(description) if shlex.join(step.command) not in done]
    device = [] if config.quorum_device else _witness(description)
    if description.sbd is None:
        return [*existing_cluster(description), *device]
    return [*device, *sbd, *existing_cluster(description)]


def _live_cib(machine: Machine) -> etree._Element | None:
    """Return the CIB of a cluster that runs here already; None if none runs."""
    if not machine.corosync_conf.exists():
        return None
    try:
        read_state(machine)
    except (ClusterUnreachable, CommandFailed):
        return None
    return cib.read_cib(machine)


def create(
    machine: Machine,
    description: Description,
    password: Callable[[], str],
) -> ClusterState:
    """Create the cluster, or complete it, with its properties and fencing devices.

    Args:
        machine: This machine, which has to be one of the cluster's nodes.
        description: The description of the cluster.
        password: A function that asks for the password of the user hacluster, which is called only
            if a step needs it.

    Raises:
        TakeoverError: As `steps`; or a step has failed.
    """
    planned = steps(machine, description)
    progress = Progress(machine.state, description.cluster.name)
    done = progress.done()
    noted = done or []

    def note(step: Step) -> None:
        if isinstance(step, RunProgram):
            noted.extend(step.commands)
            progress.note(noted)

    # A cluster that was completed before is only started: then there is no progress to record.
    is_new = done is not None or not machine.corosync_conf.exists()
    run = Run(
        machine,
        password=cache(password),
        go_on="To go on with what is missing, run the same command again",
    )
    if is_new:
        run.note = note
    state = execute(planned, run).known_state()
    progress.forget()
    return state


def _check_same_cluster(machine: Machine, description: Description) -> ClusterConfig:
    """Check that the cluster of this machine is the described one, and return its configuration."""
    config = read_cluster_config(machine.runner)
    if config.name == "debian" and list(config.nodes.values()) == [["127.0.0.1"]]:
        raise ClusterError(
            "this machine still has the example cluster of Debian's package corosync. Remove it on "
            "every node, then run this again: pcs cluster destroy"
        )
    described = {name: node.links for name, node in description.nodes.items()}
    if (config.name, config.nodes) != (description.cluster.name, described):
        raise ClusterError(
            f"this machine already belongs to the cluster {config.name!r} with "
            f"{_listed(config.nodes)}. The description is of the cluster "
            f"{description.cluster.name!r} with {_listed(described)}. Nothing was changed; if the "
            "old cluster is no longer needed: pcs cluster destroy --all"
        )
    return config


def _listed(nodes: dict[str, list[str]]) -> str:
    return ", ".join(f"{name} ({' '.join(links)})" for name, links in nodes.items())
