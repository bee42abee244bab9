"""`takeover backup`: everything that it takes to have the cluster again, on new nodes."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lxml import etree

from cib_templates.reading.files import MEBIBYTE, read_file
from pcs_wrapper.backup.archive import Backup, digest
from pcs_wrapper.backup.manifest import PCS_CONFIG, Kind, Manifest, SavedFile
from pcs_wrapper.change.history.checkpoints import folder_of
from pcs_wrapper.change.looking.files import named_files
from pcs_wrapper.errors import ClusterError, ClusterUnreachable, CommandFailed, UsageError
from pcs_wrapper.machine.files import LARGEST_CIB, require_own_folder
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, sbd
from pcs_wrapper.pacemaker.corosync import read_cluster_config

#: Which other machines pcs knows, with the tokens for them.
KNOWN_HOSTS = Path("/var/lib/pcsd/known-hosts")
_TIMEOUT = 60.0
# A file that the configuration names is one of a person's, and small.
_LARGEST = 4 * MEBIBYTE


@dataclass(frozen=True)
class _Found:
    path: Path
    kind: Kind
    status: os.stat_result
    content: bytes

    @property
    def saved(self) -> SavedFile:
        """What the backup says of it."""
        return SavedFile(
            path=str(self.path),
            kind=self.kind,
            mode=stat.S_IMODE(self.status.st_mode),
            owner=_user(self.status.st_uid),
            group=_group(self.status.st_gid),
            sha256=digest(self.content),
        )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"{number}"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return f"{number}"


def gather(machine: Machine, takeover: str, descriptions: Sequence[Path] = ()) -> Backup:
    """Return a backup of the cluster of this machine; nothing is changed.

    The cluster need not run. What pcs itself saves (the CIB, the configuration and the keys of
    Corosync and Pacemaker, and pcsd's settings) is in it as pcs makes it.

    Args:
        machine: This machine.
        takeover: The version of Takeover.
        descriptions: The descriptions that are to be in it.

    Raises:
        NotRoot: The user is not root.
        ProgramError: pcs is missing or fails.
        ClusterError: This machine is no node of a cluster.
        UsageError: A description cannot be read.
    """
    machine.require_root()
    machine.runner.require("pcs", "systemctl")
    if not machine.corosync_conf.exists():
        raise ClusterError(
            f"this machine is no node of a cluster: there is no {machine.corosync_conf}. Run it on "
            "a node"
        )
    config = read_cluster_config(machine.runner)
    saved = _pcs_config(machine)
    named, absent = _named(machine, _configuration(machine))
    found = [
        *_checkpoints(machine),
        *_of(machine, (KNOWN_HOSTS,), "known hosts"),
        *_of(machine, sbd.SETTINGS, "sbd"),
        *named,
        *(_description(file) for file in descriptions),
    ]
    manifest = Manifest(
        takeover=takeover,
        at=machine.now(),
        node=machine.host,
        cluster=config.name,
        nodes=config.nodes,
        starts_at_boot=_is_enabled(machine, "pacemaker"),
        uses_sbd=_is_enabled(machine, "sbd"),
        pcs_config=digest(saved),
        files=tuple(each.saved for each in found),
        absent=tuple(absent),
    )
    return Backup(manifest, saved, {str(each.path): each.content for each in found})


def _pcs_config(machine: Machine) -> bytes:
    """Return what pcs saves of the cluster."""
    with TemporaryDirectory(prefix="takeover-") as folder:
        file = Path(folder, PCS_CONFIG)
        machine.runner.run("pcs", "config", "backup", str(file), timeout=_TIMEOUT)
        return read_file(file, LARGEST_CIB)


def _configuration(machine: Machine) -> etree._Element:
    """Return the CIB: the live one, or the one that the stopped cluster has left here."""
    try:
        return cib.query(machine)
    except (ClusterUnreachable, CommandFailed):
        return cib.read_cib_file(machine.archive / "cib.xml")


def _is_enabled(machine: Machine, unit: str) -> bool:
    # It ends with another code for each of its other answers.
    asked = machine.runner.run("systemctl", "is-enabled", unit, timeout=_TIMEOUT, ok=range(256))
    return asked.stdout.strip() == "enabled"


def _checkpoints(machine: Machine) -> Iterator[_Found]:
    """Yield the checkpoints of this node."""
    require_own_folder(machine.state)
    for pattern in ("[0-9]*.json", "[0-9]*.before.xml", "[0-9]*.after.xml"):
        for file in sorted(folder_of(machine.state).glob(pattern)):
            if (found := _read(file, file, "checkpoint", LARGEST_CIB)) is not None:
                yield found


def _of(machine: Machine, paths: Sequence[Path], kind: Kind) -> Iterator[_Found]:
    for path in paths:
        if (found := _read(rooted(machine, path), path, kind)) is not None:
            yield found


def _named(machine: Machine, live: etree._Element) -> tuple[list[_Found], list[str]]:
    """Return the files that the configuration names, and those of them that cannot be saved.

    Those of packages come with the packages.
    """
    named = named_files(live)
    saved, absent = [], []
    for value in named.paths:
        file = rooted(machine, Path(value))
        found = _read(file, Path(value), "named")
        if found is not None:
            saved.append(found)
        elif value in named.alerts or (os.path.lexists(file) and not file.is_dir()):
            absent.append(value)
    return saved, absent


def _description(file: Path) -> _Found:
    try:
        content = read_file(file, _LARGEST)
        status = file.stat()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    return _Found(file.parent.resolve() / file.name, "description", status, content)


def _read(file: Path, path: Path, kind: Kind, limit: int = _LARGEST) -> _Found | None:
    """Return a file; None if it is not there, is no file, or is too large."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        return _Found(path, kind, status, read_file(file, limit))
    except OSError:
        return None


def rooted(machine: Machine, path: Path) -> Path:
    """Return where a file of a machine is."""
    return machine.root / path.relative_to("/")
