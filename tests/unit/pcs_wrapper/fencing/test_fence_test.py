"""`takeover fence test`: nodes are really fenced, one by one, and only while all is well."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from pcs_wrapper.machine import lock
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.fencing.conftest import away, lost, state, with_history
from tests.unit.pcs_wrapper.views.printed import VOTES

_IDLE = '<pacemaker-result api-version="2.38"><actions/><status code="0"/></pacemaker-result>'
_MOVE = (
    '<pacemaker-result api-version="2.38"><actions>'
    '<node_action task="Fence (reboot)" node="node1"/>'
    '<rsc_action action="move" resource="shop-filesystem" source="node1" dest="node2"/>'
    '<rsc_action action="move" resource="shop-app" source="node1" dest="node2"/>'
    '<rsc_action action="move" resource="shop-address" source="node1" dest="node2"/>'
    '</actions><status code="0"/></pacemaker-result>'
)
NODE2, NODE3 = (f"stonith_admin --reboot=node{number} --timeout=300" for number in (2, 3))


@pytest.fixture
def well(fenced: Cluster) -> Cluster:
    """Return a cluster in which all is well, and whose scheduler answers."""
    fenced.scheduled = (_IDLE, _IDLE)
    return fenced


def _returns(cluster: Cluster, node: str, *between: str) -> None:
    """Let a node be fenced, leave, and come back."""
    cluster.when(
        f"stonith_admin --reboot={node}",
        state=away(node),
        then=lambda: cluster.later(*between, state()),
    )


def test_every_other_node_is_fenced_and_timed(well: Cluster, told_json: Any) -> None:
    """One after the other, each only when the one before is back and all is well."""
    _returns(well, "node2")
    _returns(well, "node3", away("node3"))
    code, found = told_json("fence", "test", "--yes")
    assert code == 0
    assert well.writes == [NODE2, NODE3]
    assert [each["node"] for each in found["nodes"]] == ["node2", "node3"]
    for each in found["nodes"]:
        assert each["fenced"] <= each["back"] <= each["whole"]
        assert each["harm"] == []


def test_the_text_says_when_each_step_was_reached(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fenced, back, all well."""
    _returns(well, "node3")
    assert takeover("fence", "test", "--yes", "node3") == 0
    out = capsys.readouterr().out
    assert out.startswith("node3: fenced after 0.0 s, back after ")
    assert ", all well after " in out
    assert out.endswith("every node was fenced, is back, and all is well\n")
    assert takeover.said == [
        "fencing node3",
        "waiting up to 900 s for node3 to boot and join again",
        "waiting until all is well again",
    ]


