"""`takeover node list`: a word for each node, and why it is so."""

from __future__ import annotations

import json

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, told
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.nodes.conftest import node_is, on, simulated


def listed(takeover: Takeover, capsys: pytest.CaptureFixture[str], node: str) -> tuple[str, str]:
    """Return the word and the reason that the list has for a node."""
    assert takeover("node", "list", "--json") == 0
    nodes = {each["name"]: each for each in json.loads(capsys.readouterr().out)["nodes"]}
    return nodes[node]["state"], nodes[node]["why"]


@pytest.mark.usefixtures("shop")
def test_all_nodes_are_listed(takeover: Takeover, capsys: pytest.CaptureFixture[str]) -> None:
    """With what each runs, and who decides."""
    assert takeover("node", "list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "node1  online       runs shop",
        "node2  online       runs nothing (DC)",
        "node3  online       runs nothing",
    ]


@pytest.mark.parametrize(
    ("attributes", "state", "why"),
    [
        ({"online": '"false"'}, "offline",
         "its cluster was stopped, or has not been started since it was off; to start it: takeover "
         "cluster start node3"),
        ({"unclean": '"true"', "online": '"false"'}, "unclean",
         "the cluster has lost it: it must be fenced, and has not been yet"),
        ({"unclean": '"true"'}, "unclean",
         "it must be fenced, because a stop has failed on it, and has not been yet"),
        ({"maintenance": '"true"'}, "maintenance",
         "Pacemaker leaves alone what it runs, and recovers nothing; to end that: pcs node "
         "unmaintenance node3"),
        ({"pending": '"true"'}, "pending", "it is joining the cluster"),
        ({"shutdown": '"true"'}, "online", "it is shutting down, and what it runs leaves it"),
        ({"standby": '"true"'}, "paused",
         "it is in standby; to end that: takeover node resume node3"),
        ({"standby_onfail": '"true"'}, "paused",
         "an action with on-fail=standby has failed there; when that is repaired: pcs resource "
         "cleanup --node node3"),
        ({"health": '"red"'}, "online",
         "its health is red (pcs node attribute shows the attributes #health…)"),
    ],
)  # fmt: skip
def test_every_state_has_its_reason(
    *, attributes: dict[str, str], state: str, why: str, shop: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """And what to do about it, where something can be done."""
    shop.state = node_is(on("node1"), "node3", **attributes)
    assert listed(takeover, capsys, "node3") == (state, why)
    assert listed(takeover, capsys, "node2") == ("online", "")


def test_a_node_that_cannot_be_fenced_says_why(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the words of the fence agent, as in status."""
    shop.state = "fencing-refused"
    word, why = listed(takeover, capsys, "node1")
    assert word == "unclean"
    assert why.startswith("it must be fenced, but fencing by fence-power failed: ")


def test_maintenance_of_the_whole_cluster_is_that_of_each_node(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """No single node could end it."""
    shop.state = told("running").replace('maintenance-mode="false"', 'maintenance-mode="true"')
    word, why = listed(takeover, capsys, "node1")
    assert word == "maintenance"
    assert why.startswith("the whole cluster is in maintenance mode; to end that: ")


def test_a_maintenance_that_a_restart_ends_is_told(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """crmsh#2147: transient maintenance vanishes at a restart, when nobody expects it."""
    shop.state = node_is(on("node1"), "node1", maintenance='"true"')
    assert "restarted" not in listed(takeover, capsys, "node1")[1]
    pair = '<nvpair id="status-1-maintenance" name="maintenance" value="true"/>'
    shop.cib = shop.cib.replace(
        '<instance_attributes id="status-1">', f'<instance_attributes id="status-1">{pair}'
    )
    word, why = listed(takeover, capsys, "node1")
    assert word == "maintenance"
    assert why.endswith("; it ends, too, when its cluster is restarted there")


def test_who_has_paused_a_node_and_why_is_known_everywhere(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is in the record of changes, which every node has."""
    shop.when(PUSH, state=on("node2", standby="node1"))
    assert takeover("node", "pause", "node1", "-m", "new memory") == 0
    capsys.readouterr()
    assert listed(takeover, capsys, "node1") == (
        "paused",
        "it runs nothing until takeover node resume node1; paused by alice on node1, "
        "2026-11-24T20:00:00+00:00: new memory",
    )
    assert takeover("node", "list") == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "node1  paused       runs nothing",
        "       it runs nothing until takeover node resume node1; paused by alice on node1, "
        "2026-11-24T20:00:00+00:00: new memory",
    ]
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    shop.when(PUSH, state=on("node2"))
    assert takeover("node", "resume", "node1") == 0
    # Somebody else pauses it later, with pcs.
    shop.state = on("node2", standby="node1")
    capsys.readouterr()
    assert "alice" not in listed(takeover, capsys, "node1")[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--keep",),
         "it keeps what it runs, and takes nothing new until takeover node resume node1"),
        (("--for", "2h"),
         "it runs nothing until 2026-11-24T22:00:00+00:00 (constraint takeover-pause-node1)"),
        (("--keep", "--for", "2h"),
         "it keeps what it runs, and takes nothing new until 2026-11-24T22:00:00+00:00 (constraint "
         "takeover-keep-node1)"),
    ],
)  # fmt: skip
def test_a_pause_that_pacemaker_does_not_show_is_told(
    *, options: tuple[str, ...], said: str, shop: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Pacemaker calls such a node online: the list, status and its check say what is so."""
    shop.when(PUSH, state=on("node1" if "--keep" in options else "node2"))
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    assert takeover("node", "pause", "node1", *options) == 0
    capsys.readouterr()
    word, why = listed(takeover, capsys, "node1")
    assert (word, why.partition("; paused by")[0]) == ("paused", said)
    assert takeover("status", "--check") == 1
    assert capsys.readouterr().out.startswith("WARNING - node1 is paused: it ")


def test_a_remote_node_is_marked(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does not vote."""
    shop.state = node_is(on("node1"), "node3", type='"remote"')
    assert takeover("node", "list") == 0
    assert "node3  online       runs nothing (remote)" in capsys.readouterr().out


def test_a_node_that_hangs_delays_nothing(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#52, pcs#138, pcs#213: status hung for minutes. Only this node's own daemons are asked."""
    assert takeover("node", "list") == 0
    assert set(shop.reads) == {"crm_mon", "cibadmin"}
    capsys.readouterr()
    shop.when("crm_mon", hangs=True)
    assert takeover("node", "list") == 1
    assert "did not finish within 30 s and was stopped" in capsys.readouterr().err


def test_without_a_cluster_there_is_nothing_to_list(cluster: Cluster, takeover: Takeover) -> None:
    """That is an exit code of its own."""
    cluster.state = "disconnected"
    assert takeover("node", "list") == 4
