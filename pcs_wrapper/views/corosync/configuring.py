"""What Corosync has otherwise than described, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator

from pcs_wrapper.cluster.configuring import Planned
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.contract.change.changes import CorosyncChange, CorosyncValue
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json


def configured_text(planned: Planned) -> Iterator[str]:
    """Yield the lines that say what is changed.

    Args:
        planned: The change.
    """
    if not planned.steps:
        yield "Corosync is as described: there is nothing to do"
    for value in _values(planned):
        yield f"{value.of} {value.key}: {value.now} → {value.described}"
    for each in planned.obstacles:
        yield f"it would be refused: {each.message}"


def configured_json(planned: Planned) -> str:
    """Return what is changed, or was, as JSON."""
    return output_json(
        CorosyncChange(
            changes=list(_values(planned)),
            obstacles=finding_records(planned.obstacles),
            steps=[step_record(step) for step in planned.steps],
        )
    )


def _values(planned: Planned) -> Iterator[CorosyncValue]:
    for each in planned.differences:
        for fact in each.attributes:
            of = "Corosync's" if each.what == "corosync" else f"{each.name}'s"
            yield CorosyncValue(
                of=of, key=fact.name, now=fact.new or "default", described=fact.old or "default"
            )
