"""`takeover node remove`: after its services, for good, and without a trace."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cib_templates.reading.reading import read_description
from pcs_wrapper.pacemaker.pauses import has_transient
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.conftest import node_is, simulated
from tests.unit.pcs_wrapper.nodes.membership.conftest import gone, killed, well
from tests.unit.pcs_wrapper.nodes.running.conftest import without

DRAIN = "crm_attribute --node node3 --name standby --lifetime reboot --update on"
REMOVE = "pcs cluster node remove node3"
CLEAR = "pcs cluster node clear node3"


@pytest.fixture
def idle(shop: Cluster) -> Cluster:
    """Return a cluster in which nothing runs on node3."""
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    return shop


def leaves(cluster: Cluster, runs: str = "node1") -> None:
    """Let node3 be drained, and be forgotten."""
    cluster.when(DRAIN, state=well(runs, standby="node3"))
    cluster.when(REMOVE, state=gone(well(runs)))


def names(cluster: Cluster) -> list[str]:
    """Return the nodes that Corosync has."""
    return [node["name"] for node in cluster.config["nodes"]]


def test_a_node_leaves_for_good(
    idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its configuration is destroyed, and nothing in the cluster knows it any more."""
    leaves(idle)
    assert takeover("node", "remove", "node3", "--yes") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "node3 is removed from the cluster shop; its configuration is destroyed there",
        "  no service stops, moves or starts",
    ]
    assert captured.out.splitlines() == [
        "node3 is no node of the cluster any more; it has node1, node2",
        "in the description, take out the table [nodes.node3] and whatever else names node3 "
        "(takeover check finds it); then: takeover apply",
    ]
    assert idle.writes == [DRAIN, REMOVE]
    assert names(idle) == ["node1", "node2"]


