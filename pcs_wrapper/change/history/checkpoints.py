"""Checkpoints: the configuration before and after each push, and the state of that change.

They are files in a folder that only root can read, because a CIB can contain passwords. Checkpoint
N has `N.before.xml`, `N.after.xml` and `N.json`. `N.json` is written last: without it the
checkpoint does not exist.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from lxml import etree

from cib_templates.cib.text import NotXml, parse_cib, to_text
from cib_templates.comparing.changes import ChangedIds
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.files import (
    LARGEST_CIB,
    read_private,
    require_own_folder,
    write_private,
)

State = Literal["pushing", "applied", "unconfirmed", "confirmed", "failed", "rolled back"]

#: How many checkpoints are kept.
KEPT = 100
# The states of changes that are in the cluster. A change that is still `pushing` after interrupted
# commands were resolved is one, too.
_IN_EFFECT = ("pushing", "applied", "unconfirmed", "confirmed")


@dataclass(frozen=True)
class Checkpoint:
    """The record of a push, with which it can be taken back.

    Attributes:
        number: The checkpoint's number; each new one is larger by one.
        at: The time of the push, in ISO 8601 with the offset from UTC.
        user: The user who pushed.
        command: The command that pushed: apply or rollback.
        message: The reason, in that user's words; may be empty.
        cluster: The cluster's name.
        changes: The IDs of the objects that were changed.
        state: The state of the change: `pushing` until the result is known, `failed` if it is not
            in the cluster, `applied`, `unconfirmed` (it will be rolled back), `confirmed` or
            `rolled back`.
        epoch_before: The epoch of the configuration on which it was pushed; None before the push.
        epoch_after: The epoch that the push made; None before the push.
        confirm_by: The time at which it is rolled back unless it is confirmed, as `at`; None if it
            need not be confirmed.
        undoes: The numbers of the checkpoints that it takes back; empty if it is no rollback.
        stopped_by: The number of the checkpoint that stopped what this one removes, and that is
            taken back together with it; None if nothing had to be stopped.
        stops: The IDs of the resources that it stops, so that the next checkpoint can remove them.
        seen_through: Whether all steps of the change were run, not only those up to the push.
        note: A remark for the history; may be empty.
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
    def in_cluster(self) -> bool:
        """Whether the cluster has it."""
        return self.state in _IN_EFFECT

    @property
    def in_effect(self) -> bool:
        """Whether it can be taken back: it is in the cluster, and not a rollback itself."""
        return self.in_cluster and not self.undoes


class Checkpoints:
    """The checkpoints of this machine.

    Args:
        state: Takeover's folder; its subfolder `checkpoints` is made with the first checkpoint.
    """

    def __init__(self, state: Path) -> None:
        self._folder = state / "checkpoints"

    def all(self) -> list[Checkpoint]:
        """Return all checkpoints, the newest first.

        Raises:
            ClusterError: A file in the folder is not a checkpoint.
        """
        return [self._load(number) for number in sorted(self._numbers(), reverse=True)]

    def are_readable(self) -> bool:
        """Return whether this user can read them, or there are none yet."""
        return not self._folder.parent.exists() or os.access(self._folder.parent, os.R_OK | os.X_OK)

    def get(self, number: int) -> Checkpoint:
        """Return a checkpoint.

        Raises:
            ClusterError: There is no checkpoint with that number.
        """
        if number not in self._numbers():
            raise ClusterError(
                f"this node has no checkpoint {number}: `takeover history` shows those that it "
                "has. A checkpoint is kept on the node on which apply was run"
            )
        return self._load(number)

    def cibs(self, checkpoint: Checkpoint) -> tuple[etree._Element, etree._Element]:
        """Return the CIB before a push, and the CIB after it.

        Raises:
            ClusterError: A file is missing or damaged.
        """
        before, after = (
            self._cib(self._folder / f"{checkpoint.number}.{name}.xml")
            for name in ("before", "after")
        )
        return before, after

    def _cib(self, file: Path) -> etree._Element:
        try:
            return parse_cib(read_private(file, LARGEST_CIB, may_be_read=True))
        except OSError as error:
            raise ClusterError(f"{file} cannot be read: {error.strerror}") from None
        except NotXml as error:
            raise ClusterError(
                f"{file} is damaged: {error}. Move the files of this checkpoint away"
            ) from None

    def next_number(self) -> int:
        """Return the number of the next checkpoint, which is valid while the lock is held."""
        return max(self._numbers(), default=0) + 1

    def begin(self, begun: Checkpoint, old: etree._Element, new: etree._Element) -> None:
        """Write a new checkpoint, before its push, and delete the oldest ones above the limit.

        Args:
            begun: The checkpoint, which has the next number.
            old: The live CIB.
            new: The CIB after the push.
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
        """Write a checkpoint with some of its attributes changed, and return it.

        Args:
            checkpoint: The checkpoint.
            difference: The new values of the attributes that change.
        """
        changed = replace(checkpoint, **difference)
        text = json.dumps(asdict(changed), indent=2, ensure_ascii=False)
        write_private(self._folder / f"{changed.number}.json", f"{text}\n")
        return changed

    def _numbers(self) -> set[int]:
        require_own_folder(self._folder.parent)
        require_own_folder(self._folder)
        names = (file.stem for file in self._folder.glob("*.json"))
        return {int(name) for name in names if re.fullmatch(r"[1-9][0-9]{0,8}", name)}

    def _load(self, number: int) -> Checkpoint:
        file = self._folder / f"{number}.json"
        try:
            data = json.loads(read_private(file, LARGEST_CIB, may_be_read=True))
            changes = ChangedIds(**{name: tuple(ids) for name, ids in data.pop("changes").items()})
            undoes, stops = tuple(data.pop("undoes")), tuple(data.pop("stops", ()))
            found = Checkpoint(changes=changes, undoes=undoes, stops=stops, **data)
            _require_right(found, number)
        except OSError as error:
            raise ClusterError(f"{file} cannot be read: {error.strerror}") from None
        except RecursionError:
            raise ClusterError(f"{file} is not a checkpoint. Move it away") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ClusterError(f"{file} is not a checkpoint: {error}. Move it away") from None
        return found


def _require_right(found: Checkpoint, number: int) -> None:
    """Check the types of what was read, for nothing else does.

    Raises:
        ValueError: A value is none that a checkpoint has.
    """
    texts = (found.at, found.user, found.command, found.message, found.cluster, found.note)
    names = (*found.changes.created, *found.changes.changed, *found.changes.removed, *found.stops)
    if not all(isinstance(each, str) for each in (*texts, *names)):
        raise ValueError("a text is none")
    counts = (found.epoch_before, found.epoch_after, found.stopped_by)
    numbers = (number, *found.undoes, *(each for each in counts if each is not None))
    if found.number != number or not all(type(each) is int for each in numbers):
        raise ValueError("a number is none, or another one")
    if found.state not in get_args(State) or type(found.seen_through) is not bool:
        raise ValueError(f"the state is {found.state!r}")
    for time in (found.at, found.confirm_by):
        if time is not None and datetime.fromisoformat(time).tzinfo is None:
            raise ValueError(f"{time} has no offset from UTC")
