"""`takeover restore`: have the cluster of a backup again, on its nodes or on new ones.

pcs sends the configurations and keys to every node. What it does not know is done beside that: a
witness is added anew, since each node's certificates for it are not in a backup, SBD is set up, and
Takeover's own files are put back.
"""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from pcs_wrapper.backup.archive import Backup
from pcs_wrapper.backup.manifest import PCS_CONFIG
from pcs_wrapper.backup.others import RequireReplaceable
from pcs_wrapper.backup.placing import Place, PutFiles, Unpack, places
from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.steps.members import WaitForNodes
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.cluster.progress import Progress
from pcs_wrapper.errors import ClusterError, ClusterUnreachable, CommandFailed
from pcs_wrapper.machine.files import write_private
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.network import own_addresses
from pcs_wrapper.pacemaker import sbd
from pcs_wrapper.pacemaker.corosync import QuorumDevice, read_cluster_config, read_quorum_device
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

# pcs talks to every node several times, and waits up to 60 s for each, in seconds.
_LIMIT = 300.0
# The time for which pcs waits for Pacemaker on all nodes, in seconds.
_START = 120
_RECORD = "restore"
_RESTORE = ("pcs", "config", "restore")
# The settings of SBD that pcs takes as options of its own.
_WATCHDOG = "SBD_WATCHDOG_DEV"
_OPTIONS = ("SBD_WATCHDOG_TIMEOUT", "SBD_DELAY_START", "SBD_STARTMODE", "SBD_TIMEOUT_ACTION")


@dataclass(frozen=True)
class Restore:
    """A restore, before it is made.

    Attributes:
        host: The name of this machine.
        file: The backup's file.
        backup: The backup.
        places: Where its files go on this machine.
        device: The quorum device of the cluster; None if it has none.
        done: The commands of an interrupted restore that have succeeded; None if none was.
        replace: Whether the configuration of another cluster is replaced.
    """

    host: str
    file: Path
    backup: Backup
    places: tuple[Place, ...]
    device: QuorumDevice | None
    done: tuple[str, ...] | None
    replace: bool

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes."""
        return tuple(self.backup.manifest.nodes)

    @property
    def left(self) -> tuple[Path, ...]:
        """The files that are different here, and are left as they are."""
        return tuple(each.target for each in self.places if each.is_other)

    @property
    def missing(self) -> tuple[Place, ...]:
        """The files that are put back."""
        return tuple(each for each in self.places if not (each.is_there or each.is_other))

    @property
    def for_other_nodes(self) -> tuple[Path, ...]:
        """The files that every node needs, and that are put back on this one alone."""
        here = (each for each in self.places if each.saved.kind == "named" and not each.is_other)
        return tuple(each.target for each in here)


def prepare(machine: Machine, file: Path, backup: Backup, *, replace: bool = False) -> Restore:
    """Find out what it takes to restore a backup; nothing is changed.

    Args:
        machine: This machine, which has to be one of the nodes.
        file: The backup's file.
        backup: The backup.
        replace: Whether the configuration of a cluster that is here is replaced.

    Raises:
        NotRoot: The user is not root.
        ProgramError: pcs is missing or fails.
        ClusterError: This machine is not one of the nodes, has not its addresses, or belongs to a
            cluster.
    """
    machine.require_root()
    machine.runner.require("pcs", "crm_mon")
    manifest = backup.manifest
    if machine.host not in manifest.nodes:
        raise ClusterError(
            f"this machine is called {machine.host}, and the nodes of the cluster "
            f"{manifest.cluster!r} are {', '.join(manifest.nodes)}. Run it on one of them"
        )
    _require_addresses(machine, manifest.nodes[machine.host])
    done = None
    if machine.corosync_conf.exists():
        # Without it, the configuration was destroyed since, and nothing of a restore is left.
        done = _progress(machine, backup).done()
        if not any(each.startswith(shlex.join(_RESTORE)) for each in done or ()):
            _require_replaceable(machine, backup, replace=replace or done is not None)
    return Restore(
        machine.host,
        file,
        backup,
        tuple(places(machine, backup)),
        _device(machine, backup),
        None if done is None else tuple(done),
        replace,
    )


def _progress(machine: Machine, backup: Backup) -> Progress:
    """Return the record of the restore of this very backup: another one's steps are not its own."""
    manifest = backup.manifest
    which = f"{manifest.cluster} of {manifest.at.isoformat()}, {manifest.pcs_config}"
    return Progress(machine.state, which, _RECORD)


def _require_addresses(machine: Machine, addresses: Sequence[str]) -> None:
    """Refuse to send a configuration to machines elsewhere that have the nodes' addresses."""
    with machine.netlink() as opened:
        own = own_addresses(opened)
    for address in addresses:
        try:
            is_missing = str(ipaddress.ip_address(address)) not in own
        except ValueError:  # a name, which is resolved when it is needed
            continue
        if is_missing:
            raise ClusterError(
                f"{machine.host} had the address {address}, which this machine has not; the "
                "configuration would be sent to the machines that have the nodes' addresses now. "
                "Give every node the addresses that it had, then run this again"
            )


def _require_replaceable(machine: Machine, backup: Backup, *, replace: bool) -> None:
    name = read_cluster_config(machine.runner).name
    try:
        read_state(machine)
        runs = True
    except (ClusterUnreachable, CommandFailed):
        runs = False
    if runs:
        raise ClusterError(
            f"the cluster {name!r} runs on this machine: a backup is restored where none runs. If "
            "it is the one that shall be replaced, stop it first: takeover cluster stop. To take "
            "changes of the configuration back: takeover rollback"
        )
    if not replace:
        raise ClusterError(
            f"this machine has the configuration of the cluster {name!r}. To replace it on all "
            f"nodes by that of {backup.manifest.cluster!r} of {backup.manifest.at:%Y-%m-%d %H:%M} "
            "UTC: --replace"
        )


