"""What a witness changes, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.cluster.witness import Planned
from pcs_wrapper.health.quorum import may_be_lost, votes_text
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.contract.quorum import WitnessDryRun
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json
from pcs_wrapper.views.state import votes_record


def planned_text(planned: Planned) -> Iterator[str]:
    """Yield the lines that say what a witness changes.

    Args:
        planned: What is to be done.
    """
    if planned.nothing:
        yield f"{planned.nothing}: there is nothing to do"
        return
    if planned.is_voting and planned.device is not None:
        yield f"{planned.device.host} is the witness already: its settings are changed"
    elif planned.present and planned.device is not None:
        yield (
            f"{planned.device.host} is the witness already, but does not vote: it is added anew, "
            "with new certificates"
        )
    yield f"votes now: {votes_text(planned.now)}; {may_be_lost(planned.now)}"
    yield f"afterwards: {votes_text(planned.then)}; {may_be_lost(planned.then)}"
    for each in planned.obstacles:
        yield f"it would be refused: {each.message}"


def witness_dry_run_json(planned: Planned, steps: Sequence[Step]) -> str:
    """Return what a witness would change as JSON."""
    return output_json(
        WitnessDryRun(
            command=planned.command,
            nothing=planned.nothing,
            now=votes_record(planned.now),
            then=votes_record(planned.then),
            obstacles=finding_records(planned.obstacles),
            steps=[step_record(step) for step in steps],
        )
    )
