"""`takeover service prepare`: a filesystem on a new service's empty disk, and its first data.

Only an empty disk is touched, so that no other node can have it mounted. What fails half-way is
taken back: the disk is then as empty as before, and the same command can be run again.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cib_templates.errors import TakeoverError
from cib_templates.model.description import Description
from cib_templates.model.services import Filesystem
from pcs_wrapper.change.steps.program import RunProgram
from pcs_wrapper.change.steps.step import Run
from pcs_wrapper.errors import ClusterError, Interrupted, UsageError
from pcs_wrapper.machine import disks
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import wait_until

_TYPE = "ext4"
# Those whose filesystem is on one disk, and mounted on one node at a time.
_TYPES = ("ext2", "ext3", "ext4", "xfs", "btrfs")
_BY_PATH = "/dev/disk/by-path"
_DEFAULT_PORT = ":3260"
# The part of a disk that is read: where nothing is known but not all is zero, there may be data.
_BEGINNING = 2**20
_ISCSI_NO_RECORD, _ISCSI_THERE_ALREADY = 21, 15
_QUICK, _MKFS, _COMMAND = 60.0, 1800.0, 24 * 3600.0
_APPEARS, _PAUSE = 30.0, 0.2
_EMPTY_AGAIN = "The disk is empty as before: the same command can be run again"
_ANY = range(-64, 256)


@dataclass(frozen=True)
class Preparation:
    """What is to be done to the disk of a service.

    Attributes:
        service: The service's name.
        filesystem: The filesystem as it is described.
        owner: The user that the filesystem shall belong to.
        command: The command that is run in it, by that user; empty if none is.
    """

    service: str
    filesystem: Filesystem
    owner: str
    command: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The type of the filesystem."""
        return self.filesystem.type or _TYPE

    @property
    def disk(self) -> str:
        """The disk as the description has it."""
        described = self.filesystem
        if described.target is None:
            return str(described.device)
        return f"LUN {described.lun} of {described.target}"


def preparation(description: Description, name: str, command: Sequence[str]) -> Preparation:
    """Return what is to be done to the disk of a service; nothing is changed.

    Args:
        description: The description.
        name: The service's name.
        command: The command that fills the filesystem; may be empty.

    Raises:
        UsageError: There is no such service, or its disk is none that can be prepared.
    """
    services = description.services
    if name not in services:
        raise UsageError(
            f"the description has no service {name!r}; its services are {', '.join(services)}"
        )
    service = services[name]
    if service.pattern == "mirror":
        raise UsageError(f"{name} is on a mirror, which is prepared in another way: docs/disks.md")
    if len(service.filesystem) != 1:
        raise UsageError(
            f"{name} has {len(service.filesystem) or 'no'} filesystems, and this prepares one"
        )
    [filesystem] = service.filesystem
    owners = [app.user for app in service.app if app.user]
    found = Preparation(name, filesystem, owners[0] if owners else "root", tuple(command))
    if found.kind not in _TYPES:
        raise UsageError(f"{name} has a filesystem of the type {found.kind}: make it yourself")
    if filesystem.target is None and not str(filesystem.device).startswith("/"):
        raise UsageError(
            f"{filesystem.device} names the filesystem that is to be made: name the disk itself, "
            "such as /dev/disk/by-id/…"
        )
    return found


def planned(wanted: Preparation) -> Iterator[RunProgram]:
    """Yield all steps of a preparation, as they are shown before the disk's name here is known."""
    device = _device(wanted.filesystem) or "DEVICE"
    yield from _attaching(wanted)
    yield _asking(device)
    yield from _making(wanted, device)
    yield _unmounting(wanted)
    yield from _detaching(wanted)


