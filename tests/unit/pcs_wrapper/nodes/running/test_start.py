"""`takeover cluster start`: on all nodes or some, from any of them, until all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.running.conftest import well, without
from tests.unit.pcs_wrapper.views.printed import VOTES

ALL = "pcs cluster start node1 node2 node3 --wait=120 --request-timeout=480"
ONE = "pcs cluster start node3 --wait=120 --request-timeout=480"


def test_a_cluster_that_is_off_is_started_from_any_of_its_nodes(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is waited for quorum, for all nodes and for what runs on them (pcs#18)."""
    shop.state = "disconnected"
    shop.when(ALL, state="joining", then=lambda: shop.later(well()))
    assert takeover("cluster", "start") == 0
    captured = capsys.readouterr()
    assert captured.err == "the cluster shop is started on node1, node2, node3\n"
    assert "shop: running on node1" in captured.out
    assert shop.writes == [ALL]
    assert takeover.said == [
        "starting the cluster on node1, node2, node3: up to 120 s",
        "waiting up to 120 s for quorum and all nodes",
        "waiting until the cluster has settled",
    ]


def test_only_what_is_off_is_started(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command can be repeated: it then changes nothing."""
    shop.state = without(well(), "node3")
    shop.when(ONE, state=well())
    assert takeover("cluster", "start") == 0
    assert capsys.readouterr().err.splitlines() == [
        "the cluster shop is started on node3",
        "it runs already on node1, node2",
    ]
    assert takeover("cluster", "start") == 0
    assert shop.writes == [ONE]
    assert capsys.readouterr().err == "it runs already on node1, node2, node3\n"


def test_a_start_can_be_looked_at_first(
    shop: Cluster, takeover: Takeover, told_json: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed."""
    shop.state = without(well(), "node3")
    assert takeover("cluster", "start", "--dry-run", "node3") == 0
    out = capsys.readouterr().out
    assert commands_of(out) == ["the cluster shop is started on node3", ONE]
    code, shown = told_json("cluster", "start", "--dry-run")
    assert (code, shown["nodes"], shown["skipped"]) == (0, ["node3"], ["node1", "node2"])
    assert shop.writes == []


def test_a_dead_machine_does_not_keep_the_others_off(
    shop: Cluster, takeover: Takeover, told_json: Any
) -> None:
    """After everything was off: who answers is started, and who does not is named."""
    shop.state = "disconnected"
    shop.pcsd["node3"] = "Offline"
    start = "pcs cluster start node1 node2 --wait=120 --request-timeout=480"
    shop.when(start, state=without(well(), "node3"))
    code, done = told_json("cluster", "start")
    assert (code, done["nodes"], done["skipped"]) == (1, ["node1", "node2"], ["node3"])
    [harm] = done["harm"]
    assert harm.startswith("pcsd does not answer on node3: it was not started. Is the machine on,")
    assert [each["state"] for each in done["services"]] == ["running"]
    assert takeover("cluster", "start", "node3") == 1
    assert shop.writes == [start]


def test_a_node_with_another_corosync_conf_is_left_off(
    shop: Cluster, takeover: Takeover, told_json: Any
) -> None:
    """crmsh#2135: files differ between nodes, and the command goes on."""
    shop.state = without(well(), "node2", "node3")
    shop.other_confs["node3"] = "totem {\n    cluster_uuid: 9876\n}\n"
    start = "pcs cluster start node2 --wait=120 --request-timeout=480"
    shop.when(start, state=without(well(), "node3"))
    code, done = told_json("cluster", "start")
    assert (code, done["nodes"]) == (1, ["node2"])
    assert done["harm"][0].startswith(
        "Corosync's configuration file on node3 is another one than on node1: it was not started."
    )
    assert "pcs cluster sync corosync" in done["harm"][0]
    assert shop.writes == [start]
    assert takeover("cluster", "start", "node3") == 1
    assert shop.writes == [start]


def test_a_node_that_this_one_may_not_command_needs_a_password(
    shop: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cure of pcs's "unable to authenticate" is part of the command (pcs#112, pcs#252)."""
    shop.state = without(well(), "node3")
    shop.pcsd["node3"] = "Unable to authenticate"
    file = tmp_path / "password"
    file.touch(mode=0o600)
    auth = "pcs host auth node3 addr=198.51.100.13 -u hacluster"
    file.write_text("wrong\n")
    assert takeover("cluster", "start", "--password-file", file) == 1
    error = capsys.readouterr().err
    assert "  Error: node3: Username and/or password is incorrect\n" in error
    assert "Nothing was started or stopped. If the password is wrong" in error
    assert shop.writes == [auth]
    file.write_text("hunter2\n")
    shop.when(ONE, state=well())
    assert takeover("cluster", "start", "--password-file", file) == 0
    assert shop.writes == [auth, auth, ONE]


def test_what_does_not_run_afterwards_is_told_with_the_reason(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not only that pcs is done."""
    shop.state = "disconnected"
    shop.when(ALL, state="start-failed")
    assert takeover("cluster", "start") == 1
    assert "shop is partial: start of shop-app failed on node1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({1, 2, 3}, "Corosync runs on node3, but Pacemaker does not"),
        ({1, 2}, "Corosync does not run on node3, or is not connected"),
    ],
)
def test_a_node_that_does_not_join_is_told_with_the_service_that_does_not_run(
    *, members: set[int], says: str, shop: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """crmsh#2101: which component failed, not only that "the stack" did."""
    shop.state = without(well(), "node3")
    lines = [line for line in VOTES.splitlines() if "node3" not in line or 3 in members]
    shop.votes = "\n".join(lines)
    shop.when(ONE)
    assert takeover("cluster", "start", "node3") == 1
    assert f"node3 is not online ({says})" in capsys.readouterr().err


def test_what_pcs_says_of_a_service_that_fails_is_shown_at_once(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """crmsh#2101, crmsh#1674: pcs names it, and nobody waits for what cannot come."""
    shop.state = without(well(), "node3")
    said = "Error: node3: Unable to start pacemaker: Unit pacemaker.service not found.\n"
    shop.when(ONE, exit_code=1, stderr=said)
    before = shop.seconds
    assert takeover("cluster", "start", "node3") == 1
    assert "Unit pacemaker.service not found" in capsys.readouterr().err
    assert shop.seconds - before < 60


def test_another_node_alone_is_started_without_this_one(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then nothing here tells how it is, and that is said."""
    shop.state = "disconnected"
    assert takeover("cluster", "start", "node3") == 0
    assert capsys.readouterr().out == (
        "the cluster runs on node3, and not on this machine: `takeover status` there shows how it "
        "is\n"
    )
    assert shop.writes == [ONE]


def test_a_machine_outside_of_every_cluster_is_told_where_to_type_it(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """No command is run."""
    for command in ("start", "stop", "restart"):
        assert takeover("cluster", command) == 1
        assert "this machine belongs to no cluster" in capsys.readouterr().err
    assert cluster.calls == []


def test_an_unknown_node_is_a_mistake(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that there are, are named."""
    for command in ("start", "stop", "restart"):
        assert takeover("cluster", command, "node9") == 2
        assert capsys.readouterr().err == (
            "the cluster shop has no node node9; its nodes are node1, node2, node3\n"
        )
    assert shop.writes == []


def test_an_interrupted_start_says_what_to_do(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command goes on."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    shop.state = "disconnected"
    shop.when(ALL, then=interrupt)
    assert takeover("cluster", "start") == 130
    assert capsys.readouterr().err.endswith("run the same command again\n")
    shop.when(ALL, state=well())
    assert takeover("cluster", "start") == 0
