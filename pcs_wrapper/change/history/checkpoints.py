"""Checkpoints: what the configuration was before each push, and what became of the push.

A folder of files that root alone may read, because a CIB can hold passwords. For each checkpoint:
`N.before.xml` and `N.after.xml`, and then `N.json`, which makes it exist.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.comparing.changes import ChangedIds
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.files import write_private

State = Literal["pushing", "applied", "unconfirmed", "confirmed", "failed", "rolled back"]

#: How many checkpoints are kept.
KEPT = 100
# What is in the cluster; what is `pushing` is so once no command is found to be interrupted.
_IN_EFFECT = ("pushing", "applied", "unconfirmed", "confirmed")


@dataclass(frozen=True)
class Checkpoint:
    """A push, and the way back.

    Attributes:
        number: Its number, growing by one.
        at: When, in ISO 8601 with the offset from UTC.
        user: Who pushed.
        command: By which command: apply or rollback.
        message: Why, in that user's words; may be empty.
        cluster: The cluster's name.
        changes: What was changed.
        state: What became of it: `pushing` until that is known, `failed` if it is not in the
            cluster, `applied`, `unconfirmed` (it will be rolled back), `confirmed` or
            `rolled back`.
        epoch_before: The configuration's epoch that it was pushed on; None before it was.
        epoch_after: The epoch that it made.
        confirm_by: When it is rolled back unless confirmed; as `at`.
        undoes: The checkpoints that a rollback takes back.
        stopped_by: The checkpoint that stopped what this one removes, and is taken back with it;
            None if nothing had to stop.
        stops: IDs of what it stops, so that the next one can remove it.
        seen_through: Whether all its steps were run, not only those up to the push.
        note: What else is to be said of it.
    """

    number: int
    at: str
    user: str
    command: str
    message: str
    cluster: str
    changes: ChangedIds
    state: State = "pushing"
    epoch_before: int | None = None
    epoch_after: int | None = None
    confirm_by: str | None = None
    undoes: tuple[int, ...] = ()
    stopped_by: int | None = None
    stops: tuple[str, ...] = ()
    seen_through: bool = True
    note: str = ""

    @property
    def in_effect(self) -> bool:
        """Return whether it can be taken back: it is in the cluster, and no rollback itself."""
        return self.state in _IN_EFFECT and not self.undoes


class Checkpoints:
    """The checkpoints of this machine.

    Args:
        state: Takeover's folder; `checkpoints` in it is made when there is something to keep.
    """

    def __init__(self, state: Path) -> None:
        self._folder = state / "checkpoints"

    def all(self) -> list[Checkpoint]:
        """Return all checkpoints, the newest first.

        Raises:
            ClusterError: A file is not a checkpoint's.
        """
        return [self._load(number) for number in sorted(self._numbers(), reverse=True)]

    def are_readable(self) -> bool:
        """Return whether this user may see them; where there are none, nobody has to."""
        return not self._folder.parent.exists() or os.access(self._folder.parent, os.R_OK | os.X_OK)

    def get(self, number: int) -> Checkpoint:
        """Return a checkpoint.

        Raises:
            ClusterError: There is none of that number.
        """
        if number not in self._numbers():
            raise ClusterError(
                f"this node has no checkpoint {number}: `takeover history` shows those it has. "
                "They are kept on the node on which apply was run"
            )
        return self._load(number)

    def cibs(self, checkpoint: Checkpoint) -> tuple[etree._Element, etree._Element]:
        """Return the CIB before and after a push."""
        before, after = (
            etree.parse(self._folder / f"{checkpoint.number}.{name}.xml").getroot()
            for name in ("before", "after")
        )
        return before, after

    def next_number(self) -> int:
        """Return the number of the next checkpoint; it stays so while the lock is held."""
        return max(self._numbers(), default=0) + 1

    def begin(self, begun: Checkpoint, old: etree._Element, new: etree._Element) -> None:
        """Keep a checkpoint before its push.

        Args:
            begun: The checkpoint, under the next number.
            old: The live CIB.
            new: What it shall be.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = sorted(self._numbers())
        for name, cib in (("before", old), ("after", new)):
            write_private(self._folder / f"{begun.number}.{name}.xml", to_text(cib))
        self.keep(begun)
        for number in numbers[: max(0, len(numbers) + 1 - KEPT)]:
            for name in ("json", "before.xml", "after.xml"):
                (self._folder / f"{number}.{name}").unlink(missing_ok=True)

    def keep(self, checkpoint: Checkpoint, **difference: Any) -> Checkpoint:
        """Write a checkpoint down as it is now.

        Args:
            checkpoint: The checkpoint.
            difference: What is new of it.
        """
        changed = replace(checkpoint, **difference)
        text = json.dumps(asdict(changed), indent=2, ensure_ascii=False)
        write_private(self._folder / f"{changed.number}.json", f"{text}\n")
        return changed

    def _numbers(self) -> set[int]:
        return {int(file.stem) for file in self._folder.glob("*.json") if file.stem.isdecimal()}

    def _load(self, number: int) -> Checkpoint:
        file = self._folder / f"{number}.json"
        try:
            data = json.loads(file.read_text())
            changes = ChangedIds(**{name: tuple(ids) for name, ids in data.pop("changes").items()})
            undoes, stops = tuple(data.pop("undoes")), tuple(data.pop("stops", ()))
            return Checkpoint(changes=changes, undoes=undoes, stops=stops, **data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ClusterError(f"{file} is not a checkpoint: {error}. Move it away") from None
