"""Putting the files of a backup back where they were, without taking anybody's away."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pcs_wrapper.backup.archive import Backup
from pcs_wrapper.backup.gathering import rooted
from pcs_wrapper.backup.manifest import PCS_CONFIG, SavedFile
from pcs_wrapper.change.history.checkpoints import folder_of
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.machine.files import require_own_folder, write_private
from pcs_wrapper.machine.machine import Machine

#: What is put back as a file; the settings of SBD are set by pcs, on every node.
PLACED = ("checkpoint", "known hosts", "named", "description")


@dataclass(frozen=True)
class Place:
    """Where a file of a backup goes on this machine.

    Attributes:
        saved: The file.
        target: Where it goes.
        is_there: Whether it is there already, as it was saved.
        is_other: Whether another file is there, which is left as it is.
    """

    saved: SavedFile
    target: Path
    is_there: bool
    is_other: bool


def places(machine: Machine, backup: Backup) -> Iterator[Place]:
    """Yield where each file of a backup goes on this machine.

    Args:
        machine: This machine.
        backup: The backup.
    """
    for saved in backup.manifest.files:
        if saved.kind not in PLACED:
            continue
        path = Path(saved.path)
        is_ours = saved.kind == "checkpoint"
        target = folder_of(machine.state) / path.name if is_ours else rooted(machine, path)
        same = _has(target, backup.contents[saved.path])
        is_other = os.path.lexists(target) and not same
        yield Place(saved, target, is_there=same, is_other=is_other)


def _has(target: Path, content: bytes) -> bool:
    """Return whether a file has a content; a pipe that is there is not waited for."""
    try:
        return target.is_file() and target.read_bytes() == content
    except OSError:
        return False


@dataclass(frozen=True)
class PutFiles(Step):
    """Put the files of a backup back on this machine that it does not have.

    Attributes:
        file: The backup's file.
        backup: The backup.
        missing: Those of its files that are not here.
    """

    file: Path
    backup: Backup
    missing: tuple[Place, ...]
    changes = True
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        count = len(self.missing)
        return f"putting {count} {'file' if count == 1 else 'files'} back on this node"

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that would unpack them."""
        return tuple(_unpacked(self.file, each.saved.member, each.target) for each in self.missing)

    def run(self, run: Run) -> None:
        """Put them back, with their permissions."""
        require_own_folder(run.machine.state)
        for each in self.missing:
            folder = each.target.parent
            is_ours = each.saved.kind == "checkpoint"
            try:
                folder.mkdir(mode=0o700 if is_ours else 0o755, parents=True, exist_ok=True)
                content = self.backup.contents[each.saved.path]
                # Nothing that a cluster needs is setuid.
                mode, owner = each.saved.mode & 0o777, _owner(run.machine, each)
                write_private(each.target, content, mode=mode, owner=owner)
            except OSError as error:
                raise ClusterError(
                    f"{each.target}: cannot be written: {error.strerror}. Make that possible, then "
                    "run this again"
                ) from None


def _owner(machine: Machine, place: Place) -> tuple[int, int]:
    """Return whose a file is by the names that it was saved with; root's if there are none."""
    saved, user, group, unknown = place.saved, 0, 0, []
    try:
        user = pwd.getpwnam(saved.owner).pw_uid
    except KeyError:
        unknown.append(f"the user {saved.owner}")
    try:
        group = grp.getgrnam(saved.group).gr_gid
    except KeyError:
        unknown.append(f"the group {saved.group}")
    for each in unknown:
        machine.console.warning(
            f"{place.target} belonged to {each}, which is not known here: it is root's"
        )
    return user, group


@dataclass(frozen=True)
class Unpack(Step):
    """Unpack what pcs has saved, so that pcs can restore it.

    Attributes:
        file: The backup's file.
        backup: The backup.
        target: Where it is for that time.
    """

    file: Path
    backup: Backup
    target: Path

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "unpacking what pcs has saved"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that would unpack it."""
        return (_unpacked(self.file, PCS_CONFIG, self.target),)

    def run(self, run: Run) -> None:
        """Unpack it."""
        require_own_folder(run.machine.state)
        try:
            run.machine.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self.target, self.backup.pcs_config)
        except OSError as error:
            raise ClusterError(f"{self.target}: cannot be written: {error.strerror}") from None


def _unpacked(file: Path, member: str, target: Path) -> str:
    """Return the command that unpacks a member of a backup."""
    unpack = ("tar", "--extract", "--to-stdout", "--file", str(file), member)
    return f"{shlex.join(unpack)} > {shlex.quote(str(target))}"
