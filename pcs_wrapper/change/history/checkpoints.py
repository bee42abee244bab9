"""Checkpoints: the configuration before and after each push, and the state of that change.

Those of this node are files in a folder that only root can read, because a CIB can contain
passwords. Checkpoint N has `N.before.xml`, `N.after.xml` and `N.json`. `N.json` is written last:
without it the checkpoint does not exist.

The changes that other nodes have made are known from the record in the live CIB (`shared`), and
what the configuration was before and after them from Pacemaker's archive (`archive`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from lxml import etree

from cib_templates.cib.numbers import whole_number
from cib_templates.cib.record import configuration_digest, entries_of
from cib_templates.cib.text import NotXml, parse_cib, to_text
from cib_templates.comparing.changes import ChangedIds
from pcs_wrapper.change.history.archive import Archive
from pcs_wrapper.errors import ClusterError, StateNotWritten
from pcs_wrapper.machine.files import (
    LARGEST_CIB,
    read_private,
    require_own_folder,
    write_private,
)
from pcs_wrapper.machine.machine import Machine

State = Literal[
    "pushing", "applied", "unconfirmed", "confirmed", "failed", "rolled back", "unknown"
]

#: How many checkpoints are kept.
KEPT = 100
#: The commands that take out what they have put into the configuration.
PASSING = ("service move", "service restart")
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
        command: The command that pushed, such as `apply`, `rollback` or `node pause`.
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
        node: The node from which it was pushed; empty if an older version of Takeover pushed it.
        cluster_id: The UUID that Corosync's configuration has of the cluster; empty if it has none.
        description: A digest of the description that was applied; empty for a rollback.
        admin_epoch: The CIB's admin_epoch at the push.
        digest: The beginning of a digest of the configuration on which it was pushed; may be empty.
        omitted: The number of changed objects that `changes` leaves out.
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
    node: str = ""
    cluster_id: str = ""
    description: str = ""
    admin_epoch: int = 0
    digest: str = ""
    omitted: int = 0

    @property
    def in_cluster(self) -> bool:
        """Whether the cluster has it."""
        return self.state in _IN_EFFECT

    @property
    def in_effect(self) -> bool:
        """Whether it can be taken back: it is in the cluster, and not a rollback itself."""
        return self.in_cluster and not self.undoes and not self.passes

    @property
    def passes(self) -> bool:
        """Whether it leaves nothing in the configuration that could be taken back."""
        return self.command in PASSING

    def is_late(self, now: datetime) -> bool:
        """Return whether it should have been confirmed or rolled back by now."""
        return self.confirm_by is not None and datetime.fromisoformat(self.confirm_by) < now


_KEYS = frozenset(each.name for each in fields(Checkpoint))


def folder_of(state: Path) -> Path:
    """Return the folder of the checkpoints in Takeover's own folder."""
    return state / "checkpoints"