def prepare(machine: Machine, wanted: Preparation) -> str:
    """Make the filesystem, run the command in it, and leave it unmounted.

    Args:
        machine: This machine.
        wanted: What is to be done.

    Returns:
        The disk's name on this machine.

    Raises:
        NotRoot: The user is not root.
        ClusterError: The disk is not empty; nothing was changed.
        ProgramError: A program failed; the disk is empty as before.
        Interrupted: Somebody has interrupted it; the disk is empty as before.
    """
    machine.require_root()
    needed = ["blkid", "cmp", "wipefs", "dd", f"mkfs.{wanted.kind}", "mount", "umount", "runuser"]
    if wanted.filesystem.target and not wanted.filesystem.attach:
        needed.append("iscsiadm")
    machine.runner.require(*needed)
    run = Run(machine)
    with _attached(run, wanted) as device:
        _require_empty(machine, wanted, device)
        try:
            _carry_out(run, wanted, device)
        except KeyboardInterrupt:
            raise Interrupted(f"{wanted.disk} is empty as before, and not mounted") from None
    return device


def _carry_out(run: Run, wanted: Preparation, device: str) -> None:
    """Run the steps from the empty disk to the first data, and unmount it; a failure is undone."""
    is_mounted = False
    try:
        for step in _making(wanted, device):
            _run(run, step)
            is_mounted = is_mounted or step.command[0] == "mount"
    except (TakeoverError, KeyboardInterrupt):
        if is_mounted:
            _unmounting(wanted).run(run)
        for command in _emptying(device):
            run.machine.runner.run(*command, timeout=_QUICK)
        raise
    _run(run, _unmounting(wanted))


def _emptying(device: str) -> tuple[tuple[str, ...], ...]:
    """Return the commands after which a disk is empty to whoever looks for something on it."""
    size = f"bs={_BEGINNING}"
    return (
        ("wipefs", "--all", "--quiet", device),
        ("dd", "if=/dev/zero", f"of={device}", size, "count=1", "conv=fsync", "status=none"),
    )


def _run(run: Run, step: RunProgram) -> None:
    run.machine.console.step(step.summary)
    step.run(run)


@contextmanager
def _attached(run: Run, wanted: Preparation) -> Iterator[str]:
    """Have a disk attached as long as the `with` block lasts; one that was there stays."""
    machine, described = run.machine, wanted.filesystem
    if described.attach:
        where = _where(described)
        asked = machine.runner.run(described.attach, "device", *where, timeout=_QUICK, ok=_ANY)
        is_there = asked.exit_code == 0
        [attach] = _attaching(wanted)
        machine.console.step(attach.summary)
        done = machine.runner.run(*attach.command, timeout=attach.timeout)
        device = done.stdout.strip()
    else:
        device = str(_device(described))
        path = machine.root / device.lstrip("/")
        is_there = path.exists()
        for step in () if is_there else _attaching(wanted):
            machine.console.step(step.summary)
            ok = (0, _ISCSI_THERE_ALREADY, _ISCSI_NO_RECORD)
            machine.runner.run(*step.command, timeout=step.timeout, ok=ok, hint=step.hint)

        def missing() -> str:
            return "" if path.exists() else f"{device} is not there"

        if lacking := wait_until(machine, missing, seconds=_APPEARS, pause=_PAUSE):
            raise ClusterError(f"{lacking}: nothing was changed")
    detaching = () if is_there else tuple(_detaching(wanted))
    try:
        yield device
    except BaseException:
        # Whatever this says, the failure before it is what has to be told.
        for step in detaching:
            machine.runner.run(*step.command, timeout=step.timeout, ok=_ANY)
        raise
    for step in detaching:
        _run(run, step)


def _require_empty(machine: Machine, wanted: Preparation, device: str) -> None:
    """Check that there is nothing on a disk that anybody could want to have.

    Raises:
        ClusterError: There is something.
    """
    machine.console.step(_asking(device).summary)
    what = disks.content(machine, device)
    if not what:
        compare = ("cmp", "--silent", f"--bytes={_BEGINNING}", device, "/dev/zero")
        if machine.runner.run(*compare, timeout=_QUICK, ok=(0, 1)).exit_code == 0:
            return
        what = "data that nothing here knows"
    raise ClusterError(
        f"{device} ({wanted.disk}), the disk of {wanted.service}, is not empty: it has "
        f"{what}. Nothing was changed. If that is the service's own data, there is nothing to "
        "prepare: takeover apply. If nobody needs it any more, on no node, attach the disk as "
        f"--dry-run shows, and run: {'; '.join(map(shlex.join, _emptying(device)))}"
    )


