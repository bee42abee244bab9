"""`takeover cluster restart`: one node after another, each drained first, while all is well."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from pcs_wrapper.machine import lock
from pcs_wrapper.pacemaker.pauses import has_transient
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.conftest import node_is, simulated
from tests.unit.pcs_wrapper.nodes.running.conftest import well, without


def drain(node: str) -> str:
    """Return the command that drains a node until its cluster is restarted."""
    return f"crm_attribute --node {node} --name standby --lifetime reboot --update on"


def stop(node: str) -> str:
    """Return the command that stops the cluster on a node."""
    return f"pcs cluster stop {node}"


def start(node: str) -> str:
    """Return the command that starts it there."""
    return f"pcs cluster start {node} --wait=120 --request-timeout=480"


def turn(node: str) -> list[str]:
    """Return what is done to a node in its turn."""
    return [drain(node), stop(node), start(node)]


def happens(cluster: Cluster, node: str, runs: str = "node1", then: str = "") -> None:
    """Let a node leave and come back; the service runs on a node, and on another one then."""
    after = then or runs
    cluster.when(drain(node), state=well(after, standby=node))
    cluster.when(stop(node), state=without(well(after), node))
    cluster.when(start(node), state=well(after))


def operated(state: str, node: str, task: str, at: int, seconds: float) -> str:
    """Return a state in which the service was started or stopped on a node at a time of day."""
    root = etree.fromstring(state.encode())
    history = root.find("node_history")
    if history is None:
        history = etree.SubElement(root, "node_history")
    operation = {
        "call": "99", "task": task, "rc": "0", "rc_text": "ok",
        "exec-time": f"{seconds * 1000:.0f}ms", "last-rc-change": f"2026-11-24 19:00:{at:02}Z",
    }  # fmt: skip
    element = etree.SubElement(history, "node", name=node)
    for part in ("filesystem", "app", "address"):
        resource = etree.SubElement(element, "resource_history", id=f"shop-{part}")
        etree.SubElement(resource, "operation_history", operation)
    return etree.tostring(root, encoding="unicode")


@pytest.fixture
def rolling(shop: Cluster) -> Cluster:
    """Return a cluster whose nodes leave and come back, the one that serves as the last."""
    happens(shop, "node3")
    happens(shop, "node2")
    happens(shop, "node1", "node1", "node2")
    return shop


def is_drained(cluster: Cluster, node: str) -> bool:
    """Return whether a node is in standby until its cluster is restarted."""
    return has_transient(etree.fromstring(cluster.cib), node)


def test_one_node_after_another_is_restarted(
    rolling: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that runs the most comes last, so that what it runs moves once."""
    assert takeover("cluster", "restart", "--yes") == 0
    captured = capsys.readouterr()
    assert rolling.writes == [*turn("node3"), *turn("node2"), *turn("node1")]
    assert captured.out.endswith(
        "the cluster was restarted on every node whose turn it was, and all is well\n"
    )
    assert "node1: drained after " in captured.out
    assert ", all well after " in captured.out
    assert not any(is_drained(rolling, node) for node in ("node1", "node2", "node3"))
    assert not (takeover.machine.state / "restart.json").exists()


def test_the_outage_of_each_step_is_measured(shop: Cluster, told_json: Any) -> None:
    """From the first stop to the last start, as Pacemaker has recorded them."""
    moved = operated(well("node2", standby="node1"), "node1", "stop", 10, 0.2)
    moved = operated(moved, "node2", "start", 12, 0.5)
    shop.when(drain("node1"), state=moved)
    shop.when(stop("node1"), state=without(moved, "node1"))
    back = operated(moved, "node2", "stop", 40, 0.2)
    back = operated(back, "node1", "start", 43, 0.5).replace('standby="true"', 'standby="false"')
    shop.when(start("node1"), state=back)
    shop.state = well()
    code, done = told_json("cluster", "restart", "node1", "--yes")
    assert code == 0, done
    [node] = done["nodes"]
    waits = [(each["service"], each["seconds"], each["returning"]) for each in node["waits"]]
    assert waits == [("shop", 2.5, False), ("shop", 3.5, True)]
    assert node["drained"] <= node["stopped"] <= node["back"] <= node["whole"]


