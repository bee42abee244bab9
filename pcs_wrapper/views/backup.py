"""Backups and restores, as text for users and as JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from pcs_wrapper.backup.manifest import Kind, Manifest
from pcs_wrapper.backup.restoring import Restore
from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.contract.backup import Backup, BackupFile, Restored, RestoreDryRun
from pcs_wrapper.views.output import output_json

_NOUNS: dict[Kind, str] = {
    "checkpoint": "files of checkpoints",
    "known hosts": "pcsd's known hosts",
    "sbd": "SBD's settings",
    "named": "files that the configuration names",
    "description": "descriptions",
}


def backup_text(file: Path, manifest: Manifest) -> Iterator[str]:
    """Yield the lines that say what was saved.

    Args:
        file: The backup's file.
        manifest: What it says of itself.
    """
    yield f"{file}: the cluster {manifest.cluster} ({', '.join(manifest.nodes)})"
    yield "  the CIB, and the configurations and keys of Corosync and Pacemaker"
    counts = Counter(each.kind for each in manifest.files)
    for kind, noun in _NOUNS.items():
        if kind in ("known hosts", "sbd") and counts[kind]:
            yield f"  {noun}"
        elif counts[kind]:
            yield f"  {noun}: {counts[kind]}"
    for path in manifest.absent:
        yield f"  not saved, because it is missing here, cannot be read or is too large: {path}"
    yield "the data of the services are not in it"


def backup_json(file: Path, manifest: Manifest) -> str:
    """Return what was saved as JSON."""
    return output_json(
        Backup(
            file=str(file),
            cluster=manifest.cluster,
            nodes=list(manifest.nodes),
            at=manifest.at.isoformat(),
            files=[BackupFile(path=each.path, kind=each.kind) for each in manifest.files],
            absent=manifest.absent,
        )
    )


def restore_text(restore: Restore) -> Iterator[str]:
    """Yield the lines that say what is going to be restored."""
    manifest = restore.backup.manifest
    yield (
        f"the cluster {manifest.cluster} as it was on {manifest.at:%Y-%m-%d %H:%M} UTC, saved on "
        f"{manifest.node}"
    )
    yield f"what Corosync and Pacemaker have on {', '.join(restore.nodes)} is replaced by it"
    for each in restore.missing:
        if each.saved.kind in ("named", "description"):
            yield f"{each.target} is put back"
    for path in restore.left:
        yield f"{path} is different here, and is left as it is"


def restored_text(restore: Restore) -> Iterator[str]:
    """Yield the lines that say what remains to be done after a restore."""
    others = ", ".join(each for each in restore.nodes if each != restore.host)
    for path in restore.for_other_nodes:
        yield f"every node needs {path}, which was put back on this one alone; the others: {others}"


def restored_json(restore: Restore) -> str:
    """Return what was restored as JSON."""
    manifest = restore.backup.manifest
    return output_json(
        Restored(
            cluster=manifest.cluster,
            nodes=list(restore.nodes),
            saved_at=manifest.at.isoformat(),
            left=[str(each) for each in restore.left],
            for_other_nodes=[str(each) for each in restore.for_other_nodes],
        )
    )


def restore_dry_run_json(restore: Restore, steps: Sequence[Step]) -> str:
    """Return what a restore would do as JSON."""
    manifest = restore.backup.manifest
    return output_json(
        RestoreDryRun(
            cluster=manifest.cluster,
            nodes=list(restore.nodes),
            saved_at=manifest.at.isoformat(),
            left=[str(each) for each in restore.left],
            steps=[step_record(step) for step in steps],
        )
    )
