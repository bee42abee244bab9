"""The record of a cluster's creation or restore, with which an interrupted one can be continued."""

from __future__ import annotations

import json
from pathlib import Path

from cib_templates.reading.files import MEBIBYTE
from pcs_wrapper.machine.files import read_private, require_own_folder, write_private


class Progress:
    """The commands of a creation that have succeeded; deleted when the creation is complete.

    Args:
        state: Takeover's folder, which is made if it does not exist.
        cluster: The cluster's name.
        what: What is recorded: `creation`, or `restore`.
    """

    def __init__(self, state: Path, cluster: str, what: str = "creation") -> None:
        self._file = state / f"{what}.json"
        self._cluster = cluster

    def done(self) -> list[str] | None:
        """Return the commands that have succeeded; None if no creation was interrupted."""
        require_own_folder(self._file.parent)
        try:
            record = json.loads(read_private(self._file, MEBIBYTE, may_be_read=True))
            return list(record["done"]) if record["cluster"] == self._cluster else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            # A record that cannot be read, or is another version's, is ignored: create then starts
            # the cluster as it finds it.
            return None

    def note(self, commands: list[str]) -> None:
        """Record the commands that have succeeded.

        Args:
            commands: All commands of this creation so far, as a user would type them.
        """
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        record = {"cluster": self._cluster, "done": commands}
        write_private(self._file, json.dumps(record, indent=2, ensure_ascii=False) + "\n")

    def forget(self) -> None:
        """Delete the record, as the creation is complete."""
        self._file.unlink(missing_ok=True)
