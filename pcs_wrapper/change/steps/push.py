"""The steps around a push: what was before is kept, the difference is pushed, the outcome noted."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from datetime import timedelta

from lxml import etree

from cib_templates.comparing.changes import changed_ids
from cib_templates.errors import TakeoverError
from pcs_wrapper.change.history import confirmation, interruption
from pcs_wrapper.change.history.checkpoints import Checkpoint
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib


@dataclass(frozen=True)
class SaveConfiguration(Step):
    """Save the live configuration, from which the differences are made.

    Attributes:
        file: The file's name.
    """

    file: str

    @property
    def what(self) -> str:
        """What it does."""
        return "saving the configuration as it is"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command for whoever types the steps; `run` has the configuration already."""
        return (f"pcs cluster cib {self.file}",)

    def run(self, run: Run) -> None:
        """Do nothing: the change was made from the configuration that was read."""


@dataclass(frozen=True)
class KeepCheckpoint(Step):
    """Keep the configuration before and after a push, so that it can be taken back.

    Attributes:
        checkpoint: The checkpoint with its number; its times are filled in when it is kept.
        old: The live CIB.
        new: What it shall be.
        confirm: In what time it must be confirmed; None if it need not be.
    """

    checkpoint: Checkpoint
    old: etree._Element
    new: etree._Element
    confirm: timedelta | None = None

    @property
    def what(self) -> str:
        """What it does."""
        return f"keeping checkpoint {self.checkpoint.number}"

    def run(self, run: Run) -> None:
        """Keep it, and note that the push is in the cluster that stopped what this one removes."""
        now = run.machine.now()
        by = (now + self.confirm).isoformat(timespec="seconds") if self.confirm else None
        dated = replace(self.checkpoint, at=now.isoformat(timespec="seconds"), confirm_by=by)
        run.checkpoints.begin(dated, self.old, self.new)
        stopped_by = self.checkpoint.stopped_by
        if stopped_by is not None and run.checkpoints.get(stopped_by).state == "pushing":
            # Not before: else nobody would be told of a stop after which apply was interrupted.
            interruption.finish(run.checkpoints, run.checkpoints.get(stopped_by))

    def take_back(self, run: Run, error: TakeoverError) -> None:
        """Note that it was not pushed, and why."""
        kept = run.checkpoints.get(self.checkpoint.number)
        if kept.state == "pushing" and kept.epoch_after is None:
            run.checkpoints.keep(kept, state="failed", confirm_by=None, note=str(error))


@dataclass(frozen=True)
class StartTimer(Step):
    """Start the timer that rolls a push back unless it is confirmed.

    Attributes:
        machine: This machine.
        number: The checkpoint's number.
        after: How long there is time to confirm.
    """

    machine: Machine
    number: int
    after: timedelta
    atomic = True

    @property
    def what(self) -> str:
        """What it does."""
        return f"starting the timer that rolls checkpoint {self.number} back unless it is confirmed"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that starts it."""
        return (shlex.join(confirmation.timer_command(self.machine, self.number, self.after)),)

    def run(self, run: Run) -> None:
        """Start it; if that had no answer, it is stopped, for it may have been started."""
        try:
            confirmation.start_timer(run.machine, self.number, self.after)
        except TakeoverError:
            confirmation.stop_timer(run.machine, self.number)
            raise

    def take_back(self, run: Run, error: TakeoverError) -> None:  # noqa: ARG002
        """Stop it, if its push did not happen: whatever is not pushed has no timer either."""
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
    def what(self) -> str:
        """What it does."""
        return f"stopping the timer of checkpoint {self.number}"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that stops it."""
        return (shlex.join(confirmation.stop_command(self.number)),)

    def run(self, run: Run) -> None:
        """Stop it; it may have run, or gone with a reboot."""
        confirmation.stop_timer(run.machine, self.number)


@dataclass(frozen=True)
class Push(Step):
    """Push the difference between two CIBs.

    Attributes:
        number: The number of its checkpoint.
        old: The live CIB as it was read.
        new: What it shall be.
        title: What it does, for the user.
        files: The names of the files with the old CIB, the new one and the difference.
        start_again: Whether it stops resources that are to run again if a later step fails.
    """

    number: int
    old: etree._Element
    new: etree._Element
    title: str
    files: cib.PushFiles = cib.PUSH_FILES
    start_again: bool = False
    announced = True
    atomic = True

    @property
    def what(self) -> str:
        """What it does."""
        return self.title

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that make and push the difference; none if there is none."""
        return cib.push_lines(self.files) if changed_ids(self.old, self.new) else ()

    def run(self, run: Run) -> None:
        """Push it, and note the epochs."""
        pushed = cib.push(run.machine, self.old, self.new, self.files)
        kept = run.checkpoints.get(self.number)
        run.checkpoints.keep(kept, epoch_before=pushed.before, epoch_after=pushed.after)

    def take_back(self, run: Run, error: TakeoverError) -> None:  # noqa: ARG002
        """Start again what it stopped."""
        if self.start_again:
            run.take_back(run.checkpoints.get(self.number), "what it was for was not pushed")


@dataclass(frozen=True)
class Finish(Step):
    """Note that a push is in the cluster, and what it took back if it is a rollback.

    Attributes:
        number: The number of its checkpoint.
    """

    number: int

    @property
    def what(self) -> str:
        """What it does."""
        return f"noting that checkpoint {self.number} is in the cluster"

    def run(self, run: Run) -> None:
        """Note it."""
        interruption.finish(run.checkpoints, run.checkpoints.get(self.number))


@dataclass(frozen=True)
class SeeThrough(Step):
    """Note that nothing is left to do of a change, which was interrupted after its push.

    Attributes:
        number: The number of its checkpoint.
    """

    number: int
    announced = True

    @property
    def what(self) -> str:
        """What it does."""
        return f"checkpoint {self.number} was interrupted after its push: its last steps are done"

    def run(self, run: Run) -> None:
        """Note it."""
        run.checkpoints.keep(run.checkpoints.get(self.number), seen_through=True)


@dataclass(frozen=True)
class MarkRolledBack(Step):
    """Note of checkpoints that nothing of them is in the cluster any more.

    Attributes:
        numbers: Their numbers.
    """

    numbers: tuple[int, ...]

    @property
    def what(self) -> str:
        """What it does."""
        return f"noting that nothing is left of {checkpoints_listed(self.numbers)}"

    def run(self, run: Run) -> None:
        """Note it."""
        for number in self.numbers:
            kept = run.checkpoints.get(number)
            run.checkpoints.keep(kept, state="rolled back", confirm_by=None)


def checkpoints_listed(numbers: tuple[int, ...]) -> str:
    """Return checkpoints as a sentence names them: `checkpoints 4, 3`."""
    return f"checkpoint{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
