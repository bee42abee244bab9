"""The executor of changes: it shows the steps of a change, runs them, and takes them back.

apply, rollback and `cluster create` each make a list of steps, and `--dry-run` prints that list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cib_templates.errors import TakeoverError
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import Interrupted, PushUncertain


def shown(steps: Sequence[Step]) -> Iterator[str]:
    """Yield the lines that show steps: the summary of each as a comment, and its commands."""
    for step in steps:
        yield f"# {step.summary}"
        yield from step.commands


def execute(steps: Sequence[Step], run: Run) -> Run:
    """Run steps one after another, until one of them finds that the change did harm.

    If an atomic step fails, the steps before it are taken back, the last one first. So resources
    that were stopped for a push are started again if that push is refused.

    Args:
        steps: The steps.
        run: The state of the run before the steps, which they update.

    Returns:
        The same run, after the steps.

    Raises:
        Interrupted: Somebody has interrupted a step; the message says what was changed.
        TakeoverError: A step has failed.
    """
    for index, step in enumerate(steps):
        if step.announced:
            run.machine.console.step(step.summary)
        try:
            step.run(run)
        except KeyboardInterrupt:
            raise Interrupted(_left(steps[:index], step, run)) from None
        except PushUncertain:
            # It is not known whether the push arrived: the next command compares the CIBs.
            raise
        except TakeoverError as error:
            if step.atomic:
                for done in reversed(steps[:index]):
                    done.take_back(run, error)
            raise
        run.note(step)
        if run.harm:
            break
    return run


@contextmanager
def telling_if_interrupted(left: str) -> Iterator[None]:
    """Turn an interruption within the `with` block into an error that says what was changed.

    Args:
        left: What was changed before, and what to do next.

    Raises:
        Interrupted: Somebody has interrupted the block.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(left) from None


def _left(done: Sequence[Step], step: Step, run: Run) -> str:
    """Say what was changed when somebody interrupted a step, and what to do next."""
    if step.changes:
        return f"it is not known whether this was still done: {step.summary}. {run.go_on}"
    changed = "; ".join(each.summary for each in done if each.changes)
    return f"this was done already: {changed}. {run.go_on}" if changed else run.unchanged
