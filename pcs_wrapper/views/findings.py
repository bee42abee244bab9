"""Findings and errors, as JSON for programs; as text they print themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cib_templates.errors import TakeoverError
from cib_templates.findings import Finding
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract import findings as contract


def check_json(mistakes: Sequence[Finding], warnings: Sequence[Finding]) -> str:
    """Return the findings in a description as JSON."""
    from pcs_wrapper.views.contract import findings as contract

    return output_json(
        contract.Check(mistakes=finding_records(mistakes), warnings=finding_records(warnings))
    )


def error_json(error: TakeoverError) -> str:
    """Return the error that ended a command as JSON."""
    from pcs_wrapper.views.contract import findings as contract

    return output_json(
        contract.Error(
            error=contract.Problem(
                code=error.code,
                message=error.message,
                hint=error.hint,
                exit_code=error.exit_code,
                findings=finding_records(error.findings),
            )
        )
    )


def finding_records(findings: Sequence[Finding]) -> list[contract.Finding]:
    """Return findings, as a part of an output."""
    from pcs_wrapper.views.contract import findings as contract

    return [
        contract.Finding(
            code=each.code,
            severity=each.severity.value,
            file=None if each.place is None else str(each.place.file),
            line=(each.place.line or 0) if each.place is not None else 0,
            path=each.key,
            message=each.message,
            hint=each.hint,
        )
        for each in findings
    ]
