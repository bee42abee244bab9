"""`takeover cluster create`: from machines with pcsd running to a cluster with fencing.

Each step can be repeated: a cluster that is there already is completed, never torn down.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cib_templates.comparing.changes import changed_ids
from cib_templates.merging.merge import merge
from cib_templates.model.cluster import Cluster, QuorumDevice, Sbd
from cib_templates.model.description import Description
from cib_templates.model.timing import boot_delay
from pcs_wrapper.change import preconditions
from pcs_wrapper.errors import ClusterError, ClusterUnreachable, CommandFailed
from pcs_wrapper.health import diagnosis
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.corosync import read_cluster_config
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

# For how long pcs waits for Pacemaker on all nodes; dc-deadtime alone is 20 s of it.
_START = 120
# From the end of pcs's own time limit to that of the process: it talks to every node several times,
# and waits up to 60 s for each.
_GRACE = 300.0
# A start on a slow or busy node takes longer than the 60 s after which pcs gives it up.
_PATIENT = 180
_ONLINE = 120.0
_POLL = 1.0
# For how long the fencing devices may take to start, in seconds.
SETTLE = 120


@dataclass(frozen=True)
class Step:
    """A command on the way to the cluster.

    Attributes:
        says: What it does, for the user.
        command: Program and arguments.
        timeout: The time that it may take, in seconds.
        hint: What to do if it fails.
        password: Whether it reads hacluster's password.
    """

    says: str
    command: tuple[str, ...]
    timeout: float
    hint: str = ""
    password: bool = False


def new_cluster(description: Description) -> list[Step]:
    """Return the steps that make the cluster where there is none."""
    links = [
        word
        for name, node in description.nodes.items()
        for word in (name, *(f"addr={link}" for link in node.links))
    ]
    cluster = description.cluster
    # SBD must be enabled before the cluster starts: it starts with it.
    start = ("--start", f"--wait={_START}") if description.sbd is None else ()
    up_to = f" and starting it: up to {_START} s" if start else ""
    steps = [
        Step(
            f"authenticating to pcsd on {', '.join(description.nodes)}",
            _auth(description),
            _GRACE,
            "Is pcsd running on every node (systemctl enable --now pcsd), and does the user "
            "hacluster have this password there (passwd hacluster)?",
            password=True,
        ),
        Step(
            f"setting up the cluster {cluster.name}{up_to}",
            (
                *("pcs", "cluster", "setup", cluster.name, *links),
                *("transport", "knet"),
                *("totem", *_totem(cluster)),
                *(("--enable",) if cluster.start_at_boot else ()),
                *start,
            ),
            _START + _GRACE,
            "If a node has another cluster's configuration that is no longer needed (Debian's "
            "package corosync brings an example), remove it there: pcs cluster destroy",
        ),
    ]
    if description.sbd is not None:
        delay = boot_delay(description)
        steps += [*_enable_sbd(description.sbd, delay), _start(description)]
    if description.quorum is not None:
        steps += _add_quorum_device(description.quorum.device)
    return steps


def _totem(cluster: Cluster) -> list[str]:
    """Return Corosync's timing; what the description leaves out is Corosync's own."""
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


def _enable_sbd(sbd: Sbd, delay: timedelta) -> list[Step]:
    """Return the steps that have the nodes end themselves; the first one empties SBD's disks."""
    wait = _seconds(sbd.watchdog_timeout)
    message = _seconds(sbd.dead_after)
    devices = [f"device={device}" for device in sbd.devices]
    steps = []
    if devices:
        # pcs 0.12 would rather have --yes, which 0.11 does not know.
        steps.append(
            Step(
                f"writing SBD's header to {', '.join(sbd.devices)}",
                (
                    *("pcs", "stonith", "sbd", "device", "setup", *devices),
                    *(f"watchdog-timeout={wait}", f"msgwait-timeout={message}", "--force"),
                ),
                _GRACE,
                "Is the disk attached, and is the package sbd installed?",
            )
        )
    steps.append(
        Step(
            "enabling SBD on all nodes",
            (
                *("pcs", "stonith", "sbd", "enable", f"watchdog={sbd.watchdog}", *devices),
                *(f"SBD_WATCHDOG_TIMEOUT={wait}", f"SBD_DELAY_START={_seconds(delay)}"),
            ),
            _GRACE,
            f"Has every node the package sbd and a watchdog {sbd.watchdog} (pcs stonith sbd "
            "watchdog list)? When it is repaired: pcs cluster destroy --all, then run this again",
        )
    )
    return steps


def _add_quorum_device(device: QuorumDevice) -> list[Step]:
    return [
        Step(
            f"authenticating to pcsd on {device.host}",
            ("pcs", "host", "auth", device.host, "-u", "hacluster"),
            _GRACE,
            f"Has {device.host} the packages corosync-qnetd and pcs, and the same password?",
            password=True,
        ),
        Step(
            f"adding {device.host} as the quorum device",
            (
                *("pcs", "quorum", "device", "add", "model", "net"),
                *(f"host={device.host}", f"algorithm={device.algorithm}"),
            ),
            _GRACE,
            "Is corosync-qdevice installed on every node, and qnetd set up on "
            f"{device.host} (pcs qdevice setup model net --enable --start)?",
        ),
    ]


