"""The one executor of changes: it shows the steps, runs them, and takes them back if need be.

apply, rollback and `cluster create` each make a list of steps; what `--dry-run` shows is that list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cib_templates.errors import TakeoverError
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import PushUncertain


def shown(steps: Sequence[Step]) -> Iterator[str]:
    """Yield the lines that show steps: what each does, as a comment, and its commands."""
    for step in steps:
        yield f"# {step.what}"
        yield from step.commands


def execute(steps: Sequence[Step], run: Run) -> Run:
    """Run steps one after another, until one of them finds that the change did harm.

    If a step fails that changes nothing when it fails, those before it are taken back, the last
    one first: what was stopped for a push that is then refused is started again.

    Args:
        steps: The steps.
        run: What is known before them; it is added to.

    Returns:
        The same, as it is now.

    Raises:
        TakeoverError: What went wrong in a step.
    """
    for index, step in enumerate(steps):
        if step.announced:
            run.machine.console.step(step.what)
        try:
            step.run(run)
        except PushUncertain:
            # Nobody knows whether there is something to take back: the next command compares.
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
