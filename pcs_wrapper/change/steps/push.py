"""The steps around a push: keep a checkpoint, push the difference, and record the result."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from datetime import timedelta

from lxml import etree

from cib_templates.cib.record import entries_of
from cib_templates.comparing.changes import changed_ids
from cib_templates.errors import TakeoverError
from pcs_wrapper.change.history import confirmation, interruption, shared
from pcs_wrapper.change.history.checkpoints import Checkpoint, told_if_not_written
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib


@dataclass(frozen=True)
class SaveConfiguration(Step):
    """Save the live CIB, which the difference is made from.

    Attributes:
        file: The name of the file.
    """

    file: str

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "saving the live configuration"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that saves it, for a user who types the commands of the steps."""
        return (f"pcs cluster cib {self.file}",)

    def run(self, run: Run) -> None:
        """Do nothing: the change was prepared from a CIB that has been read already."""


@dataclass(frozen=True)
class KeepCheckpoint(Step):
    """Keep the CIB before and after a push as a checkpoint, so that it can be taken back.

    Attributes:
        checkpoint: The checkpoint with its number; its times are set when it is kept.
        old: The live CIB.
        new: The CIB after the push.
        confirm: The time within which the change must be confirmed; None if it need not be.
    """

    checkpoint: Checkpoint
    old: etree._Element
    new: etree._Element
    confirm: timedelta | None = None
    atomic = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"keeping checkpoint {self.checkpoint.number}"

    def run(self, run: Run) -> None:
        """Keep it, and record that the push that stopped the resources to remove is finished."""
        now = run.machine.now()
        by = (now + self.confirm).isoformat(timespec="seconds") if self.confirm else None
        dated = replace(self.checkpoint, at=now.isoformat(timespec="seconds"), confirm_by=by)
        run.checkpoints.begin(dated, self.old, self.new)
        stopped_by = self.checkpoint.stopped_by
        if stopped_by is not None and run.checkpoints.get(stopped_by).state == "pushing":
            # Not earlier: an apply that is interrupted after the stop has to be reported as such.
            interruption.finish(run.checkpoints, run.checkpoints.get(stopped_by))

    def take_back(self, run: Run, error: TakeoverError) -> None:
        """Record that the change was not pushed, and why."""
        kept = run.checkpoints.find(self.checkpoint.number)
        if kept is not None and kept.state == "pushing" and kept.epoch_after is None:
            with told_if_not_written(run.machine):
                run.checkpoints.keep(kept, state="failed", confirm_by=None, note=str(error))


@dataclass(frozen=True)
class StartTimer(Step):
    """Start the timer that rolls a change back unless it is confirmed.

    Attributes:
        machine: This machine.
        number: The checkpoint's number.
        after: The time within which the change can be confirmed.
    """

    machine: Machine
    number: int
    after: timedelta
    atomic = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"starting the timer that rolls checkpoint {self.number} back unless it is confirmed"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that starts the timer."""
        return (shlex.join(confirmation.timer_command(self.machine, self.number, self.after)),)

    def run(self, run: Run) -> None:
        """Start the timer; if that fails, stop it, as it may have been started after all."""
        try:
            confirmation.start_timer(run.machine, self.number, self.after)
        except TakeoverError:
            confirmation.stop_timer(run.machine, self.number)
            raise

    def take_back(self, run: Run, error: TakeoverError) -> None:  # noqa: ARG002
        """Stop the timer, if the change was not pushed."""
        if run.checkpoints.get(self.number).epoch_after is None:
            confirmation.stop_timer(run.machine, self.number)


@dataclass(frozen=True)
class StopTimer(Step):
    """Stop the timer of a change that is taken back.

    Attributes:
        number: The checkpoint's number.
    """

    number: int

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"stopping the timer of checkpoint {self.number}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that stops the timer."""
        return (shlex.join(confirmation.stop_command(self.number)),)

    def run(self, run: Run) -> None:
        """Stop the timer; it may have run already, or been lost in a reboot."""
        confirmation.stop_timer(run.machine, self.number)


@dataclass(frozen=True)
class Push(Step):
    """Push the difference between two CIBs.

    Attributes:
        number: The number of its checkpoint.
        old: The live CIB as it was read.
        new: The CIB after the push.
        title: The step in a clause, for the user.
        files: The names of the files with the old CIB, the new CIB and the difference.
        start_again: Whether the push stops resources that have to be started again if a later step
            fails.
    """

    number: int
    old: etree._Element
    new: etree._Element
    title: str
    files: cib.PushFiles = cib.PUSH_FILES
    start_again: bool = False
    changes = True
    announced = True
    atomic = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return self.title

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that make and push the difference; empty if nothing differs."""
        return cib.push_lines(self.files) if changed_ids(self.old, self.new) else ()

    def run(self, run: Run) -> None:
        """Push the difference, and record the epochs of the CIB before and after it."""
        kept = run.checkpoints.get(self.number)
        pushed = cib.push(
            run.machine,
            self.old,
            self.new,
            self.files,
            record=shared.pushed(kept, entries_of(self.old)),
        )
        with told_if_not_written(run.machine):
            run.checkpoints.keep(kept, epoch_before=pushed.before, epoch_after=pushed.after)

    def take_back(self, run: Run, error: TakeoverError) -> None:  # noqa: ARG002
        """Start the resources again that the push has stopped."""
        if self.start_again:
            run.take_back(run.checkpoints.get(self.number), "the removal was not pushed")


@dataclass(frozen=True)
class Finish(Step):
    """Record that a push is in the cluster, and that the checkpoints it undoes are rolled back.

    Attributes:
        number: The number of its checkpoint.
        note: A remark for the history; if it is empty, the checkpoint keeps its own.
    """

    number: int
    note: str = ""

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"recording that checkpoint {self.number} is in the cluster"

    def run(self, run: Run) -> None:
        """Record it; every node knows it already, from the push itself."""
        with told_if_not_written(run.machine):
            interruption.finish(run.checkpoints, run.checkpoints.get(self.number), self.note)


@dataclass(frozen=True)
class SeeThrough(Step):
    """Record that the remaining steps of a change, interrupted after its push, have been run.

    Attributes:
        number: The number of its checkpoint.
    """

    number: int
    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"recording that all steps of checkpoint {self.number} have been run now"

    def run(self, run: Run) -> None:
        """Record it."""
        with told_if_not_written(run.machine):
            run.checkpoints.keep(run.checkpoints.get(self.number), seen_through=True)


@dataclass(frozen=True)
class MarkRolledBack(Step):
    """Record that checkpoints are rolled back, as nothing of them is in the cluster any more.

    Attributes:
        numbers: The numbers of the checkpoints.
    """

    numbers: tuple[int, ...]

    @property
    def summary(self) -> str:
        """The step in a clause."""
        listed = checkpoints_listed(self.numbers)
        return f"recording that nothing of {listed} is left in the cluster"

    def run(self, run: Run) -> None:
        """Record it, for every node and on this one."""
        cib.push_record(run.machine, shared.become(self.numbers, "rolled back"))
        for number in self.numbers:
            kept = run.checkpoints.find(number)
            if kept is not None:
                with told_if_not_written(run.machine):
                    run.checkpoints.keep(kept, state="rolled back", confirm_by=None)


def checkpoints_listed(numbers: tuple[int, ...]) -> str:
    """Return checkpoints as words in a sentence, such as `checkpoints 4, 3`."""
    return f"checkpoint{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