def _asking(device: str) -> RunProgram:
    return RunProgram(f"looking whether {device} is empty", (*disks.ASKING, device), _QUICK)


def _making(wanted: Preparation, device: str) -> Iterator[RunProgram]:
    """Yield the steps from an empty disk to a mounted filesystem with its first data."""
    described = wanted.filesystem
    directory = described.directory
    options = ("-o", described.options) if described.options else ()
    yield RunProgram(
        f"making a filesystem of the type {wanted.kind} on {device}",
        (f"mkfs.{wanted.kind}", "-q", device),
        _MKFS,
        _EMPTY_AGAIN,
    )
    yield RunProgram(f"making {directory}", ("mkdir", "--parents", directory), _QUICK, _EMPTY_AGAIN)
    yield RunProgram(
        f"mounting it on {directory}",
        ("mount", "-t", wanted.kind, *options, device, directory),
        _QUICK,
        _EMPTY_AGAIN,
    )
    if wanted.owner != "root":
        yield RunProgram(
            f"giving it to {wanted.owner}",
            ("chown", f"{wanted.owner}:", directory),
            _QUICK,
            _EMPTY_AGAIN,
        )
    if wanted.command:
        yield RunProgram(
            f"running {shlex.join(wanted.command)} in it as {wanted.owner}",
            (*("runuser", f"--user={wanted.owner}", "--"), *_inside(directory), *wanted.command),
            _COMMAND,
            _EMPTY_AGAIN,
            name=wanted.command[0],
        )


def _inside(directory: str) -> tuple[str, ...]:
    return ("env", f"--chdir={directory}")


def _unmounting(wanted: Preparation) -> RunProgram:
    directory = wanted.filesystem.directory
    hint = f"Does something still run in it (fuser --mount {directory})? End it; then unmount it"
    return RunProgram(f"unmounting {directory}", ("umount", directory), _QUICK, hint)


def _attaching(wanted: Preparation) -> Iterator[RunProgram]:
    """Yield the steps that attach a LUN; none for a disk that is there."""
    described = wanted.filesystem
    if described.target is None:
        return
    if described.attach:
        command = (described.attach, "attach", *_where(described))
        yield RunProgram(f"attaching {wanted.disk}", command, _QUICK)
        return
    node = _iscsiadm(described)
    hint = (
        "Does the target allow this node (/etc/iscsi/initiatorname.iscsi)? If it wants a login "
        "with a password (CHAP), log in yourself, then run this again"
    )
    yield RunProgram(f"noting {described.target}", (*node, "--op", "new"), _QUICK)
    manual = ("--op", "update", "-n", "node.startup", "-v", "manual")
    yield RunProgram("leaving it to the cluster to log in", (*node, *manual), _QUICK)
    yield RunProgram(f"logging in to {described.portal}", (*node, "--login"), _QUICK, hint)


def _detaching(wanted: Preparation) -> Iterator[RunProgram]:
    described = wanted.filesystem
    if described.target is None:
        return
    command = (
        (described.attach, "detach", *_where(described))
        if described.attach
        else (*_iscsiadm(described), "--logout")
    )
    yield RunProgram(f"detaching {wanted.disk}", command, _QUICK)


def _where(described: Filesystem) -> tuple[str, str, str]:
    return str(described.portal), str(described.target), str(described.lun)


def _iscsiadm(described: Filesystem) -> tuple[str, ...]:
    portal, target, _ = _where(described)
    return ("iscsiadm", "--mode", "node", "--targetname", target, "--portal", portal)


def _device(described: Filesystem) -> str | None:
    """Return a disk's name on this machine; None if only its program knows it."""
    if described.target is None:
        return described.device
    if described.attach:
        return None
    portal, target, lun = _where(described)
    has_port = portal.rpartition("]")[2].count(":") == 1
    address = (portal if has_port else portal + _DEFAULT_PORT).replace("[", "").replace("]", "")
    return f"{_BY_PATH}/ip-{address}-iscsi-{target}-lun-{lun}"