def test_its_services_leave_first(
    shop: Cluster, takeover: Takeover, told_json: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """For how long clients wait is told before; what does not leave keeps the node."""
    shop.when(DRAIN, state=well("node3", standby="node3"))
    shop.state = well("node3")
    shop.scheduled = (
        simulated("nothing"),
        simulated("moved").replace('source="node1"', 'source="node3"'),
    )
    assert takeover("node", "remove", "node3", "--yes") == 1
    captured = capsys.readouterr()
    assert "  shop moves from node3 to node2: clients wait for about" in captured.err
    assert "shop still runs on node3" in captured.out
    assert shop.writes == [DRAIN]
    assert "node3" in names(shop)
    # The same command goes on.
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    leaves(shop, "node2")
    code, done = told_json("node", "remove", "node3", "--yes")
    assert code == 0, done
    assert (done["destroyed"], done["left"], done["harm"]) == (True, ["node1", "node2"], [])


def test_a_removal_can_be_looked_at_first(
    idle: Cluster, takeover: Takeover, told_json: Any, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What is changed in the description, too; nothing is."""
    before = description.read_text()
    arguments = ("node", "remove", "--dry-run", "node3", "--description", str(description))
    assert takeover(*arguments) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[2:5] == [
        f"to be taken out of {description}:",
        "  the table [nodes.node3]",
        "  node3 in services.shop.nodes",
    ]
    assert commands_of(out)[5:] == [DRAIN, REMOVE, CLEAR]
    code, shown = told_json(*arguments)
    assert code == 0
    assert shown["edits"] == ["the table [nodes.node3]", "node3 in services.shop.nodes"]
    assert (shown["member"], shown["configured"], shown["known"]) == (True, True, True)
    assert idle.writes == []
    assert description.read_text() == before


def test_the_description_is_edited_in_place(
    idle: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its comments; a link stays a link, and the mode stays, too."""
    description.chmod(0o640)
    link = description.with_name("link.toml")
    link.symlink_to(description)
    leaves(idle)
    assert takeover("node", "remove", "node3", "--yes", "--description", link) == 0
    assert link.is_symlink()
    assert description.stat().st_mode & 0o777 == 0o640
    text = description.read_text()
    assert text.startswith("# The demo's cluster, whose live CIBs are beside this file.\n")
    assert list(read_description(description).nodes) == ["node1", "node2"]
    assert capsys.readouterr().out.splitlines()[-1] == (
        f"what fences node3, or prefers it, goes with: takeover apply {link}"
    )


def test_a_description_that_is_changed_meanwhile_is_left_to_who_changes_it(
    idle: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A node leaves for minutes, and an editor or git has written the file since."""
    other = description.read_text() + "# a colleague's\n"
    idle.when(DRAIN, state=well(standby="node3"))
    idle.when(REMOVE, state=gone(well()), then=lambda: description.write_text(other))
    assert takeover("node", "remove", "node3", "--yes", "--description", description) == 1
    assert description.read_text() == other
    out = capsys.readouterr().out
    assert f"{description} was changed meanwhile, and is left as it is. What is missing is" in out
    assert "the table [nodes.node3]" in out


def test_a_description_that_would_be_none_is_shown_and_not_written(
    shop: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when its services have no node left."""
    shop.scheduled = (simulated("nothing"), simulated("nothing"))
    text = description.read_text().replace('["node1", "node2", "node3"]', '["node3"]')
    description.write_text(text)
    leaves(shop)
    assert takeover("node", "remove", "node3", "--yes", "--description", description) == 0
    err = capsys.readouterr().err
    assert f"{description} has to be changed by hand" in err
    assert description.read_text() == text


def test_another_cluster_s_description_is_a_mistake(
    idle: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed then, neither here nor there."""
    description.write_text(description.read_text().replace('name = "shop"', 'name = "shed"'))
    assert takeover("node", "remove", "node3", "--yes", "--description", description) == 1
    assert "describes the cluster 'shed', and this one is 'shop'" in capsys.readouterr().err
    assert idle.writes == []


def test_pauses_pins_and_bans_of_the_node_go_with_it(idle: Cluster, takeover: Takeover) -> None:
    """A node that gets its name later is not kept off by what is left."""
    ban = '<rsc_location id="cli-ban-shop-on-node3" rsc="shop" node="node3" score="-INFINITY"/>'
    pause = '<rsc_location id="takeover-keep-node3" rsc-pattern="x" node="node3" score="1"/>'
    idle.cib = idle.cib.replace("<constraints>", f"<constraints>{ban}{pause}")
    leaves(idle)
    assert takeover("node", "remove", "node3", "--yes") == 0
    assert idle.writes == [DRAIN, REMOVE, PUSH]
    assert "cli-ban" not in idle.cib
    assert "takeover-keep" not in idle.cib
    assert "shop-prefers-node3" in idle.cib, "it is the description's"


def test_whoever_does_not_agree_removes_nothing(
    idle: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """No answer is no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert takeover("node", "remove", "node3") == 1
    assert capsys.readouterr().err.endswith("nothing was changed\n")
    assert idle.writes == []


def test_a_node_whose_cluster_is_off_is_destroyed_all_the_same(
    idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """crmsh#1826: removed while off, it could stop the running cluster later."""
    idle.state = without(well(), "node3")
    idle.when(REMOVE, state=gone(well()))
    assert takeover("node", "remove", "node3", "--yes") == 0
    assert "  it is no member now, so nothing leaves it" in capsys.readouterr().err
    assert idle.writes == [REMOVE]


def test_a_node_that_cannot_be_reached_keeps_its_configuration_and_that_is_told(
    idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """crmsh#1826: it is refused; and done only with a word on what to do when it comes back."""
    idle.state = without(well(), "node3")
    idle.pcsd["node3"] = "Offline"
    assert takeover("node", "remove", "node3", "--yes") == 1
    assert "its configuration cannot be destroyed there" in capsys.readouterr().err
    assert idle.writes == []
    idle.when(REMOVE, state=gone(well()))
    assert takeover("node", "remove", "node3", "--yes", "--even-so") == 1
    captured = capsys.readouterr()
    assert "its configuration is LEFT THERE" in captured.err
    assert "the cluster's configuration is still on node3" in captured.out
    assert idle.writes == [f"{REMOVE} --skip-offline --force"]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (node_is(without(well(), "node3"), "node3", unclean='"true"'), "must be fenced"),
        (without(well(), "node2"), "node2 is OFFLINE"),
    ],
    ids=["the node is unclean", "another node is away"],
)
def test_a_cluster_that_is_not_well_loses_no_node(
    *, state: str, says: str, idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It must be off for sure, and the others must be there."""
    idle.state = state
    assert takeover("node", "remove", "node3", "--yes") == 1
    err = capsys.readouterr().err
    assert "a node is only removed while all is well with the others:" in err
    assert says in err
    assert idle.writes == []


def test_a_node_that_may_still_run_is_not_removed_whatever_is_said(
    idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others would start what it has as soon as they have forgotten it: data would be lost."""
    idle.state = node_is(without(well(), "node3"), "node3", unclean='"true"')
    assert takeover("node", "remove", "node3", "--yes", "--even-so") == 1
    err = capsys.readouterr().err
    assert "must be fenced" in err
    assert "takeover node evict node3" in err
    assert "all the same" not in err
    assert idle.writes == []


def test_a_member_that_pcsd_does_not_reach_is_not_removed(
    idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would go on as a member of a cluster that has no such node; nothing overrides that."""
    idle.pcsd["node3"] = "Offline"
    assert takeover("node", "remove", "node3", "--yes", "--even-so") == 1
    err = capsys.readouterr().err
    assert "pcsd does not answer on node3" in err
    assert "all the same" not in err
    assert idle.writes == []


@pytest.mark.parametrize(
    ("node", "code", "says"),
    [
        ("node1", 1, "node1 is the node that this runs on"),
        ("node9", 2, "the cluster shop has no node 'node9'; its nodes are node1, node2, node3"),
    ],
)
def test_nodes_that_cannot_be_removed_from_here(
    *, node: str, code: int, says: str, idle: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """With the reason."""
    assert takeover("node", "remove", node, "--yes") == code
    assert says in capsys.readouterr().err
    assert idle.writes == []


def test_a_removal_that_was_killed_when_the_node_was_drained_goes_on(
    idle: Cluster, takeover: Takeover
) -> None:
    """Or is taken back: the node is in standby only until its cluster is restarted."""
    idle.when(DRAIN, state=well(standby="node3"), then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "remove", "node3", "--yes")
    assert has_transient(etree.fromstring(idle.cib), "node3")
    assert takeover("node", "list") == 0
    idle.when(REMOVE, state=gone(well()))
    assert takeover("node", "remove", "node3", "--yes") == 0
    assert idle.writes == [DRAIN, REMOVE], "it is not drained once more"


def test_a_node_that_pacemaker_learns_of_anew_is_forgotten_again(
    idle: Cluster, takeover: Takeover
) -> None:
    """As the end of its membership arrives after pcs had Pacemaker forget it."""
    idle.when(DRAIN, state=well(standby="node3"))
    idle.when(REMOVE, state=without(well(), "node3"))
    idle.when(CLEAR, state=without(well(), "node3"))
    idle.when(CLEAR, state=gone(well()))
    assert takeover("node", "remove", "node3", "--yes") == 0
    assert idle.writes == [DRAIN, REMOVE, CLEAR, CLEAR]


def test_a_node_that_pacemaker_does_not_forget_is_told(
    idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not asked for ever."""
    idle.when(DRAIN, state=well(standby="node3"))
    idle.when(REMOVE, state=without(well(), "node3"))
    assert takeover("node", "remove", "node3", "--yes") == 1
    assert "Pacemaker still knows node3" in capsys.readouterr().out
    assert idle.writes.count(CLEAR) > 1


def test_the_pcs_of_a_killed_command_may_be_faster(
    idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes on alone: that it has done the work is no failure of the next command."""

    def is_faster() -> None:
        idle.config = idle.config | {"nodes": idle.config["nodes"][:2]}
        idle.state = gone(well())

    idle.when(DRAIN, state=well(standby="node3"))
    idle.when(REMOVE, before=is_faster)
    assert takeover("node", "remove", "node3", "--yes") == 0
    assert capsys.readouterr().out.startswith("node3 is no node of the cluster any more")


def test_pcs_s_own_reason_is_told_and_how_to_keep_the_node(
    idle: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when it is the tie-breaker of the witness."""
    idle.when(DRAIN, state=well(standby="node3"))
    idle.when(REMOVE, exit_code=1, stderr="Error: Node 'node3' is used as a tie breaker\n")
    assert takeover("node", "remove", "node3", "--yes") == 1
    err = capsys.readouterr().err
    assert "Error: Node 'node3' is used as a tie breaker" in err
    assert "takeover node resume node3" in err


def test_a_removal_that_was_killed_after_corosync_s_part_is_finished(
    idle: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pacemaker still knows the node, and says so as what it is."""
    idle.state = without(well(), "node3")
    idle.config = idle.config | {"nodes": idle.config["nodes"][:2]}
    idle.when(CLEAR, state=gone(well()), then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "remove", "node3", "--yes", "--description", description)
    assert "a removal of node3 was interrupted" in capsys.readouterr().err
    finish = ["pcs cluster sync corosync", "pcs cluster reload corosync", CLEAR]
    assert idle.writes == finish
    # Only the description is left.
    assert takeover("node", "remove", "node3", "--yes", "--description", description) == 0
    assert idle.writes == finish
    assert "node3" not in description.read_text()
    assert takeover("node", "remove", "node3", "--yes", "--description", description) == 2
