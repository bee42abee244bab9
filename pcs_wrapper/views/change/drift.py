"""The drift of a cluster from its description, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator

from pcs_wrapper.change.drifting import Drift
from pcs_wrapper.views.change.differences import difference_record, differences_text
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json


def drift_text(drift: Drift) -> Iterator[str]:
    """Yield the lines that describe a drift."""
    yield "not as described:" if drift.diff else "everything is as described"
    yield from differences_text(drift.diff)
    if drift.not_managed:
        yield f"not managed: {', '.join(drift.not_managed)}"


def drift_json(drift: Drift) -> str:
    """Return a drift as JSON."""
    from pcs_wrapper.views.contract.change.difference import Drift as Output

    return output_json(
        Output(
            differences=[difference_record(each) for each in drift.diff.differences],
            not_managed=drift.not_managed,
            findings=finding_records(drift.findings),
        )
    )