class Checkpoints:
    """The changes of the cluster that this machine knows of.

    Args:
        state: Takeover's folder; its subfolder `checkpoints` is made with the first checkpoint.
        live: The live CIB, with the changes that other nodes have made; None to look only at what
            this machine keeps.
        archive: Pacemaker's archive of configurations on this machine; None without `live`.
        cluster_id: The UUID that Corosync's configuration has of the cluster; may be empty.
    """

    def __init__(
        self,
        state: Path,
        live: etree._Element | None = None,
        archive: Archive | None = None,
        cluster_id: str = "",
    ) -> None:
        self._folder = folder_of(state)
        self._archive = archive
        self._cluster_id = cluster_id
        self._epoch = None if live is None else whole_number(live.get("epoch"))
        self._shared = {} if live is None else _shared(live)

    @classmethod
    def of(cls, machine: Machine, live: etree._Element) -> Checkpoints:
        """Return the changes of the cluster, whichever node has made them.

        Args:
            machine: This machine.
            live: The live CIB.
        """
        return cls(machine.state, live, Archive(machine.archive), cluster_id(machine.corosync_conf))

    def all(self) -> list[Checkpoint]:
        """Return all checkpoints of this cluster, the newest first.

        Raises:
            ClusterError: A file in the folder is not a checkpoint.
        """
        local = {number: self._load(number) for number in self._numbers()}
        found = {
            number: self._joined(local.get(number), self._shared.get(number))
            for number in {*local, *self._shared}
        }
        return [
            found[number]
            for number in sorted(found, reverse=True)
            if not self._is_of_another_cluster(found[number])
        ]

    def oldest_of_all_nodes(self) -> int:
        """Return the number of the oldest change that every node knows of; 0 if there is none."""
        return min(self._shared, default=0)

    def of_another_cluster(self) -> list[int]:
        """Return the numbers of the checkpoints that this machine keeps of a former cluster."""
        local = map(self._load, sorted(self._numbers()))
        return [each.number for each in local if self._is_of_another_cluster(each)]

    def are_readable(self) -> bool:
        """Return whether this user can read them, or there are none yet."""
        return not self._folder.parent.exists() or os.access(self._folder.parent, os.R_OK | os.X_OK)

    def get(self, number: int) -> Checkpoint:
        """Return a checkpoint.

        Raises:
            ClusterError: There is no checkpoint with that number, or it is another cluster's.
        """
        found = self.find(number)
        if found is None:
            raise ClusterError(
                f"there is no checkpoint {number}: `takeover history` shows those that there are"
            )
        if self._is_of_another_cluster(found):
            raise ClusterError(
                f"checkpoint {number} is of another cluster, which this machine was in before. "
                f"Its files are in {self._folder}"
            )
        return found

    def find(self, number: int) -> Checkpoint | None:
        """Return a checkpoint; None if there is none with that number."""
        local = self._load(number) if number in self._numbers() else None
        if local is None and number not in self._shared:
            return None
        return self._joined(local, self._shared.get(number))

    def learned(self) -> list[Checkpoint]:
        """Return the checkpoints kept here of which other nodes know more than this one kept."""
        numbers = sorted(self._numbers() & self._shared.keys())
        local = (each for each in map(self._load, numbers) if each.state != "pushing")
        known = ((each, self._joined(each, self._shared[each.number])) for each in local)
        return [joined for each, joined in known if _is_same_push(each, joined) and each != joined]

    def _joined(self, local: Checkpoint | None, shared: Checkpoint | None) -> Checkpoint:
        """Return what is known of a checkpoint on this machine and in the record of the CIB."""
        if shared is None and local is not None and local.state == "unconfirmed":
            if local.number < self.oldest_of_all_nodes():
                # The record keeps what waits: somebody has decided, while this node was away.
                return replace(local, state="unknown", confirm_by=None)
            return local
        if shared is None or local is None or not _is_same_push(local, shared):
            return cast("Checkpoint", shared or local)
        if local.state == "pushing":
            # Its command is at work, or was interrupted.
            return replace(local, epoch_before=shared.epoch_before, epoch_after=shared.epoch_after)
        notes = dict.fromkeys(note for note in (local.note, shared.note) if note)
        return replace(
            local, state=shared.state, confirm_by=shared.confirm_by, note="; ".join(notes)
        )

    def is_shared(self, checkpoint: Checkpoint) -> bool:
        """Return whether the live CIB's record has a checkpoint."""
        return _is_same_push(checkpoint, self._shared.get(checkpoint.number))

    def cibs(self, checkpoint: Checkpoint) -> tuple[etree._Element, etree._Element]:
        """Return the CIB before a push, and the CIB after it.

        Raises:
            ClusterError: A file is missing or damaged, or another node has made the change and
                Pacemaker's archive on this one does not have the configurations.
        """
        if not self._is_kept_here(checkpoint):
            return self._archived(checkpoint)
        before, after = (
            self._cib(self._folder / f"{checkpoint.number}.{name}.xml")
            for name in ("before", "after")
        )
        return before, after

    def _archived(self, checkpoint: Checkpoint) -> tuple[etree._Element, etree._Element]:
        found = None if self._archive is None else _around(self._archive, checkpoint)
        if found is None:
            raise ClusterError(
                f"the configurations before and after checkpoint {checkpoint.number} are neither "
                f"in {self._folder} nor in Pacemaker's archive "
                f"({self._archive.folder if self._archive else 'not read'}) of this node. Nothing "
                f"was changed. {checkpoint.node or 'The node that made the change'} keeps them: "
                "run the command there"
            )
        return found

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
        return max((*self._numbers(), *self._shared), default=0) + 1

    def begin(self, begun: Checkpoint, old: etree._Element, new: etree._Element) -> None:
        """Write a new checkpoint, before its push, and delete the oldest ones above the limit.

        Args:
            begun: The checkpoint, which has the next number.
            old: The live CIB.
            new: The CIB after the push.

        Raises:
            StateNotWritten: The folder takes no files; nothing was changed.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StateNotWritten(self._folder, error.strerror or f"{error}") from None
        numbers = sorted(self._numbers())
        for name, cib in (("before", old), ("after", new)):
            self._write(f"{begun.number}.{name}.xml", to_text(cib))
        self._write(f"{begun.number}.json", _as_json(begun))
        for number in numbers[: max(0, len(numbers) + 1 - KEPT)]:
            for name in ("json", "before.xml", "after.xml"):
                (self._folder / f"{number}.{name}").unlink(missing_ok=True)

    def keep(self, checkpoint: Checkpoint, **difference: Any) -> Checkpoint:
        """Return a checkpoint with some of its attributes changed, and write it if it is kept here.

        Args:
            checkpoint: The checkpoint.
            difference: The new values of the attributes that change.

        Raises:
            StateNotWritten: The folder takes no files.
        """
        changed = replace(checkpoint, **difference)
        if self._is_kept_here(checkpoint):
            self._write(f"{changed.number}.json", _as_json(changed))
        return changed

    def _write(self, name: str, text: str) -> None:
        file = self._folder / name
        try:
            write_private(file, text)
        except OSError as error:
            raise StateNotWritten(file, error.strerror or f"{error}") from None

    def _is_kept_here(self, checkpoint: Checkpoint) -> bool:
        if checkpoint.number not in self._numbers():
            return False
        return _is_same_push(checkpoint, self._load(checkpoint.number))

    def _is_of_another_cluster(self, checkpoint: Checkpoint) -> bool:
        """Return whether a checkpoint is of a cluster that this machine was in before."""
        if self._epoch is None:
            return False
        if checkpoint.cluster_id and self._cluster_id:
            return checkpoint.cluster_id != self._cluster_id
        # An epoch never becomes smaller, but in another cluster.
        return not self.is_shared(checkpoint) and (checkpoint.epoch_after or 0) > self._epoch

    def _numbers(self) -> set[int]:
        require_own_folder(self._folder.parent)
        require_own_folder(self._folder)
        if not self.are_readable():
            return set()
        names = (file.stem for file in self._folder.glob("*.json"))
        return {int(name) for name in names if re.fullmatch(r"[1-9][0-9]{0,8}", name)}

    def _load(self, number: int) -> Checkpoint:
        file = self._folder / f"{number}.json"
        try:
            found = from_json(read_private(file, LARGEST_CIB, may_be_read=True), number)
        except OSError as error:
            raise ClusterError(f"{file} cannot be read: {error.strerror}") from None
        except RecursionError:
            raise ClusterError(f"{file} is not a checkpoint. Move it away") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ClusterError(f"{file} is not a checkpoint: {error}. Move it away") from None
        return found


def _around(
    archive: Archive, checkpoint: Checkpoint
) -> tuple[etree._Element, etree._Element] | None:
    """Return the CIBs before and after a push from Pacemaker's archive."""
    if checkpoint.epoch_before is None or checkpoint.epoch_after is None:
        return None
    before = archive.find(
        checkpoint.admin_epoch,
        checkpoint.epoch_before,
        lambda cib: configuration_digest(cib).startswith(checkpoint.digest),
    )
    after = archive.find(
        checkpoint.admin_epoch,
        checkpoint.epoch_after,
        lambda cib: _is_same_push(checkpoint, _shared(cib).get(checkpoint.number)),
    )
    return None if before is None or after is None else (before, after)


