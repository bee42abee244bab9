"""The archive of a backup: a tar file that only its owner can read, for it holds secrets."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from cib_templates.reading.files import MEBIBYTE
from pcs_wrapper.backup.manifest import MANIFEST, PCS_CONFIG, Manifest
from pcs_wrapper.errors import UsageError
from pcs_wrapper.machine.files import read_private, write_private

# The largest backup that is read, in bytes, and what it may unpack to.
_LARGEST = 256 * MEBIBYTE
_LARGEST_UNPACKED = 1024 * MEBIBYTE


@dataclass(frozen=True)
class Backup:
    """A backup.

    Attributes:
        manifest: What it says of itself.
        pcs_config: What pcs has saved: a tar file that `pcs config restore` takes.
        contents: The content of each file, by its path.
    """

    manifest: Manifest
    pcs_config: bytes
    contents: dict[str, bytes]

    @property
    def corosync_conf(self) -> bytes:
        """Corosync's configuration.

        Raises:
            UsageError: There is none in it.
        """
        try:
            with tarfile.open(fileobj=io.BytesIO(self.pcs_config), mode="r:bz2") as archive:
                found = archive.extractfile("corosync.conf")
                if found is not None:
                    return found.read()
        except (tarfile.TarError, EOFError, OSError, KeyError):
            pass
        raise UsageError("the backup has no corosync.conf: `takeover backup` makes one that has it")


def digest(content: bytes) -> str:
    """Return the digest of a content, as it is in a manifest."""
    return hashlib.sha256(content).hexdigest()


def require_new(file: Path) -> None:
    """Check that a backup overwrites nothing, which may be the description or the one before.

    Raises:
        UsageError: The file exists.
    """
    if os.path.lexists(file):
        raise UsageError(
            f"{file}: is there already, and is not overwritten: name another file, or remove it"
        )


def write(file: Path, backup: Backup) -> None:
    """Write a backup, which only root can read then.

    Args:
        file: The file; it must not exist.
        backup: The backup.

    Raises:
        UsageError: The file exists, or cannot be written.
    """
    require_new(file)
    packed = io.BytesIO()
    manifest = backup.manifest
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        members = {
            MANIFEST: manifest.model_dump_json(indent=2).encode() + b"\n",
            PCS_CONFIG: backup.pcs_config,
            **{each.member: backup.contents[each.path] for each in manifest.files},
        }
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o600, manifest.at.timestamp()
            archive.addfile(entry, io.BytesIO(content))
    try:
        write_private(file, packed.getvalue())
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from None


def read(file: Path) -> Backup:
    """Read a backup, and check that all of it is as it was.

    Raises:
        UsageError: It cannot be read, is no backup, is damaged, or somebody else could have
            changed it.
    """
    try:
        packed = read_private(file, _LARGEST)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    try:
        members = _members(packed)
        manifest = Manifest.model_validate_json(members[MANIFEST])
    except (tarfile.TarError, EOFError, OSError, KeyError, ValueError, ValidationError):
        raise UsageError(
            f"{file}: is not a backup that this version of Takeover can read; `takeover backup` "
            "makes one"
        ) from None
    contents = {each.path: members.get(each.member, b"") for each in manifest.files}
    expected = {each.path: each.sha256 for each in manifest.files} | {
        PCS_CONFIG: manifest.pcs_config
    }
    found = contents | {PCS_CONFIG: members.get(PCS_CONFIG, b"")}
    damaged = [name for name, content in found.items() if digest(content) != expected[name]]
    if damaged:
        raise UsageError(f"{file}: is damaged: {', '.join(damaged)} is not as it was saved")
    return Backup(manifest, found[PCS_CONFIG], contents)


def _members(packed: bytes) -> dict[str, bytes]:
    """Return the regular files in a tar file, which is unpacked nowhere.

    Raises:
        ValueError: It is too large.
    """
    members: dict[str, bytes] = {}
    left = _LARGEST_UNPACKED
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for entry in archive:
            left -= entry.size
            if left < 0:
                raise ValueError("it is too large")
            content = archive.extractfile(entry) if entry.isfile() else None
            if content is not None:
                members[entry.name] = content.read()
    return members
