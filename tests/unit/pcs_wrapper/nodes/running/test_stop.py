"""`takeover cluster stop`: it says what stops, asks, and leaves nothing running."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.running.conftest import well, without

ALL = "pcs cluster stop --all"


def test_everything_is_stopped(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What stops with it is told before."""
    shop.when(ALL, state="disconnected")
    assert takeover("cluster", "stop", "--yes") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "the cluster shop is stopped on node1, node2, node3:",
        "  shop STOPS on node1, and runs nowhere then",
    ]
    assert captured.out.splitlines() == [
        "the cluster is stopped on node1, node2, node3",
        "to start it: takeover cluster start",
    ]
    assert shop.writes == [ALL]


def test_what_stops_here_already_is_stopped(shop: Cluster, takeover: Takeover) -> None:
    """A command that was killed has begun it: Pacemaker goes between two questions."""
    said = "Could not connect to the CIB: Transport endpoint is not connected\n"
    shop.when("cibadmin --query", exit_code=102, stderr=said, state="disconnected")
    assert takeover("cluster", "stop", "--yes") == 0
    assert shop.writes == [ALL]


def test_whoever_does_not_agree_stops_nothing(
    shop: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """No answer is no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert takeover("cluster", "stop") == 1
    assert capsys.readouterr().err.endswith("nothing was changed\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert takeover("cluster", "stop", "node2") == 1
    assert shop.writes == []


def test_services_of_a_node_move_first(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """For how long clients wait is told before, and what became of it afterwards."""
    stop = "pcs cluster stop node3"
    shop.when(stop, state=without(well("node2"), "node3"))
    assert takeover("cluster", "stop", "node3", "--yes") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "the cluster shop is stopped on node3:",
        "  shop moves from node1 to node2: clients wait for about 1.0 s (at most 400 s)",
    ]
    assert captured.out.splitlines() == [
        "shop: running on node2",
        "the cluster is stopped on node3",
        "to start it: takeover cluster start node3",
    ]
    assert shop.writes == [stop]


def test_a_stop_after_which_there_is_no_quorum_is_told(
    shop: Cluster, takeover: Takeover, told_json: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node that stays would stop everything, too; pcs must be told to do it all the same."""
    stop = "pcs cluster stop node2 node3 --force"
    assert takeover("cluster", "stop", "node2", "node3", "--dry-run") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[:3] == [
        "the cluster shop is stopped on node2, node3:",
        "  shop STOPS on node1, and runs nowhere then",
        "  node1 then has no quorum: all services stop there",
    ]
    assert stop in commands_of(out)
    code, shown = told_json("cluster", "stop", "node2", "node3", "--dry-run")
    assert code == 0
    [leaving] = shown["leaving"]
    assert [each["code"] for each in leaving["findings"]] == ["quorum-would-go"]
    assert shop.writes == []
    shop.when(stop, state=without(well(), "node2", "node3"))
    assert takeover("cluster", "stop", "node2", "node3", "--yes") == 0


def test_sbd_must_be_stopped_too(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """crmsh#872: stop must stop sbd too, and verify."""
    shop.programs.add("sbd")
    shop.sbd = {"node3"}
    shop.when(ALL, state="disconnected")
    assert takeover("cluster", "stop", "--yes") == 1
    assert capsys.readouterr().out == (
        "SBD still runs on node3, and resets it when it misses the cluster; to stop it there: "
        "systemctl stop corosync sbd\n"
    )
    shop.sbd = set()
    assert takeover("cluster", "stop", "--yes") == 0


def test_a_node_that_does_not_tell_of_its_sbd_is_named(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be reset by it: that is not passed over in silence."""
    shop.programs.add("sbd")
    shop.when(ALL, state="disconnected")
    rows = "node1: YES |  NO |  NO\nnode2: YES | YES |  NO\nnode3: N/A | N/A | N/A\n"
    shop.when("pcs stonith sbd status", stdout=f"SBD STATUS\n{rows}")
    assert takeover("cluster", "stop", "--yes") == 1
    assert capsys.readouterr().out == (
        "it is not known whether SBD still runs on node3: pcs stonith sbd status\n"
    )


def test_what_would_go_on_without_a_cluster_is_told(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is unmanaged does not stop with it."""
    shop.state = well().replace('managed="true"', 'managed="false"')
    assert takeover("cluster", "stop", "--dry-run") == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith(
        "  shop would go on running on node1 without a cluster: Pacemaker leaves"
    )
    assert "takeover service maintenance off shop" in line


def test_a_member_that_pcsd_does_not_reach_is_not_stopped_in_parts(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would go on alone, and fence the others. One that is off is only named."""
    shop.pcsd["node3"] = "Offline"
    assert takeover("cluster", "stop", "--yes") == 1
    assert capsys.readouterr().err.startswith("pcsd does not answer on node3. Is the machine on,")
    assert shop.writes == []
    shop.state = without(well(), "node3")
    stop = "pcs cluster stop node1 node2"
    shop.when(stop, state="disconnected")
    assert takeover("cluster", "stop", "--yes") == 0
    assert shop.writes == [stop]
    assert "LEFT: pcsd does not answer on node3" in capsys.readouterr().err


def test_a_stop_that_was_interrupted_is_finished_by_the_same_command(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when it was killed after Pacemaker here, and before Corosync there."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    shop.when(ALL, state="disconnected", then=interrupt)
    assert takeover("cluster", "stop", "--yes") == 130
    assert "The same command stops what still runs" in capsys.readouterr().err
    assert takeover("cluster", "stop", "--yes") == 0
    assert shop.writes == [ALL, ALL]
    assert "so it is not known what stops with it elsewhere" in capsys.readouterr().err


@pytest.mark.usefixtures("shop")
def test_a_node_that_does_not_leave_is_told(told_json: Any) -> None:
    """It was said that it is stopped, and the cluster says otherwise."""
    code, done = told_json("cluster", "stop", "node3", "--yes")
    assert (code, done["nodes"]) == (1, ["node3"])
    assert done["harm"][0] == "node3 is still there 60 s after its cluster was stopped"
