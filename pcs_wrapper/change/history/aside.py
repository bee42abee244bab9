"""Putting aside the changes that a node keeps of a cluster which is no more."""

from __future__ import annotations

from pathlib import Path

from pcs_wrapper.errors import StateNotWritten
from pcs_wrapper.machine.files import require_own_folder
from pcs_wrapper.machine.machine import Machine


def put_aside(machine: Machine, cluster: str) -> Path | None:
    """Move the folder of checkpoints, so that the next cluster begins with none.

    Args:
        machine: This machine.
        cluster: The name of the cluster that is no more.

    Returns:
        Where they are now; None if there were none.

    Raises:
        StateNotWritten: Takeover's folder takes no files; they stay where they are.
    """
    folder = machine.state / "checkpoints"
    require_own_folder(machine.state)
    if not folder.is_dir():
        return None
    at = machine.now().strftime("%Y-%m-%dT%H%M%SZ")
    place = machine.state / f"checkpoints-of-{cluster}-{at}"
    try:
        folder.rename(place)
    except OSError as error:
        raise StateNotWritten(
            place, error.strerror or f"{error}", "The cluster is destroyed, and its history is kept"
        ) from None
    return place