@contextmanager
def told_if_not_written(machine: Machine) -> Iterator[None]:
    """Warn if this node cannot record what has become of a change, which is so all the same."""
    try:
        yield
    except StateNotWritten as error:
        machine.console.warning(
            f"{error.file} cannot be written: {error.reason}. What was done in the cluster is "
            "done, and recorded there; this node finds it out when its folder takes files again"
        )


def _as_json(checkpoint: Checkpoint) -> str:
    return json.dumps(asdict(checkpoint), indent=2, ensure_ascii=False) + "\n"


def from_json(text: str | bytes, number: int) -> Checkpoint:
    """Return the checkpoint that a text describes.

    Args:
        text: The text, JSON.
        number: The checkpoint's number.

    Raises:
        ValueError, TypeError, KeyError, AttributeError, RecursionError: It describes none.
    """
    data = json.loads(text)
    changes = ChangedIds(**{name: tuple(ids) for name, ids in data.pop("changes").items()})
    undoes, stops = tuple(data.pop("undoes", ())), tuple(data.pop("stops", ()))
    found = Checkpoint(changes=changes, undoes=undoes, stops=stops, **data)
    _require_right(found, number)
    return found


def _shared(live: etree._Element) -> dict[int, Checkpoint]:
    """Return the changes of a CIB's record, without what somebody may have edited there."""
    read = {number: from_entry(text, number) for number, text in entries_of(live).items()}
    return {number: found for number, found in read.items() if found is not None}