def _auth(description: Description) -> tuple[str, ...]:
    addresses = [
        word for name, node in description.nodes.items() for word in (name, f"addr={node.links[0]}")
    ]
    return ("pcs", "host", "auth", *addresses, "-u", "hacluster")


def existing_cluster(description: Description) -> list[Step]:
    """Return the steps that start a cluster that is set up already."""
    steps = [_start(description)]
    if description.cluster.start_at_boot:
        steps.append(Step("starting it at boot", ("pcs", "cluster", "enable", "--all"), _GRACE))
    return steps


def _seconds(time: timedelta) -> int:
    return time // timedelta(seconds=1)


def _start(description: Description) -> Step:
    # The first time, too, SBD waits as after a boot, and the start of each node with it.
    delay = _seconds(boot_delay(description))
    return Step(
        f"starting the cluster on all nodes: up to {delay + _START} s",
        (
            *("pcs", "cluster", "start", "--all", f"--wait={_START}"),
            f"--request-timeout={_PATIENT + delay}",
        ),
        delay + _START + _GRACE,
        "Is pcsd running on every node? If this node is not authenticated to it: "
        f"{shlex.join(_auth(description))}",
    )


def steps(machine: Machine, description: Description) -> list[Step]:
    """Find out which steps are needed; nothing is changed.

    Raises:
        NotRoot: This is not root.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
        ClusterError: A fence agent is not installed here, or this machine is a node of a different
            cluster.
    """
    machine.require_root()
    machine.runner.require("pcs", "crm_mon", "crm_resource")
    preconditions.require(machine, preconditions.check_fence_agents(machine, description))
    if not machine.corosync_conf.exists():
        return new_cluster(description)
    _check_same_cluster(machine, description)
    return existing_cluster(description)


def create(
    machine: Machine,
    description: Description,
    password: Callable[[], str],
) -> ClusterState:
    """Create the cluster, or complete it, with its properties and fencing devices.

    Args:
        machine: This machine, which is to be one of the cluster's nodes.
        description: The cluster.
        password: Asks for the password of the user hacluster; called only if it is needed.

    Raises:
        TakeoverError: As `steps`, and what can go wrong in each of them.
    """
    secret = ""
    for step in steps(machine, description):
        # pcs asks for the password and reads it from its standard input, where nobody sees it.
        if step.password and not secret:
            secret = password()
        stdin = f"{secret}\n" if step.password else ""
        machine.console.step(step.says)
        machine.runner.run(*step.command, timeout=step.timeout, stdin=stdin, hint=step.hint)
    _wait_online(machine, description)
    old = cib.read_cib(machine)
    new = merge(old, description, services=False)
    if changed_ids(old, new):
        machine.console.step("pushing cluster properties and fencing devices")
        cib.push(machine, old, new)
    machine.console.step(f"waiting up to {SETTLE} s for the fencing devices")
    cib.wait_for_pacemaker(machine, SETTLE)
    state = read_state(machine)
    _check_fencing(state)
    return state


def _check_same_cluster(machine: Machine, description: Description) -> None:
    """Refuse to touch a cluster that is not the one that is described."""
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
            f"{_shown(config.nodes)}. The description has {description.cluster.name!r} "
            f"with {_shown(described)}. Nothing was changed; if the old cluster is no "
            "longer needed: pcs cluster destroy --all"
        )


def _shown(nodes: dict[str, list[str]]) -> str:
    return ", ".join(f"{name} ({' '.join(links)})" for name, links in nodes.items())


def _wait_online(machine: Machine, description: Description) -> None:
    machine.console.step(f"waiting up to {_ONLINE:g} s for quorum and all nodes")
    deadline = machine.clock() + _ONLINE
    while True:
        waiting = _not_online(machine, description)
        if not waiting:
            return
        if machine.clock() >= deadline:
            raise ClusterError(
                f"after {_ONLINE:g} s: {waiting}. Look at `journalctl -u corosync -u pacemaker` "
                "there, and whether UDP port 5405 is open between the nodes on every link"
            )
        machine.sleep(_POLL)


def _not_online(machine: Machine, description: Description) -> str:
    """Say what is missing for a complete cluster; nothing if it is complete."""
    try:
        state = read_state(machine)
    except (ClusterUnreachable, CommandFailed) as error:
        # While Pacemaker starts, its tools may fail in several ways.
        return str(error)
    online = {node.name for node in state.nodes if node.online and not node.pending}
    offline = [name for name in description.nodes if name not in online]
    if offline:
        return f"{', '.join(offline)} not online"
    return "" if state.quorum else "no quorum"


def _check_fencing(state: ClusterState) -> None:
    stopped = diagnosis.stopped_fencing(state)
    if stopped:
        reasons = "; ".join(f"{device}: {why}" for device, why in stopped.items())
        raise ClusterError(f"the cluster is up, but fencing is not: {reasons}")
