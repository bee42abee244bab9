"""`takeover quorum status`: who may decide, and what happens if something goes next."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from pcs_wrapper.health.losses import losses, who_may_decide
from pcs_wrapper.pacemaker.crm_mon import Node
from pcs_wrapper.pacemaker.votes import Votes, parse_votes
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import as_text, told
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.health.test_quorum import (
    CONFIGURATION,
    SILENT_ONE,
    VOTES_ONE,
    VOTES_TWO,
    printed,
)


def votes_of(shape: tuple[int, int, int, str | None], flags: str = "Quorate") -> Votes:
    """Return the votes that corosync-quorumtool prints."""
    text = printed(*shape).replace("Quorate Qdevice", flags)
    found = parse_votes(text, CONFIGURATION)
    assert found is not None
    return found


def members(count: int) -> list[Node]:
    """Return so many nodes that are members."""
    return [
        Node(
            f"node{number}", online=True, unclean=False, standby=False, maintenance=False,
            pending=False, number=f"{number}",
        )
        for number in range(1, count + 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "flags", "nodes", "who"),
    [
        ((3, 3, 2, None), "Quorate", 3, "any 2 of the 3 nodes"),
        ((2, 2, 1, None), "2Node Quorate WaitForAll", 2,
         "either of the two nodes alone, when it has fenced the other (two_node)"),
        ((2, 2, 2, None), "Quorate", 2, "both nodes together"),
        ((3, 2, 2, VOTES_ONE), "Quorate Qdevice", 2,
         "any 1 of the 2 nodes to which the witness witness gives its vote, or both nodes together "
         "without it"),
        ((5, 3, 3, VOTES_TWO), "Quorate Qdevice", 3,
         "any 1 of the 3 nodes to which the witness witness gives its vote, or all 3 nodes "
         "together without it"),
        ((6, 5, 4, VOTES_ONE), "Quorate Qdevice", 5,
         "any 3 of the 5 nodes to which the witness witness gives its vote, or any 4 of the 5 "
         "nodes without it"),
        ((5, 3, 3, None), "Quorate", 3, "whoever has 3 of the 5 votes"),
    ],
)  # fmt: skip
def test_who_may_decide_is_a_sentence(
    *, shape: tuple[int, int, int, str | None], flags: str, nodes: int, who: str
) -> None:
    """Of nodes with one vote each, how many; else of the votes."""
    assert who_may_decide(votes_of(shape, flags), nodes) == who


@pytest.mark.parametrize(
    ("shape", "flags", "count", "goes_on"),
    [
        # Three nodes alone: each of them may go, and after one no other.
        ((3, 3, 2, None), "Quorate", 3, {"node1": True, "node2": True, "node3": True}),
        ((3, 2, 2, None), "Quorate", 2, {"node1": False, "node2": False}),
        # Two nodes: two_node lets one go on, and the last one has nobody after it.
        ((2, 2, 1, None), "2Node Quorate", 2, {"node1": True, "node2": True}),
        ((2, 1, 1, None), "2Node Quorate", 1, {"node1": False}),
        # With a witness.
        ((3, 2, 2, VOTES_ONE), "Quorate Qdevice", 2,
         {"node1": True, "node2": True, "witness": True}),
        ((3, 1, 2, VOTES_ONE), "Quorate Qdevice", 1, {"node1": False, "witness": False}),
        ((3, 2, 2, SILENT_ONE), "Quorate Qdevice", 2, {"node1": False, "node2": False}),
        # Four nodes of which two are gone: with auto_tie_breaker half is enough, with node1 in it.
        ((4, 3, 3, None), "Quorate AutoTieBreaker", 3,
         {"node1": False, "node2": True, "node3": True}),
    ],
)  # fmt: skip
def test_what_happens_if_one_goes_next(
    *, shape: tuple[int, int, int, str | None], flags: str, count: int, goes_on: dict[str, bool]
) -> None:
    """For each member, and for the witness if it votes."""
    found = losses(votes_of(shape, flags), members(count), "stop")
    assert {loss.what: loss.goes_on for loss in found} == goes_on


@pytest.mark.parametrize(
    ("policy", "means"),
    [
        ("stop", "node2 has no quorum: all services stop there"),
        ("freeze", "node2 has no quorum: what runs there goes on, and nothing is recovered"),
        ("suicide", "node2 has no quorum: all nodes there are fenced"),
        ("ignore", "node2 has no quorum: everything goes on there as if nothing had happened"),
    ],
)
def test_what_a_loss_means_is_what_pacemaker_does(policy: str, means: str) -> None:
    """As its property no-quorum-policy says."""
    loss = next(losses(votes_of((3, 2, 2, None)), members(2), policy))
    assert loss.means == means


@pytest.fixture
def voting(cluster: Cluster, takeover: Takeover, live: str) -> Cluster:
    """Return a cluster whose Corosync tells its votes: two of three nodes, and a witness."""
    cluster.programs |= {"corosync-quorumtool", "certutil"}
    cluster.state, cluster.cib = "running", live
    cluster.votes = printed(4, 2, 3, VOTES_ONE).replace("Qdevice \n", "Qdevice WaitForAll \n")
    takeover.machine.corosync_conf.write_text(CONFIGURATION)
    return cluster


def test_quorum_is_told_in_words(
    voting: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who decides, what may be lost, what happens next, and how old the certificates are."""
    folder = takeover.machine.corosync_conf.parent / "qdevice/net/nssdb"
    folder.mkdir(parents=True)
    voting.certificates = {
        "Cluster Cert": ("Tue Nov 24 10:00:00 2026", "Sun Nov 24 10:00:00 2126"),
        "QNet CA": ("Mon Nov 24 10:00:00 2025", "Fri Dec 04 10:00:00 2026"),
    }
    assert takeover("quorum", "status") == 0
    assert capsys.readouterr().out.splitlines() == [
        "quorum: node1, node2 may decide",
        "  votes: 3 of 4, 3 needed; the witness witness has 1 of them",
        "  not there: node3",
        "who may form the cluster: any 2 of the 3 nodes to which the witness witness gives its "
        "vote, or all 3 nodes together without it",
        "what may be lost now: nothing more may be lost, neither a node nor the witness",
        "if it goes next, and nothing else changes:",
        "  node1                node2 has no quorum: all services stop there (votes left: 2)",
        "  node2                node1 has no quorum: all services stop there (votes left: 2)",
        "  the witness witness  the nodes alone have no quorum: all services stop there (votes "
        "left: 2)",
        "wait_for_all: after the whole cluster was off, nothing starts before all nodes have been "
        "there at the same time",
        "the cluster's certificate for the witness: 0 days old, valid until 2126-11-24",
        "the witness's authority: 365 days old, valid for 9 days more, until 2026-12-04",
    ]


