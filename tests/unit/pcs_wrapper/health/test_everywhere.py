"""A service that runs on every node, on a cluster of which some nodes are paused or off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from lxml import etree

from pcs_wrapper.health.diagnosis import Service, services
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FailedAction, parse_state
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import told
from tests.unit.pcs_wrapper.conftest import Takeover

# As crm_mon of Pacemaker 2.1 tells it: front is on node1 and node2, and node3 is in standby.
TOLD = told("everywhere")


def state(*edits: tuple[str, str]) -> ClusterState:
    """Return the state, with what is told otherwise."""
    text = TOLD
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return parse_state(etree.fromstring(text.encode()))


def front(cluster: ClusterState) -> Service:
    """Return the service."""
    [found] = [service for service in services(cluster) if service.id == "front"]
    return found


def node3(**attributes: bool) -> ClusterState:
    """Return the state with the third node otherwise."""
    paused = state()
    first, second, third = paused.nodes
    assert third.standby
    changed = replace(third, **{"standby": False, **attributes})  # type: ignore[arg-type]
    return replace(paused, nodes=(first, second, changed))


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"standby": True}, "node3 is in standby"),
        ({"maintenance": True}, "node3 is in maintenance"),
        ({"online": False}, "node3 is off"),
        ({"pending": True}, "node3 is joining the cluster"),
        ({"unclean": True}, "node3 has to be fenced"),
        ({"sick": True}, "node3 has red health"),
    ],
)
def test_a_service_is_well_where_it_can_be(attributes: dict[str, bool], why: str) -> None:
    """It runs on all nodes that can run it, and on which it does not is told."""
    found = front(node3(**attributes))
    assert found.is_running
    assert (sorted(found.nodes), found.total) == (["node1", "node2"], 3)
    assert (found.limited, found.why) == (why, "")


def test_a_copy_that_a_node_could_run_is_missing() -> None:
    """Then it is not well, and the reason is no paused node."""
    found = front(node3())
    assert (found.state, found.limited) == ("partial", "")
    failure = FailedAction("front-app", "start", "node3", "no space left", "now")
    found = front(replace(node3(), failures=(failure,)))
    assert found.why == "start of front-app failed on node3: no space left"


def test_a_node_that_constraints_keep_it_off_is_not_missed() -> None:
    """A service for two of three nodes runs on all of its nodes."""
    bans = frozenset({("front", "node3")})
    found = front(replace(node3(), bans=bans))
    assert (found.state, found.limited) == ("running", "")


def test_what_failed_is_not_excused_by_a_paused_node() -> None:
    """A copy of which the last action failed."""
    role = 'role="Started" active="true" orphaned="false" blocked="false" managed="true"'
    assert TOLD.count(f'id="front-app" resource_agent="ocf:takeover:app" {role}') == 2
    first = f'id="front-app" resource_agent="ocf:takeover:app" {role} failed='
    found = front(state((f'{first}"false"', f'{first}"true"')))
    assert found.state != "running"


def test_no_copy_at_all_is_stopped() -> None:
    """With every node paused it is not said to be well."""
    paused = state()
    nodes = tuple(replace(node, standby=True) for node in paused.nodes)
    stopped = replace(paused.resources[1].copies[0][0], role="Stopped", nodes=())
    resource = replace(paused.resources[1], parts=(stopped,) * 3, copies=((stopped,),) * 3)
    found = front(replace(paused, nodes=nodes, resources=(paused.resources[0], resource)))
    assert (found.state, found.is_paused) == ("stopped", True)
    assert found.why == (
        "no node may run it: node1 is in standby, node2 is in standby, node3 is in standby"
    )


@pytest.fixture
def stopped() -> Callable[[frozenset[tuple[str, str]]], Service]:
    """Return a function that has the other service stopped, with some bans."""

    def diagnose(bans: frozenset[tuple[str, str]]) -> Service:
        paused = state()
        shop = paused.resources[0]
        parts = tuple(replace(part, role="Stopped", nodes=()) for part in shop.parts)
        resources = (replace(shop, parts=parts), paused.resources[1])
        return services(replace(paused, resources=resources, bans=bans))[0]

    return diagnose


def test_a_service_whose_only_nodes_are_paused_says_so(
    stopped: Callable[[frozenset[tuple[str, str]]], Service],
) -> None:
    """And which nodes constraints keep it off."""
    found = stopped(frozenset({("shop", "node1"), ("shop", "node2")}))
    assert found.is_paused
    assert found.why == (
        "no node may run it: node3 is in standby, constraints keep it off node1, node2"
    )


def test_a_service_that_no_node_is_left_for_is_not_paused(
    stopped: Callable[[frozenset[tuple[str, str]]], Service],
) -> None:
    """What constraints alone do is the change's doing."""
    found = stopped(frozenset(("shop", f"node{number}") for number in (1, 2, 3)))
    assert not found.is_paused
    assert found.why == "no node may run it: constraints keep it off node1, node2, node3"


def test_status_tells_on_how_many_nodes_it_runs(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the line of the service."""
    cluster.state = "everywhere"
    assert takeover("status") == 0
    assert "  front: running on 2 of 3 (node3 is in standby)\n" in capsys.readouterr().out


def test_bans_are_read() -> None:
    """Those that never let a resource run there; not those of the promoted role alone."""
    ban = '<ban id="b" resource="front" node="node3" weight="{}" promoted-only="{}"/>'
    for weight, promoted, expected in (
        ("-1000000", "false", {("front", "node3")}),
        ("-1000000", "true", set()),
        ("-100", "false", set()),
    ):
        bans = f"<bans>{ban.format(weight, promoted)}</bans></pacemaker-result>"
        assert state(("</pacemaker-result>", bans)).bans == expected
