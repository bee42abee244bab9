"""The addresses of a node that is replaced by another machine of its name and its addresses.

Once the old node has left, no configuration has them any more. So that an interrupted replacement
goes on without them, they are kept on the node on which it was typed, until it is complete.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cib_templates.reading.files import MEBIBYTE
from pcs_wrapper.change.history.checkpoints import cluster_id
from pcs_wrapper.errors import StateNotWritten
from pcs_wrapper.machine.files import read_private, require_own_folder, write_private
from pcs_wrapper.machine.machine import Machine


def remember(machine: Machine, node: str, links: Sequence[str]) -> None:
    """Keep the addresses of a node.

    Args:
        machine: This machine.
        node: The node's name.
        links: Its addresses.

    Raises:
        StateNotWritten: Takeover's folder takes no files.
    """
    kept = {"cluster_id": cluster_id(machine.corosync_conf), "node": node, "links": list(links)}
    file = _file(machine)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, json.dumps(kept) + "\n")
    except OSError as error:
        raise StateNotWritten(file, error.strerror or f"{error}") from None


def remembered(machine: Machine, node: str) -> tuple[str, ...]:
    """Return the addresses of a node whose replacement was interrupted; none if there is none.

    Args:
        machine: This machine.
        node: The node's name.
    """
    try:
        require_own_folder(machine.state)
        kept = json.loads(read_private(_file(machine), MEBIBYTE, may_be_read=True))
        is_its = kept["node"] == node and kept["cluster_id"] == cluster_id(machine.corosync_conf)
        return tuple(map(str, kept["links"])) if is_its else ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # A file that cannot be read, or is another version's, is none.
        return ()


def forget(machine: Machine) -> None:
    """Forget the addresses, as the replacement is complete."""
    _file(machine).unlink(missing_ok=True)


def _file(machine: Machine) -> Path:
    return machine.state / "replacement.json"
