"""What people read, a snapshot of each view: a word that changes is seen in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcs_wrapper.views.contract.outputs import OUTPUTS
from tests.unit.pcs_wrapper.views.printed import printed

_SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_text_is_as_it_was(name: str) -> None:
    """Whoever means to change it writes the file anew."""
    assert printed(name, "3.0") == (_SNAPSHOTS / f"{name}.txt").read_text()
