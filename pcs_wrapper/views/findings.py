"""A finding as JSON."""

from __future__ import annotations

from typing import Any

from cib_templates.findings import Finding


def finding_data(finding: Finding) -> dict[str, Any]:
    """Return a finding as data; the keys are those that users' programs read."""
    place = finding.place
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "file": None if place is None else str(place.file),
        "line": None if place is None else place.line,
        "path": finding.key,
        "message": finding.message,
        "hint": finding.hint,
    }
