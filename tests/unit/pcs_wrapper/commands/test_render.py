"""`takeover render` where Pacemaker's schemas are installed."""

from __future__ import annotations

import pytest

from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover


def test_what_the_schema_rejects_is_not_printed(
    takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CIB that this Pacemaker would not take is a failure, told with the line and the reason."""
    takeover.has_a_schema_that_rejects()
    assert takeover("render", EXAMPLE) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "pacemaker-3.9.rng rejects the CIB:\n  line " in captured.err
