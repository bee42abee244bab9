"""`takeover fence history`: who was fenced, by whom, with what, in which time, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.fencing.conftest import state, with_history

_AT = datetime.fromisoformat("2026-11-24 19:00:00Z").timestamp()
FAILED = (
    'action="reboot" target="node1" client="pacemaker-controld.552" origin="node2" '
    'status="failed" delegate="node2" completed="2026-11-24 19:00:08.5Z"'
)
DONE = (
    'action="reboot" target="node1" client="pacemaker-controld.552" origin="node2" '
    'status="success" delegate="node3" completed="2026-11-24 19:00:20.0Z"'
)
BY_HAND = (
    'action="off" target="node3" client="stonith_admin.77" origin="node1" '
    'status="success" delegate="a human" completed="2026-11-24 19:30:00Z"'
)
PENDING = (
    'action="reboot" target="node2" client="stonith_admin.99" origin="node1" status="pending" '
    'extended-status="1"'
)
JOURNAL = [
    (_AT, "Requesting peer fencing (reboot) targeting node1"),
    (_AT + 8.2, "fence_takeover_rig[480] stderr: [ the outlet is locked ]"),
    (_AT + 8.4, "Operation 'reboot' [480] targeting node1 using fence-rig returned 1"),
    (_AT + 9.5, "Requesting peer fencing (reboot) targeting node1"),
]


@pytest.fixture(autouse=True)
def nothing_is_written(cluster: Cluster) -> Iterator[None]:
    """Whoever asks changes nothing."""
    yield
    assert cluster.writes == []


def test_all_attempts_stand_in_one_order_with_what_is_known(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#471: "fenced with unknown error" becomes who asked, which device, and its own words."""
    fenced.programs.add("journalctl")
    fenced.state = with_history(state(), PENDING, DONE, FAILED, BY_HAND)
    fenced.journal = [*JOURNAL]
    assert takeover("fence", "history") == 0
    assert capsys.readouterr().out == (
        "now  node2: reboot under way (asked by an administrator (stonith_admin) on node1, by "
        "fence-rig)\n"
        "2026-11-24 19:30:00Z  node3: confirmed to be off by a human, nothing was switched\n"
        "2026-11-24 19:00:20Z  node1: reboot done (asked by the cluster on node2, by fence-rig on "
        "node3, took 10.5 s)\n"
        "2026-11-24 19:00:08Z  node1: reboot FAILED (asked by the cluster on node2, by fence-rig "
        "on node2, took 8.5 s): the outlet is locked\n"
    )


def test_a_reason_that_another_node_has_is_named_with_the_node(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has to search the journals of all nodes; nor is a time invented."""
    fenced.state = with_history(state(), FAILED)
    assert takeover("fence", "history") == 0
    out = capsys.readouterr().out
    assert "took" not in out
    assert "the reason is only in the journal of node2: journalctl " in out


def test_which_of_several_devices_it_was_is_not_guessed(fenced: Cluster, told_json: Any) -> None:
    """Both are named, and that it is not certain."""
    device = fenced.cib[fenced.cib.index('<primitive id="fence-rig"') :].partition("</primitive>")[
        0
    ]
    another = f"{device.replace('fence-rig', 'fence-other')}</primitive>"
    fenced.edit("</resources>", f"{another}</resources>")
    fenced.state = with_history(state(), DONE)
    _, found = told_json("fence", "history")
    [attempt] = found["attempts"]
    assert attempt["devices"] == ["fence-rig", "fence-other"]
    assert attempt["certain"] is False
    assert attempt["seconds"] is None


@pytest.mark.parametrize(
    ("since", "count"),
    [("31m", 1), ("2h", 3), ("2026-11-24 19:00:10+00:00", 2), ("7d", 3)],
)
def test_since_leaves_out_what_is_older(
    since: str, count: int, fenced: Cluster, told_json: Any
) -> None:
    """It is 20:00; an age or a time is taken."""
    fenced.state = with_history(state(), BY_HAND, DONE, FAILED)
    _, found = told_json("fence", "history", "--since", since)
    assert len(found["attempts"]) == count


@pytest.mark.usefixtures("fenced")
def test_since_that_is_no_time_is_told(
    takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what would be right."""
    assert takeover("fence", "history", "--since", "yesterday") == 2
    assert "no age such as 30m, 2h or 7d" in capsys.readouterr().err


@pytest.mark.usefixtures("fenced")
def test_a_cluster_that_never_fenced_says_so(
    takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty answer is an answer."""
    assert takeover("fence", "history", "--since", "2h") == 0
    assert capsys.readouterr().out == (
        "no node was fenced since 2h, as far as the cluster remembers\n"
    )
