"""Findings and errors, as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cib_templates.errors import TakeoverError
from cib_templates.findings import Finding
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract import findings as contract


def check_json(mistakes: Iterable[Finding], warnings: Iterable[Finding]) -> str:
    """Return what was found in a description as JSON."""
    from pcs_wrapper.views.contract import findings as contract

    return output_json(
        contract.Check(
            mistakes=[_finding_record(each) for each in mistakes],
            warnings=[_finding_record(each) for each in warnings],
        )
    )


def error_json(error: TakeoverError) -> str:
    """Return why a command failed as JSON."""
    from pcs_wrapper.views.contract import findings as contract

    return output_json(
        contract.Error(
            error=contract.Problem(
                code=error.code,
                message=error.message,
                hint=error.hint,
                exit_code=error.exit_code,
                findings=[_finding_record(each) for each in error.findings],
            )
        )
    )


def _finding_record(finding: Finding) -> contract.Finding:
    from pcs_wrapper.views.contract import findings as contract

    place = finding.place
    return contract.Finding(
        code=finding.code,
        severity=finding.severity.value,
        file=None if place is None else str(place.file),
        line=0 if place is None or place.line is None else place.line,
        path=finding.key,
        message=finding.message,
        hint=finding.hint,
    )