def test_what_moves_and_how_long_clients_wait_is_told_before(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a dry run, too, which fences nobody."""
    takeover.machine = replace(takeover.machine, host="node3")
    well.scheduled = (_IDLE, _MOVE)
    assert takeover("fence", "test", "--dry-run", "node1") == 0
    out = capsys.readouterr().out
    assert well.writes == []
    assert out.startswith(
        "these nodes lose their power, one after the other:\n"
        "  node1: by fence-rig\n"
        "    shop: is taken over by node2; clients wait for about "
    )
    assert out.endswith(
        "# making sure that all is well before node1 is fenced\n"
        "# fencing node1\n"
        "stonith_admin --reboot=node1 --timeout=300\n"
        "# waiting up to 900 s for node1 to boot and join again\n"
        "# waiting until all is well again\n"
    )


def test_whoever_does_not_agree_fences_nobody(
    well: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """No answer is no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert takeover("fence", "test") == 1
    assert well.writes == []
    assert capsys.readouterr().err.endswith("nothing was changed\n")


@pytest.mark.parametrize(
    ("sick", "says"),
    [
        (lost(), "node3 is UNCLEAN (offline): it must be fenced, and is not yet"),
        (away(), "node3 is OFFLINE"),
        (state("fencing-stopped"), "the fencing device does not run"),
        (state("start-failed"), "start of shop-app failed"),
    ],
    ids=["unclean", "away", "no fencing", "a service is down"],
)
def test_a_cluster_that_is_not_well_is_not_tested(
    sick: str, says: str, well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is broken already would be taken for the test's harm, or become worse."""
    well.state = sick
    assert takeover("fence", "test", "--yes", "node2") == 1
    assert well.writes == []
    err = capsys.readouterr().err
    assert "fencing is only tested while all is well:" in err
    assert says in err


def test_a_node_that_has_most_votes_is_not_fenced(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another one may be (votequorum(5), "quorum_votes")."""
    well.programs.add("corosync-quorumtool")
    well.votes = (
        VOTES.replace("Expected votes:   3", "Expected votes:   5")
        .replace("Total votes:      3", "Total votes:      5")
        .replace("Quorum:           2", "Quorum:           3")
        .replace("2          1 node2", "2          3 node2")
    )
    assert takeover("fence", "test", "--yes", "node2") == 1
    assert "node2 may not be lost now: the cluster would have no quorum" in capsys.readouterr().err
    assert takeover("fence", "test", "--dry-run", "node3") == 0
    assert "would have no quorum" not in capsys.readouterr().out
    assert well.writes == []


def test_a_node_without_which_there_is_no_quorum_is_not_fenced(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """All services would stop."""
    well.programs.add("corosync-quorumtool")
    well.votes = "Expected votes:   3\nTotal votes:      2\nQuorum:           2  \n"
    assert takeover("fence", "test", "--yes", "node2") == 1
    assert "the cluster would have no quorum" in capsys.readouterr().err
    assert well.writes == []


def test_a_service_that_can_run_nowhere_else_is_not_stopped(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its clients would wait for a whole boot."""
    takeover.machine = replace(takeover.machine, host="node3")
    assert takeover("fence", "test", "--yes", "node1") == 1
    assert "shop runs on node1, and no other node can run it" in capsys.readouterr().err
    assert well.writes == []


def test_a_node_that_cannot_be_fenced_ends_the_test(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason of the device, and without a second node."""
    failed = (
        'action="reboot" target="node2" client="stonith_admin.9" origin="node1" status="failed" '
        'delegate="node3" exit-reason="the outlet is locked" completed="2026-11-24 20:00:09Z"'
    )
    well.when("stonith_admin", exit_code=1, state=with_history(state(), failed))
    assert takeover("fence", "test", "--yes") == 1
    assert well.writes == [NODE2]
    assert capsys.readouterr().out == (
        "node2: not fenced\n"
        "  HARM: node2 could not be fenced: fencing by fence-rig failed: the outlet is locked\n"
        "the test ended here: no further node was fenced\n"
    )


def test_a_device_that_switches_another_machine_is_noticed(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """cluster-glue#37: Pacemaker believes the device; the node has never left."""
    assert takeover("fence", "test", "--yes") == 1
    assert well.writes == [NODE2]
    assert "HARM: node2 was never off: Pacemaker says that it was fenced" in capsys.readouterr().out


@pytest.mark.parametrize("is_heard", [False, True])
def test_a_node_that_does_not_come_back_ends_the_test(
    *, is_heard: bool, well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says how to start it; and whether it was off at all, if Corosync never lost it."""
    dead = set() if is_heard else {(0, 2), (1, 2)}
    well.when(
        "stonith_admin --reboot=node2",
        state=away("node2"),
        then=lambda: well.dead_links.update(dead),
    )
    assert takeover("fence", "test", "--yes", "--back-within", "60s") == 1
    assert well.writes == [NODE2]
    out = capsys.readouterr().out
    assert "HARM: node2 is OFFLINE 60 s after it was fenced." in out
    assert "pcs cluster start node2" in out
    assert ("it may never have been off" in out) == is_heard


def test_a_cluster_that_is_not_whole_again_ends_the_test(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """A service that did not survive is the harm that this is for."""
    well.when(
        "stonith_admin --reboot=node2",
        state=away("node2"),
        then=lambda: well.later(state("start-failed")),
    )
    assert takeover("fence", "test", "--yes") == 1
    assert well.writes == [NODE2]
    out = capsys.readouterr().out
    assert "HARM: shop: it is partial: start of shop-app failed on node1" in out


@pytest.mark.usefixtures("well")
def test_the_node_that_this_runs_on_is_not_tested(
    takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It could not tell what became of it."""
    assert takeover("fence", "test", "--yes", "node1") == 1
    assert "run this on another node to test it" in capsys.readouterr().err
    assert takeover("fence", "test", "--dry-run") == 0
    assert "node1 is not tested, because this runs on it" in capsys.readouterr().out


def test_an_interruption_says_that_the_node_comes_back_by_itself(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """And where to look."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    well.when("stonith_admin", before=interrupt)
    assert takeover("fence", "test", "--yes") == 130
    err = capsys.readouterr().err
    assert "it is not known whether this was still done: fencing node2." in err
    assert "boots again by itself" in err


def test_two_commands_at_once_are_refused(
    well: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """While another one changes the cluster, no node is fenced."""
    with lock.held(takeover.machine, "takeover apply"):
        assert takeover("fence", "test", "--yes") == 1
    assert "`takeover apply` of alice" in capsys.readouterr().err
    assert well.writes == []
