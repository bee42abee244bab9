"""What people read, a snapshot of each view: a word that changes is seen in its place.

`python -m tests.unit.pcs_wrapper.views.test_text` writes the snapshots anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pcs_wrapper.views.contract.outputs import OUTPUTS
from tests.unit.pcs_wrapper.views.printed import printed

_SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_text_is_as_it_was(name: str) -> None:
    """Whoever means to change it writes the snapshots anew, and reads the difference."""
    assert printed(name, "3.0") == _snapshot(name).read_text()


def _snapshot(name: str) -> Path:
    return _SNAPSHOTS / f"{name}.txt"


if __name__ == "__main__":
    for each in OUTPUTS:
        _snapshot(each).write_text(printed(each, "3.0"))