def from_entry(text: str, number: int) -> Checkpoint | None:
    """Return the checkpoint that an entry of the record describes; None if somebody has edited it.

    Args:
        text: The entry.
        number: The checkpoint's number.
    """
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # A newer version of Takeover on another node may say more.
        known = {key: said for key, said in json.loads(text).items() if key in _KEYS}
        return from_json(json.dumps(known), number)
    return None


def _is_same_push(one: Checkpoint, other: Checkpoint | None) -> bool:
    """Return whether two records of the same number are of the same push."""
    return other is not None and (one.at, one.node) == (other.at, other.node)


def describe(checkpoint: Checkpoint) -> str:
    """Return which change it is, by whom and when, such as `change 7 (alice on node1, …)`."""
    node = f" on {checkpoint.node}" if checkpoint.node else ""
    return f"change {checkpoint.number} ({checkpoint.user}{node}, {checkpoint.at})"


def cluster_id(corosync_conf: Path) -> str:
    """Return the UUID that pcs has given a cluster; empty if it has none."""
    try:
        text = corosync_conf.read_text(errors="replace")
    except OSError:
        return ""
    found = re.search(r"^\s*cluster_uuid:\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def _require_right(found: Checkpoint, number: int) -> None:
    """Check the types of what was read, for nothing else does.

    Raises:
        ValueError: A value is none that a checkpoint has.
    """
    texts = (
        *(found.at, found.user, found.command, found.message, found.cluster, found.note),
        *(found.node, found.cluster_id, found.description, found.digest),
    )
    names = (*found.changes.created, *found.changes.changed, *found.changes.removed, *found.stops)
    if not all(isinstance(each, str) for each in (*texts, *names)):
        raise ValueError("a text is none")
    counts = (found.epoch_before, found.epoch_after, found.stopped_by)
    own = (number, found.admin_epoch, found.omitted)
    numbers = (*own, *found.undoes, *(each for each in counts if each is not None))
    if found.number != number or not all(type(each) is int for each in numbers):
        raise ValueError("a number is none, or another one")
    if found.state not in get_args(State) or type(found.seen_through) is not bool:
        raise ValueError(f"the state is {found.state!r}")
    for time in (found.at, found.confirm_by):
        if time is not None and datetime.fromisoformat(time).tzinfo is None:
            raise ValueError(f"{time} has no offset from UTC")
