"""What may be lost, from what corosync-quorumtool prints: never more than is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pcs_wrapper.health.quorum import losable_nodes, may_be_lost, votes_text
from pcs_wrapper.pacemaker.votes import Votes, Witness, parse_votes
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover

CONFIGURATION = """\
nodelist {
    node {
        name: host: other
    }
}
quorum {
    provider: corosync_votequorum
    device {
        model: net
        net {
            algorithm: ffsplit
            host: witness
        }
    }
}
"""


def printed(expected: int, nodes: int, needed: int, device: str | None = None) -> str:
    """Return what corosync-quorumtool 3.1 prints; `device` is its line, without the ID."""
    total = nodes + (int(device.split()[0]) if device else 0)
    members = "".join(
        f"         {number}          1    A,V,NMW node{number}{' (local)' if number == 1 else ''}\n"
        for number in range(1, nodes + 1)
    )
    last = f"         0          {device}\n" if device else ""
    return (
        "Quorum information\n------------------\nDate:             Mon Nov 30 11:00:59 2026\n"
        f"Quorum provider:  corosync_votequorum\nNodes:            {nodes}\n"
        "Node ID:          1\nRing ID:          1.9\nQuorate:          Yes\n\n"
        f"Votequorum information\n----------------------\nExpected votes:   {expected}\n"
        f"Highest expected: {expected}\nTotal votes:      {total}\nQuorum:           {needed}  \n"
        "Flags:            Quorate Qdevice \n\nMembership information\n"
        f"----------------------\n    Nodeid      Votes    Qdevice Name\n{members}{last}"
    )


VOTES_ONE, SILENT_ONE = "1            Qdevice", "0            Qdevice (votes 1)"
VOTES_TWO, SILENT_TWO = "2            Qdevice", "0            Qdevice (votes 2)"
CASES = [
    # Two nodes alone: Corosync's two_node needs one vote.
    ((2, 2, 1, None), 1, "one node may be lost"),
    ((2, 1, 1, None), 0, "no node may be lost"),
    # Two nodes with a witness.
    ((3, 2, 2, VOTES_ONE), 1, "one node or the witness may be lost, not both"),
    ((3, 2, 2, SILENT_ONE), 0, "no node may be lost"),
    ((3, 1, 2, VOTES_ONE), 0, "nothing more may be lost, neither a node nor the witness"),
    ((3, 1, 2, SILENT_ONE), 0,
     "1 vote is missing: services run again when enough nodes, or the witness, are back"),
    # Three nodes alone.
    ((3, 3, 2, None), 1, "one node may be lost"),
    ((3, 2, 2, None), 0, "no node may be lost"),
    ((3, 1, 2, None), 0, "1 vote is missing: services run again when enough nodes are back"),
    # Three with a witness that has one vote (ffsplit): no better than alone.
    ((4, 3, 3, VOTES_ONE), 1, "one node or the witness may be lost, not both"),
    ((4, 3, 3, SILENT_ONE), 0, "no node may be lost"),
    ((4, 2, 3, VOTES_ONE), 0, "nothing more may be lost, neither a node nor the witness"),
    # Three with one that has a vote less than the nodes (lms): the last one may stand.
    ((5, 3, 3, VOTES_TWO), 2, "2 nodes or the witness may be lost, not both"),
    ((5, 3, 3, SILENT_TWO), 0, "no node may be lost"),
    ((5, 2, 3, VOTES_TWO), 1, "one node may be lost, but not the witness"),
    ((5, 1, 3, VOTES_TWO), 0, "nothing more may be lost, neither a node nor the witness"),
    # Five with ffsplit.
    ((6, 5, 4, VOTES_ONE), 2, "2 nodes may be lost, or the witness and one node"),
    ((6, 4, 4, VOTES_ONE), 1, "one node or the witness may be lost, not both"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "nodes", "sentence"), CASES)
def test_what_may_be_lost_is_told(
    shape: tuple[int, int, int, str | None], nodes: int, sentence: str
) -> None:
    """Nodes, or the witness, or neither."""
    votes = parse_votes(printed(*shape), CONFIGURATION)
    assert votes is not None
    assert losable_nodes(votes) == nodes
    assert may_be_lost(votes) == sentence


def test_the_witness_is_named() -> None:
    """By Corosync's configuration, of which only the device's section has the host."""
    assert parse_votes(printed(3, 2, 2, VOTES_ONE), CONFIGURATION) == Votes(
        3, 3, 2, Witness("witness", 1, is_voting=True)
    )
    silent = parse_votes(printed(5, 3, 3, SILENT_TWO), CONFIGURATION)
    assert silent == Votes(5, 3, 3, Witness("witness", 2, is_voting=False))
    assert silent is not None
    assert votes_text(silent) == "3 of 5, 3 needed; the witness witness DOES NOT VOTE"
    for text in ("", "host: x", "}\n}\n", CONFIGURATION.replace("quorum {", "quorums {")):
        nameless = parse_votes(printed(3, 2, 2, VOTES_ONE), text)
        assert nameless is not None
        assert nameless.witness == Witness("", 1, is_voting=True)


def test_what_is_no_answer_is_none() -> None:
    """Only root may ask Corosync, and it may be off."""
    for text in ("", "Cannot initialize CMAP service\n", "Quorum:  2\n"):
        assert parse_votes(text, CONFIGURATION) is None


def test_status_tells_the_votes(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """In two lines, and for programs in numbers."""
    cluster.programs.add("corosync-quorumtool")
    cluster.state = "running"
    cluster.votes = printed(4, 3, 3, SILENT_ONE)
    takeover.machine.corosync_conf.write_text(CONFIGURATION)
    assert takeover("status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == [
        "votes: 3 of 4, 3 needed; the witness witness DOES NOT VOTE",
        "  no node may be lost",
    ]
    assert takeover("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["votes"] == {
        "expected": 4,
        "total": 3,
        "needed": 3,
        "witness": {"host": "witness", "votes": 1, "voting": False},
        "losable_nodes": 0,
        "may_be_lost": "no node may be lost",
    }


def test_a_service_without_quorum_says_that_the_witness_is_silent(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else one would look at the nodes alone."""
    cluster.programs.add("corosync-quorumtool")
    cluster.state = "no-quorum"
    cluster.votes = printed(3, 1, 2, SILENT_ONE)
    takeover.machine.corosync_conf.write_text(CONFIGURATION)
    assert takeover("status") == 0
    assert "no quorum: 1 of 3 nodes online, and the witness witness does not vote" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("shape", "warning"),
    [
        ((4, 3, 3, VOTES_ONE), ""),
        ((4, 3, 3, SILENT_ONE),
         "Nobody takes over from a node that fails now: no node may be lost (votes: 3 of 4, 3 "
         "needed; the witness witness DOES NOT VOTE)\n"),
    ],
)  # fmt: skip
def test_a_plan_says_that_nobody_would_take_over(
    *, shape: tuple[int, int, int, str], warning: str, cluster: Cluster, takeover: Takeover,
    description: Path, live: str, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whatever it forecasts for a node's failure is worth nothing then."""
    cluster.programs.add("corosync-quorumtool")
    cluster.state, cluster.cib = "running", live
    cluster.votes = printed(*shape)
    takeover.machine.corosync_conf.write_text(CONFIGURATION)
    assert takeover("plan", description) == 0
    assert capsys.readouterr().out == f"nothing to change\n{warning}"
