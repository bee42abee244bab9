"""The scheduler's answer, as crm_simulate of both Pacemaker releases gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from pcs_wrapper.errors import ClusterError, CommandFailed, ProgramMissing
from pcs_wrapper.pacemaker.simulation import Action, parse_actions, simulate
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover

FOLDER = Path(__file__).parents[1] / "crm_simulate"
PARTS = ("shop-filesystem", "shop-app", "shop-address")
CIB = "<cib><configuration/><status/></cib>"
OLD = etree.fromstring(CIB)
NEW = etree.fromstring("<cib><configuration><resources/></configuration><status/></cib>")


def answer(name: str, release: str = "2.1") -> str:
    """Return what crm_simulate really said."""
    return (FOLDER / f"{name}-{release}.xml").read_text()


def told(name: str, release: str) -> list[tuple[str, str, str | None, str | None]]:
    """Return what crm_simulate's answer says is done, without its reasons."""
    actions = parse_actions(answer(name, release))
    return [(each.kind, each.target, each.source, each.dest) for each in actions]


@pytest.mark.parametrize("release", ["2.1", "3.0"])
class TestBothReleases:
    """What Pacemaker 2.1.5 and 3.0.0 say is read alike."""

    def test_nothing_to_do(self, release: str) -> None:
        """A cluster that is settled does nothing."""
        assert told("nothing", release) == []

    def test_a_parameter_restarts_a_part_and_those_behind_it(self, release: str) -> None:
        """The reason tells the part that has changed from those that only depend on it."""
        assert parse_actions(answer("parameter", release)) == (
            Action(
                *("restart", "shop-app", "node1", "node1", "resource definition change", "restart")
            ),
            Action(
                *("restart", "shop-address", "node1", "node1", "required shop-app start"),
                "restart",
            ),
        )

    def test_a_parameter_that_is_only_reloaded(self, release: str) -> None:
        """Nothing is stopped."""
        assert told("reload", release) == [("reload", "shop-app", "node1", "node1")]

    def test_a_removed_service_stops(self, release: str) -> None:
        """Afterwards no node has it."""
        assert told("removed", release) == [("stop", part, "node1", None) for part in PARTS]

    def test_a_new_service_starts(self, release: str) -> None:
        """Before, no node had it."""
        parts = [part.replace("shop", "two") for part in PARTS]
        assert told("created", release) == [("start", part, None, "node2") for part in parts]

    def test_a_service_moves(self, release: str) -> None:
        """It has a node before and another one afterwards."""
        assert told("moved", release) == [("move", part, "node1", "node2") for part in PARTS]

    def test_a_node_is_fenced(self, release: str) -> None:
        """Fencing comes before what is taken over."""
        actions = parse_actions(answer("fenced", release))
        assert actions[0].kind == "fence"
        assert actions[0].target == "node1"
        assert "peer is no longer part of the cluster" in actions[0].reason
        assert [each.kind for each in actions if each.target in PARTS] == ["move"] * 3


def test_what_the_cluster_does_anyway_is_told_apart(cluster: Cluster, takeover: Takeover) -> None:
    """The scheduler is asked twice: without the change, and with it."""
    cluster.cib = CIB
    cluster.scheduled = (answer("fenced"), answer("fenced").replace('"shop-app"', '"new"'))
    actions = simulate(takeover.machine, OLD, NEW)
    assert [each.target for each in actions if not each.anyway] == ["new"]
    assert cluster.reads["env"] == 2


def test_the_scheduler_is_asked_about_a_file_that_nobody_else_reads(
    cluster: Cluster, takeover: Takeover
) -> None:
    """The live daemons are not asked, and the file is gone afterwards."""
    cluster.cib = CIB
    cluster.scheduled = (answer("nothing"), answer("nothing"))
    assert simulate(takeover.machine, OLD, NEW) == ()
    assert cluster.reads == {"env": 2}
    assert [etree.tostring(each) for each in cluster.simulated] == [
        etree.tostring(OLD),
        etree.tostring(NEW),
    ]
    cluster.check()


def test_a_scheduler_that_fails_is_told(cluster: Cluster, takeover: Takeover) -> None:
    """What it said comes with the error."""
    cluster.when("env", exit_code=65, stderr="Could not parse")
    with pytest.raises(CommandFailed, match="Could not parse"):
        simulate(takeover.machine, OLD, NEW)


def test_no_scheduler(cluster: Cluster, takeover: Takeover) -> None:
    """The package that has it is named."""
    cluster.programs.remove("crm_simulate")
    with pytest.raises(ProgramMissing, match="pacemaker-cli-utils"):
        simulate(takeover.machine, OLD, NEW)


def test_an_answer_that_is_no_xml() -> None:
    """It is an error in a sentence, not a traceback."""
    with pytest.raises(ClusterError, match="crm_simulate printed no XML"):
        parse_actions("what?")
