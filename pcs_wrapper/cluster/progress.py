"""How far the creation of a cluster has come, so that one that was interrupted can go on."""

from __future__ import annotations

import json
from pathlib import Path

from pcs_wrapper.machine.files import write_private


class Progress:
    """The commands of a creation that have ended well; nothing once all of it has.

    Args:
        state: Takeover's folder, which is made when there is something to note.
        cluster: The cluster's name.
    """

    def __init__(self, state: Path, cluster: str) -> None:
        self._file = state / "creation.json"
        self._cluster = cluster

    def done(self) -> list[str] | None:
        """Return the commands that have ended well; None if no creation of it was interrupted."""
        try:
            noted = json.loads(self._file.read_text(encoding="utf-8"))
            return list(noted["done"]) if noted["cluster"] == self._cluster else None
        except (OSError, ValueError, KeyError, TypeError):
            # What is no such note, or another version's, is as good as none: create then
            # completes the cluster as it finds it.
            return None

    def note(self, commands: list[str]) -> None:
        """Note that commands have ended well.

        Args:
            commands: All of this creation so far, as somebody would type them.
        """
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        noted = {"cluster": self._cluster, "done": commands}
        write_private(self._file, json.dumps(noted, indent=2, ensure_ascii=False) + "\n")

    def forget(self) -> None:
        """Note that the creation is complete."""
        self._file.unlink(missing_ok=True)
