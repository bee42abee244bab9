"""Findings and errors as JSON for programs; their text is their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cib_templates.findings import Finding
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract import findings as contract


def check_json(mistakes: Sequence[Finding], warnings: Sequence[Finding]) -> str:
    """Return what was found in a description as JSON."""
    from pcs_wrapper.views.contract import findings as contract

    return output_json(contract.Check(mistakes=_records(mistakes), warnings=_records(warnings)))


def error_json(
    code: str, message: str, hint: str, exit_code: int, findings: Sequence[Finding] = ()
) -> str:
    """Return why a command failed as JSON.

    Args:
        code: The error's code.
        message: What went wrong.
        hint: What can be done about it; may be empty.
        exit_code: The command's exit code.
        findings: What led to it.
    """
    from pcs_wrapper.views.contract import findings as contract

    return output_json(
        contract.Error(
            error=contract.Problem(
                code=code,
                message=message,
                hint=hint,
                exit_code=exit_code,
                findings=_records(findings),
            )
        )
    )


def _records(findings: Sequence[Finding]) -> list[contract.Finding]:
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