def test_without_quorum_that_is_the_exit_code(
    voting: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is said of what may go next."""
    voting.state = "no-quorum"
    voting.votes = printed(3, 1, 2)
    assert takeover("quorum", "status") == 1
    out = capsys.readouterr().out
    assert out.startswith("no quorum: node1 may not decide\n")
    assert "1 vote is missing: services run again when enough nodes are back" in out
    assert "goes next" not in out
    assert takeover("quorum", "status", "--json") == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["quorum"], shown["members"], shown["certificates"]) == (False, ["node1"], None)


def test_certificates_that_are_not_there_are_told(
    voting: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without them the witness is never asked for its vote."""
    assert takeover("quorum", "status") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "certificates for the witness: not found on this node"
    )
    assert "certutil" not in voting.reads


def test_a_corosync_that_does_not_answer_is_an_error(
    voting: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says where to look, and hangs not (pcs#52)."""
    voting.when("corosync-quorumtool", hangs=True)
    assert takeover("quorum", "status") == 1
    assert "Corosync does not tell its votes" in capsys.readouterr().err


def test_the_votes_of_a_witness_that_is_silent_are_not_counted(
    voting: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """corosync-qdevice#10: the survivor loses quorum though there is a witness."""
    voting.state = told("running")
    voting.votes = printed(4, 3, 3, SILENT_ONE)
    assert takeover("quorum", "status", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [loss["goes_on"] for loss in shown["losses"]] == [False, False, False]
    assert all(not loss["witness"] for loss in shown["losses"])


def test_watchdogs_alone_reset_nodes_without_quorum(
    voting: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """With SBD and no disk, no-quorum-policy is not all that there is."""
    live = etree.fromstring(voting.cib)
    [watchdog] = live.xpath("//crm_config//nvpair[@name='have-watchdog']")
    watchdog.set("value", "true")
    timeout = {"id": "t", "name": "stonith-watchdog-timeout", "value": "10"}
    etree.SubElement(watchdog.getparent(), "nvpair", timeout)
    voting.cib = as_text(live)
    assert takeover("quorum", "status") == 0
    out = capsys.readouterr().out
    assert "node2 has no quorum: all nodes there are reset by their watchdogs (SBD)" in out
    assert "all services stop there" not in out
    assert "no-quorum-policy" not in out


def test_the_node_of_a_tie_breaker_is_told(
    voting: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lowest ID is only the default."""
    voting.votes = voting.votes.replace("WaitForAll", "AutoTieBreaker")
    takeover.machine.corosync_conf.write_text("quorum {\nauto_tie_breaker_node: highest\n}\n")
    assert takeover("quorum", "status") == 0
    out = capsys.readouterr().out
    assert "auto_tie_breaker: of two halves, that with the highest node ID decides" in out