def test_a_restart_can_be_looked_at_first(
    shop: Cluster, takeover: Takeover, told_json: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What moves, for how long clients wait, and every command; nothing is changed."""
    assert takeover("cluster", "restart", "node1", "--dry-run") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[:3] == [
        "the cluster is restarted on one node after the other:",
        "  node1:",
        "    shop moves from node1 to node2: clients wait for about 1.0 s (at most 400 s)",
    ]
    assert commands_of(out)[3:] == turn("node1")
    code, shown = told_json("cluster", "restart", "--dry-run")
    assert code == 0
    assert shown["nodes"][-1] == "node1"
    assert {each["nodes"][0]: each["effects"][0]["kind"] for each in shown["leaving"]} == (
        dict.fromkeys(("node1", "node2", "node3"), "moves")
    )
    assert shop.writes == []


def test_whoever_does_not_agree_restarts_nothing(
    shop: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """No answer is no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert takeover("cluster", "restart") == 1
    assert capsys.readouterr().err.endswith("nothing was changed\n")
    assert shop.writes == []


@pytest.mark.parametrize(
    ("sick", "says"),
    [
        (without(well(), "node3"), "node3 is OFFLINE"),
        (node_is(well(), "node3", unclean='"true"'), "node3 is UNCLEAN"),
        (node_is(well(), "node2", maintenance='"true"'), "node2 is in maintenance mode"),
        (well(standby="node2"), "node2 is standby"),
    ],
    ids=["away", "unclean", "maintenance", "standby"],
)
def test_a_cluster_that_is_not_well_is_not_restarted(
    sick: str, says: str, shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would become worse; crmsh#2147: what is in maintenance would be forgotten, and fenced."""
    shop.state = sick
    assert takeover("cluster", "restart", "--yes") == 1
    err = capsys.readouterr().err
    assert "nodes are only restarted while all is well:" in err
    assert says in err
    assert shop.writes == []


def test_a_node_with_another_corosync_conf_is_in_the_way(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """crmsh#2135: it would come back with another configuration than the rest."""
    shop.other_confs["node2"] = "totem {\n}\n"
    assert takeover("cluster", "restart", "--yes") == 1
    err = capsys.readouterr().err
    assert "Corosync's configuration file on node2 is another one than on node1" in err
    assert shop.writes == []


def test_what_pacemaker_leaves_alone_is_in_the_way(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """crmsh#2147: it would go on without a cluster, and be found running where it may not be."""
    shop.state = well().replace('managed="true"', 'managed="false"')
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    assert takeover("cluster", "restart", "--yes") == 1
    assert "shop would go on running on node1 without a cluster" in capsys.readouterr().err
    assert shop.writes == []


def test_a_service_that_can_run_nowhere_else_is_in_the_way(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless the administrator takes that outage."""
    stops = simulated("moved")
    for part in ("filesystem", "app", "address"):
        stops = stops.replace(
            f'action="move" resource="shop-{part}" source="node1" dest="node2"',
            f'action="stop" resource="shop-{part}" node="node1"',
        )
    shop.scheduled = (simulated("nothing"), stops)
    assert takeover("cluster", "restart", "node1", "--yes") == 1
    err = capsys.readouterr().err
    assert "shop would stop until node1 is back: no other node may run it" in err
    assert shop.writes == []
    happens(shop, "node1")
    shop.events[0].state = well("node2", standby="node1")
    shop.events[1].state = without(well("node2"), "node1")
    assert takeover("cluster", "restart", "node1", "--yes", "--even-so") == 0


def test_a_node_without_which_there_is_no_quorum_is_in_the_way(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """All services would stop until it is back."""
    shop.votes = shop.votes.replace("         3          1 node3\n", "").replace(
        "Total votes:      3", "Total votes:      2"
    )
    assert takeover("cluster", "restart", "node2", "--yes") == 1
    assert "then have no quorum: all services stop there" in capsys.readouterr().err
    assert shop.writes == []


def test_a_node_that_pcsd_does_not_reach_is_not_even_drained(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its services would have moved for nothing; nothing overrides that."""
    shop.pcsd["node3"] = "Offline"
    for option in ((), ("--even-so",)):
        assert takeover("cluster", "restart", "--yes", *option) == 1
        err = capsys.readouterr().err
        assert "pcsd does not answer on node3" in err
        assert "To restart the nodes all the same" not in err
    assert shop.writes == []


def test_a_service_that_does_not_leave_ends_the_restart(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its node's cluster is not stopped, as that would get the node fenced."""
    shop.when(drain("node1"), state=well("node1", standby="node1"))
    assert takeover("cluster", "restart", "node1", "--yes") == 1
    out = capsys.readouterr().out
    assert "HARM: shop still runs on node1" in out
    assert "to let it run things again: takeover node resume node1" in out
    assert "the restart ended here." in out
    assert shop.writes == [drain("node1")]


def test_a_node_that_does_not_come_back_ends_the_restart(
    rolling: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other nodes go on, and their clusters are not stopped."""
    rolling.events[2].state = without(well(), "node3")
    assert takeover("cluster", "restart", "--yes") == 1
    assert "node3 is not online" in capsys.readouterr().err
    assert rolling.writes == turn("node3")
    rolling.events.clear()
    assert takeover("status") == 0
    assert any(
        warning.startswith("interrupted: the rolling restart of alice of 2026-11-24T20:00:00+00:00")
        for warning in takeover.warned
    )


def killed() -> None:
    """End a command as SIGKILL does: nothing after it is done."""
    raise SystemExit(137)


_MOMENTS = [f"{when} {what}" for what in ("drain", "stop", "start") for when in ("before", "after")]


@pytest.mark.parametrize("moment", range(6), ids=_MOMENTS)
def test_a_restart_that_was_killed_is_told_and_goes_on(
    moment: int, *, shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before or after each command: what was done is not done again, and nothing is forgotten."""
    happens(shop, "node2")
    at, after = divmod(moment, 2)
    event = shop.events[at]
    if after:
        event.then = killed
    else:
        event.before = killed
    with pytest.raises(SystemExit):
        takeover("cluster", "restart", "node2", "node3", "--yes")
    done = len(shop.writes)
    if not after:
        # It was killed before the program did anything.
        shop.events.insert(0, type(event)(event.command, state=event.state))
        shop.writes.pop()
        done -= 1
    assert takeover("status") == 0
    told = next(each for each in takeover.warned if each.startswith("interrupted: "))
    assert "(its turn was that of node2): node2 and node3 were not restarted yet" in told
    assert "to go on with it: takeover cluster restart" in told.lower()
    happens(shop, "node3")
    assert takeover("cluster", "restart", "--yes") == 0, capsys.readouterr()
    wanted = [*turn("node2"), *turn("node3")]
    if moment == 1:
        # That the node is drained is made sure once more.
        wanted.insert(0, drain("node2"))
    assert shop.writes == wanted, (done, shop.writes)
    assert "going on with the rolling restart of alice" in capsys.readouterr().err
    assert not (takeover.machine.state / "restart.json").exists()


def test_an_interrupted_restart_is_not_begun_anew_by_accident(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nodes that are named now would be another restart; it can be forgotten."""
    shop.when(drain("node2"), state=well(standby="node2"), then=killed)
    with pytest.raises(SystemExit):
        takeover("cluster", "restart", "node2", "--yes")
    assert takeover("cluster", "restart", "node3", "--yes") == 1
    assert "To go on with it, name no node" in capsys.readouterr().err
    assert takeover("cluster", "restart", "--forget") == 0
    assert capsys.readouterr().out.startswith("forgotten: the rolling restart of alice of 2026-")
    assert takeover("cluster", "restart", "--forget") == 2
    assert is_drained(shop, "node2")
    shop.when("crm_attribute", state=well())
    assert takeover("node", "resume", "node2") == 0
    assert not is_drained(shop, "node2")


def test_a_restart_that_is_under_way_is_no_interrupted_one(
    shop: Cluster, takeover: Takeover
) -> None:
    """Whoever looks meanwhile is not told to go on with it."""
    shop.when(drain("node2"), state=well(standby="node2"), then=killed)
    with pytest.raises(SystemExit):
        takeover("cluster", "restart", "node2", "--yes")
    with lock.held(takeover.machine, "takeover cluster restart"):
        assert takeover("status") == 0
    assert not [each for each in takeover.warned if each.startswith("interrupted: ")]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("0123", "4567"),
        lambda text: text[:20],
        lambda _: "[]",
    ],
    ids=["another cluster's", "cut off", "another version's"],
)
def test_a_record_that_is_not_ours_is_none(
    change: Callable[[str], str], shop: Cluster, takeover: Takeover
) -> None:
    """A new cluster has no history of an old one."""
    shop.when(drain("node2"), state=well(standby="node2"), then=killed)
    with pytest.raises(SystemExit):
        takeover("cluster", "restart", "node2", "--yes")
    file = takeover.machine.state / "restart.json"
    assert json.loads(file.read_text())["node"] == "node2"
    file.write_text(change(file.read_text()))
    assert takeover("status") == 0
    assert not [each for each in takeover.warned if each.startswith("interrupted: ")]


def test_ctrl_c_says_how_to_go_on(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the next command does."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    shop.when(stop("node2"), then=interrupt, state=without(well(), "node2"))
    assert takeover("cluster", "restart", "node2", "--yes") == 130
    assert "`takeover cluster restart` says how far it has come, and goes on" in (
        capsys.readouterr().err
    )
    assert PUSH not in shop.writes