def _device(machine: Machine, backup: Backup) -> QuorumDevice | None:
    """Return the quorum device in the Corosync configuration of a backup."""
    with TemporaryDirectory(prefix="takeover-") as folder:
        file = Path(folder, "corosync.conf")
        write_private(file, backup.corosync_conf)
        return read_quorum_device(machine.runner, file)


def steps(machine: Machine, restore: Restore) -> list[Step]:
    """Return the steps of a restore; nothing is changed.

    Args:
        machine: This machine.
        restore: The restore.
    """
    missing = restore.missing
    first: list[Step] = [PutFiles(restore.file, restore.backup, missing)] if missing else []
    restored = _configurations(machine, restore)
    programs = [
        _authentication(restore),
        restored,
        *_witness(restore),
        *_sbd(restore),
        *_start(restore),
    ]
    done = restore.done or ()
    left: list[Step] = [each for each in programs if shlex.join(each.command) not in done]
    others = tuple(each for each in restore.nodes if each != restore.host)
    if restored in left and others:
        cluster = restore.backup.manifest.cluster
        check = RequireReplaceable(cluster, others, restore.replace)
        left.insert(left.index(restored), check)
    return [
        *first,
        Unpack(restore.file, restore.backup, machine.state / PCS_CONFIG),
        *left,
        WaitForNodes(restore.nodes),
    ]


def _authentication(restore: Restore) -> RunProgram:
    links = restore.backup.manifest.nodes.items()
    addresses = [word for name, [link, *_] in links for word in (name, f"addr={link}")]
    return RunProgram(
        f"authenticating to pcsd on {', '.join(restore.nodes)}",
        ("pcs", "host", "auth", *addresses, "-u", "hacluster"),
        _LIMIT,
        "No configuration was restored yet. Is every node on, and does pcsd run there (systemctl "
        "enable --now pcsd)? The user hacluster must have the same password on every node (passwd "
        "hacluster)",
        password=True,
    )


def _configurations(machine: Machine, restore: Restore) -> RunProgram:
    return RunProgram(
        f"restoring the configurations and keys on {', '.join(restore.nodes)}",
        (*_RESTORE, str(machine.state / PCS_CONFIG)),
        _LIMIT,
        "The cluster must be stopped on every node: takeover cluster stop",
    )


def _witness(restore: Restore) -> list[RunProgram]:
    device = restore.device
    if device is None:
        return []
    return [
        RunProgram(
            f"authenticating to pcsd on {device.host}",
            ("pcs", "host", "auth", device.host, "-u", "hacluster"),
            _LIMIT,
            f"Does {device.host} have the packages corosync-qnetd and pcs, and the same password "
            "of the user hacluster?",
            password=True,
        ),
        RunProgram(
            "forgetting the nodes' old certificates for the witness",
            ("pcs", "quorum", "device", "remove"),
            _LIMIT,
        ),
        RunProgram(
            f"adding {device.host} as the quorum device",
            ("pcs", "quorum", "device", "add", *device.words),
            _LIMIT,
            "Is corosync-qdevice installed on every node, and does corosync-qnetd run on "
            f"{device.host}?",
        ),
    ]


def _sbd(restore: Restore) -> list[RunProgram]:
    """Return the step that sets SBD up again; what is on its disks is left alone."""
    texts = [
        content.decode(errors="replace")
        for path, content in restore.backup.contents.items()
        if Path(path) in sbd.SETTINGS
    ]
    settings = sbd.parse_settings("\n".join(texts))
    if not settings.get(_WATCHDOG) or not restore.backup.manifest.uses_sbd:
        return []
    devices = [f"device={each}" for each in sbd.disks_of(settings)]
    options = [f"{name}={settings[name]}" for name in _OPTIONS if settings.get(name)]
    return [
        RunProgram(
            "enabling SBD on all nodes",
            (
                *("pcs", "stonith", "sbd", "enable", f"watchdog={settings[_WATCHDOG]}"),
                *(*devices, *options),
            ),
            _LIMIT,
            "Does every node have the package sbd, a watchdog, and SBD's disks? A new disk gets "
            "its header by: pcs stonith sbd device setup",
        )
    ]


def _start(restore: Restore) -> list[RunProgram]:
    start = RunProgram(
        f"starting the cluster on all nodes: up to {_START} s",
        ("pcs", "cluster", "start", "--all", f"--wait={_START}"),
        _START + _LIMIT,
        "Is pcsd running on every node?",
    )
    if not restore.backup.manifest.starts_at_boot:
        return [start]
    boot = ("pcs", "cluster", "enable", "--all")
    return [start, RunProgram("enabling the cluster at boot", boot, _LIMIT)]


def make(machine: Machine, restore: Restore, password: Callable[[], str]) -> ClusterState:
    """Restore a backup, and return the state of the cluster when all nodes are online.

    Args:
        machine: This machine.
        restore: The restore.
        password: A function that asks for the password of the user hacluster.

    Raises:
        Interrupted: Somebody has interrupted it; the same command goes on.
        TakeoverError: A step has failed; the same command goes on.
    """
    progress = _progress(machine, restore.backup)
    noted = list(restore.done or ())

    def note(step: Step) -> None:
        if isinstance(step, RunProgram):
            noted.extend(step.commands)
            progress.note(noted)

    go_on = "To go on with what is missing, run the same command again"
    run = Run(machine, password=cache(password), go_on=go_on, note=note)
    try:
        state = execute(steps(machine, restore), run).known_state()
    finally:
        # It has the keys of the cluster.
        (machine.state / PCS_CONFIG).unlink(missing_ok=True)
    progress.forget()
    return state
