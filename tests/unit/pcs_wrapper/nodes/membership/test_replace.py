"""`takeover node replace`: the old node leaves, alive or dead, and only then the new one comes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cib_templates.reading.reading import read_description
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.pcsd import Machines, Pcsd
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.conftest import node_is, simulated
from tests.unit.pcs_wrapper.nodes.membership.conftest import gone, joined, killed, well
from tests.unit.pcs_wrapper.nodes.running.conftest import without

LINKS = ("--address", "198.51.100.14", "--address", "203.0.113.14")
AUTH = "pcs host auth node3 addr=198.51.100.13 -u hacluster"
DRAIN = "crm_attribute --node node3 --name standby --lifetime reboot --update on"
REMOVE = "pcs cluster node remove node3"
CONFIRM = "stonith_admin --confirm=node3"
OFF = "stonith_admin --fence=node3 --timeout=300"
ADD = "pcs cluster node add node3 addr=198.51.100.13 addr=203.0.113.13"
ADD_OTHER = "pcs cluster node add node4 addr=198.51.100.14 addr=203.0.113.14"
START = "pcs cluster start node3 --wait=120 --request-timeout=480"
START_OTHER = "pcs cluster start node4 --wait=120 --request-timeout=480"
AWAY = without(well(), "node3")
UNCLEAN = node_is(AWAY, "node3", unclean='"true"')
# As corosync-quorumtool prints it when node3 is away.
VOTES = """\
Votequorum information
----------------------
Expected votes:   3
Highest expected: 3
Total votes:      2
Quorum:           2
Flags:            Quorate

Membership information
----------------------
    Nodeid      Votes Name
         1          1 node1 (local)
         2          1 node2
"""
# And when it has left.
LEFT = VOTES.replace("xpected votes:   3", "xpected votes:   2").replace("Quorate", "2Node Quorate")
_SHOP = (
    "totem {\n    cluster_name: shop\n}\nnodelist {\n    node {\n        name: node3\n    }\n}\n"
)


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let somebody type something."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def names(cluster: Cluster) -> list[str]:
    """Return the nodes that Corosync has."""
    return [node["name"] for node in cluster.config["nodes"]]


def dies(cluster: Cluster, state: str) -> Cluster:
    """Let node3 have failed."""
    cluster.state, cluster.votes = state, VOTES
    cluster.dead_links = {(0, 3), (1, 3)}
    return cluster


@pytest.fixture
def wiped(shop: Cluster, machines: Machines) -> Cluster:
    """Return a cluster whose node3 was fenced, and where another machine answers in its place."""
    assert machines.pcsds["198.51.100.13"].config == ""
    # It is on, and its plug is node3's.
    return dies(shop, AWAY)


@pytest.fixture
def known(shop: Cluster, machines: Machines) -> Cluster:
    """Return a cluster that knows node4, which its device can fence."""
    machines.know("node4", "198.51.100.14")
    shop.cib = shop.cib.replace('value="node1,node2,node3"', 'value="node1,node2,node3,node4"')
    shop.machines["node4"] = "on"
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    return shop


def is_forgotten(cluster: Cluster, then: Callable[[], object] = lambda: None) -> None:
    """Let node3 be forgotten when it is removed, and not be missed any more."""

    def left() -> None:
        cluster.votes = LEFT
        then()

    cluster.when(REMOVE, state=gone(well()), then=left)


def takes_its_place(cluster: Cluster) -> None:
    """Let node3 be forgotten, and be there again when it is started."""
    is_forgotten(cluster)
    cluster.when(START, state=well())


def comes_instead(cluster: Cluster) -> None:
    """Let node3 be forgotten, and node4 be there when it is started."""
    is_forgotten(cluster)
    cluster.when(START_OTHER, state=gone(joined(well())))


def test_a_dead_node_is_replaced_by_a_wiped_machine_of_its_name(
    wiped: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was fenced, so nobody is asked: what answers in its place has nothing of a cluster."""
    takes_its_place(wiped)
    assert takeover("node", "replace", "node3", "--yes") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[:2] == [
        "another machine takes the place of node3 in the cluster shop; node3 leaves first",
        "node3 is removed from the cluster shop; its configuration is destroyed there",
    ]
    assert captured.out.splitlines() == [
        "if the old machine still has the configuration of the cluster: before it may run again, "
        "run on it, without a network: pcs cluster destroy",
        "node3 is a node now; what can fence it: fence-rig",
    ]
    assert wiped.writes == [REMOVE, PUSH, ADD, START, PUSH]
    assert names(wiped) == ["node1", "node2", "node3"]


