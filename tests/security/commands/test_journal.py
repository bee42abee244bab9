"""Whatever is in the journal, `takeover status` tells the state."""

from __future__ import annotations

import json

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover

ENTRIES = (
    "fence_apc[481] stderr: [ the outlet is locked ]",
    "Operation 'reboot' [481] targeting node1 using fence-power returned 1",
)
ODD = [
    '{"MESSAGE": ' + "[" * 100_000,
    '{"MESSAGE"',
    '{"OTHER": "x"}',
    '{"MESSAGE": null}',
    '{"MESSAGE": {"a": 1}}',
]


@pytest.mark.parametrize("line", ODD, ids=[line[:20] for line in ODD])
def test_an_odd_entry_is_passed_over(
    line: str, cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are read all the same."""
    cluster.programs.add("journalctl")
    cluster.state = "fencing-refused-real-2.1"
    entries = [json.dumps({"MESSAGE": text}) for text in ENTRIES]
    cluster.when("journalctl", stdout="\n".join([line, *entries]))
    assert takeover("status") == 0
    assert "fencing by fence-rig failed: the outlet is locked" in capsys.readouterr().out