def test_whoever_cannot_authenticate_to_the_new_machine_removes_nothing(
    *, wiped: Cluster, machines: Machines, takeover: Takeover, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A wiped machine knows the old token no more: authentication comes first of all."""
    machines.know("node3", "203.0.113.99")
    wiped.pcsd["node3"] = "Unable to authenticate"

    def authenticated(name: str, address: str) -> None:
        machines.know(name, address)
        wiped.pcsd.pop(name, None)

    wiped.authenticates = authenticated
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text("wrong\n")
    arguments = ("node", "replace", "node3", "node3", "--yes", "--password-file", password)
    assert takeover(*arguments) == 1
    assert "Nothing was changed" in capsys.readouterr().err
    assert wiped.writes == [AUTH]
    wiped.writes.clear()
    password.write_text(f"{wiped.password}\n")
    takes_its_place(wiped)
    assert takeover(*arguments) == 0
    assert wiped.writes == [AUTH, REMOVE, PUSH, ADD, START, PUSH]


def test_a_machine_that_cannot_become_a_node_costs_no_node(
    wiped: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is asked before the old one leaves."""
    machines.pcsds["198.51.100.13"].services["pacemaker"]["version"] = "2.0.5"
    assert takeover("node", "replace", "node3", "--yes", "--even-so") == 1
    assert "node3 has Pacemaker 2.0.5" in capsys.readouterr().err
    machines.pcsds["198.51.100.13"].is_silent = True
    assert takeover("node", "replace", "node3", "--yes", "--even-so") == 1
    assert "pcsd does not answer on node3" in capsys.readouterr().err
    assert wiped.writes == []


def test_a_node_that_must_be_fenced_is_confirmed_by_its_name(
    wiped: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """That its addresses answer says nothing of it: the new machine has them."""
    dies(wiped, UNCLEAN)
    wiped.machines["node3"] = "connection refused"
    wiped.answering = {"198.51.100.13", "203.0.113.13"}
    types(monkeypatch, "yes\n")
    assert takeover("node", "replace", "node3", "--yes") == 1
    assert capsys.readouterr().err.endswith("nothing was changed\n")
    assert wiped.writes == []
    types(monkeypatch, "node3\n")
    wiped.when(CONFIRM, state=AWAY)
    takes_its_place(wiped)
    assert takeover("node", "replace", "node3") == 0
    captured = capsys.readouterr()
    assert "What answers at its addresses is the new machine" in captured.err
    # Nor does its device, which is gone with the old one, fence the new one.
    assert "node3 is a node now, and runs nothing: no fencing device knows it" in captured.out
    assert wiped.writes == [CONFIRM, REMOVE, PUSH, ADD, START]


def test_a_machine_that_was_not_wiped_may_be_the_old_one(
    wiped: Cluster, machines: Machines, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """If the node has to be fenced, what answers at its addresses may be it."""
    dies(wiped, UNCLEAN)
    wiped.machines["node3"] = "connection refused"
    wiped.answering = {"198.51.100.13"}
    machines.pcsds["198.51.100.13"] = Pcsd(config=_SHOP)
    types(monkeypatch, "node3\n")
    assert takeover("node", "replace", "node3") == 1
    assert "node3 may be on: 198.51.100.13 answers" in capsys.readouterr().err
    assert wiped.writes == []


def test_the_repaired_machine_itself_takes_its_place_again(
    wiped: Cluster, machines: Machines, takeover: Takeover
) -> None:
    """It was fenced; its old configuration is destroyed with its removal."""
    machines.pcsds["198.51.100.13"] = Pcsd(config=_SHOP)
    is_forgotten(wiped, lambda: setattr(machines.pcsds["198.51.100.13"], "config", ""))
    wiped.when(START, state=well())
    assert takeover("node", "replace", "node3", "--yes") == 0
    assert wiped.writes == [REMOVE, PUSH, ADD, START, PUSH]


def test_what_belongs_to_another_cluster_is_only_destroyed_when_that_is_asked_for(
    wiped: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The old node stays until then."""
    machines.pcsds["198.51.100.13"] = Pcsd(config=_SHOP.replace("shop", "shed"))
    assert takeover("node", "replace", "node3", "--yes", "--even-so") == 1
    assert "node3 has the configuration of the cluster shed" in capsys.readouterr().err
    assert wiped.writes == []
    takes_its_place(wiped)
    assert takeover("node", "replace", "node3", "--yes", "--replace") == 0
    assert machines.pcsds["198.51.100.13"].config == ""


def test_a_fencing_may_switch_the_new_machine_off(
    wiped: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the plug of the old one; switched on again, the same command goes on."""
    dies(wiped, UNCLEAN)
    pcsd = machines.pcsds["198.51.100.13"]

    def is_off() -> None:
        pcsd.is_silent = True
        wiped.pcsd["node3"] = "Offline"

    wiped.when(OFF, state=AWAY, then=is_off)
    is_forgotten(wiped)
    assert takeover("node", "replace", "node3", "--yes") == 1
    captured = capsys.readouterr()
    assert "switch node3 on, then this once more" in captured.err
    assert "pcsd does not answer on node3" in captured.out
    assert captured.out.splitlines()[-1] == (
        "when that is put right, the same command goes on: takeover node replace node3 node3"
    )
    assert wiped.writes == [OFF, f"{REMOVE} --skip-offline --force"]
    wiped.writes.clear()
    wiped.pcsd.clear()
    pcsd.is_silent = False
    wiped.when(START, state=well())
    assert takeover("node", "replace", "node3", "--yes") == 0
    assert wiped.writes == [PUSH, ADD, START, PUSH]


def test_a_node_that_runs_is_replaced_by_another_one(
    known: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is drained and removed, and the description has the other one in its place."""
    known.when(DRAIN, state=well(standby="node3"))
    comes_instead(known)
    arguments = ("node", "replace", "node3", "node4", *LINKS, "--yes")
    assert takeover(*arguments, "--description", description) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0] == (
        "node4 takes the place of node3 in the cluster shop; node3 leaves first"
    )
    assert captured.out.splitlines() == [
        "node3 is no node of the cluster any more",
        "node4 is a node now; what can fence it: fence-rig",
        f"what prefers or fences a node follows with: takeover apply {description}",
    ]
    assert known.writes == [DRAIN, PUSH, REMOVE, ADD_OTHER, START_OTHER, PUSH]
    text = description.read_text()
    assert text.startswith("# The demo's cluster, whose live CIBs are beside this file.\n")
    assert list(read_description(description).nodes) == ["node1", "node2", "node4"]
    assert "node3" not in text


def test_a_dead_node_is_evicted_for_another_one(
    known: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It leaves first: with a node more, two of four would have no quorum."""
    dies(known, UNCLEAN)
    known.pcsd["node3"] = "Offline"
    known.machines["node3"] = "connection refused"
    types(monkeypatch, "node3\n")
    known.when(CONFIRM, state=AWAY)
    comes_instead(known)
    assert takeover("node", "replace", "node3", "node4", *LINKS) == 0
    out = capsys.readouterr().out
    assert "the configuration of the cluster is still on node3" in out
    assert out.splitlines()[-1] == (
        "in the description, put node4 (198.51.100.14, 203.0.113.14) in the place of node3; then: "
        "takeover apply FILE"
    )
    evict = f"{REMOVE} --skip-offline --force"
    assert known.writes == [CONFIRM, PUSH, evict, ADD_OTHER, START_OTHER, PUSH]


def test_a_member_of_the_same_name_is_taken_for_the_new_machine(
    shop: Cluster, machines: Machines, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """So a command that is repeated does no harm."""
    assert machines
    assert takeover("node", "replace", "node3", "--yes") == 0
    captured = capsys.readouterr()
    assert "takeover node remove node3" in captured.err
    assert captured.out == "node3 was a node already\n"
    assert shop.writes == []


def test_a_member_with_the_addresses_of_the_new_machine_refuses(
    known: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both cannot be there."""
    links = ("--address", "198.51.100.14", "--address", "203.0.113.13")
    assert takeover("node", "replace", "node3", "node4", *links, "--yes", "--even-so") == 1
    assert "has the address 203.0.113.13" in capsys.readouterr().err
    assert takeover("node", "replace", "node3", *LINKS, "--yes", "--even-so") == 1
    assert "has that name" in capsys.readouterr().err
    assert known.writes == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("node9", "node4", *LINKS), 2, "the cluster shop has no node 'node9'"),
        (("node3", "node4"), 2, "which addresses does node4 have?"),
        (("node1", "node4", *LINKS), 1, "node1 is the node that this runs on"),
        (("node3", "node2"), 0, "node2 was a node already"),
    ],
)
def test_arguments_that_do_not_fit(
    *, arguments: tuple[str, ...], code: int, says: str, known: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What is replaced by a node that is there already is only removed."""
    if code == 0:
        known.when(DRAIN, state=well(standby="node3"))
        known.when(REMOVE, state=gone(well()))
    assert takeover("node", "replace", *arguments, "--yes") == code
    captured = capsys.readouterr()
    assert says in captured.out + captured.err
    assert known.writes == ([] if code else [DRAIN, REMOVE])


def test_it_can_be_looked_at_first(
    known: Cluster, takeover: Takeover, told_json: Any, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """One list of steps, of both; nothing is changed."""
    before = description.read_text()
    arguments = (
        *("node", "replace", "node3", "node4", *LINKS, "--dry-run"),
        *("--description", str(description)),
    )
    assert takeover(*arguments) == 0
    commands = commands_of(capsys.readouterr().out)
    wanted = [DRAIN, REMOVE, ADD_OTHER, START_OTHER]
    assert [each for each in commands if each in wanted] == wanted
    code, shown = told_json(*arguments)
    assert (code, shown["left"], shown["member"], shown["evicted"]) == (0, False, True, False)
    assert shown["edits"] == [
        "the table [nodes.node3] → [nodes.node4]",
        "node3 → node4 in services.shop.nodes",
        "198.51.100.13, 203.0.113.13 → 198.51.100.14, 203.0.113.14 in nodes.node4.links",
    ]
    assert known.writes == []
    assert description.read_text() == before


@pytest.mark.parametrize("at", range(5))
def test_a_replacement_by_the_same_name_that_was_killed_goes_on(
    at: int, *, wiped: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """After each of its writes, without a name or a list of what was done."""
    is_forgotten(wiped, killed if at == 0 else lambda: None)
    moments = ((PUSH, None), (ADD, None), (START, well()), (PUSH, None))
    for number, (command, state) in enumerate(moments[:at], 1):
        wiped.when(command, state=state, then=killed if number == at else lambda: None)
    with pytest.raises(SystemExit):
        takeover("node", "replace", "node3", "--yes")
    if at < 3:
        wiped.when(START, state=well())
    capsys.readouterr()
    assert takeover("node", "replace", "node3", "--yes") == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert ("node3 has left already" in first) == (at < 4)
    assert names(wiped) == ["node1", "node2", "node3"]
    assert "takeover-keep-node3" not in wiped.cib
    assert not (takeover.machine.state / "replacement.json").exists() or at == 4


@pytest.mark.parametrize("at", range(6))
def test_a_replacement_by_another_name_that_was_killed_goes_on(
    at: int, *, known: Cluster, takeover: Takeover, description: Path
) -> None:
    """Also when nothing knows the old node any more, but the description."""
    moments: tuple[tuple[str, str | None], ...] = (
        (DRAIN, well(standby="node3")),
        (PUSH, None),
        (REMOVE, gone(well())),
        (ADD_OTHER, None),
        (START_OTHER, gone(joined(well()))),
        (PUSH, None),
    )
    nothing: Callable[[], None] = lambda: None  # noqa: E731 - beside `killed`
    for number, (command, state) in enumerate(moments):
        known.when(command, state=state, then=killed if number == at else nothing)
        if number == at:
            break
    arguments = ("node", "replace", "node3", "node4", "--yes", *LINKS, "--description", description)
    with pytest.raises(SystemExit):
        takeover(*arguments)
    for command, state in moments[at + 1 :]:
        if state is not None:
            known.when(command, state=state)
    assert takeover(*arguments) == 0
    assert names(known) == ["node1", "node2", "node4"]
    assert "takeover-keep-node4" not in known.cib
    assert list(read_description(description).nodes) == ["node1", "node2", "node4"]
    assert known.writes.count(REMOVE) == 1
