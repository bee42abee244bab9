"""What happens when the cluster is stopped on nodes, with and without quorum afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from pcs_wrapper.health.losses import decide_without
from pcs_wrapper.nodes.running.leaving import leaving
from pcs_wrapper.pacemaker.crm_mon import read_state
from pcs_wrapper.pacemaker.votes import parse_votes
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import as_text
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.health.test_losses import votes_of
from tests.unit.pcs_wrapper.health.test_quorum import VOTES_ONE, printed


@pytest.mark.parametrize(
    ("shape", "flags", "lost", "decide"),
    [
        ((3, 3, 2, None), "Quorate", {"1"}, True),
        ((3, 3, 2, None), "Quorate", {"1", "2"}, False),
        ((3, 3, 2, None), "Quorate", {"1", "2", "3"}, False),
        ((2, 2, 1, None), "2Node Quorate", {"1"}, True),
        ((3, 2, 2, VOTES_ONE), "Quorate Qdevice", {"1"}, True),
        ((3, 2, 2, VOTES_ONE), "Quorate Qdevice", {"1", "2"}, False),
        ((4, 4, 3, None), "Quorate AutoTieBreaker", {"3", "4"}, True),
        ((4, 4, 3, None), "Quorate AutoTieBreaker", {"1", "2"}, False),
    ],
)
def test_who_is_left_decides_or_not(
    *, shape: tuple[int, int, int, str | None], flags: str, lost: set[str], decide: bool
) -> None:
    """However many are stopped at once."""
    assert decide_without(votes_of(shape, flags), lost) == decide


@pytest.mark.parametrize(
    ("policy", "effects"),
    [
        # Nothing runs without quorum; node1 keeps what it runs; what would be is asked for.
        ("stop", [("stops", ("node1",), ())]),
        ("freeze", []),
        ("ignore", [("moves", ("node1",), ("node2",))]),
    ],
)
def test_what_stops_without_quorum_is_the_cluster_s_policy(
    *, policy: str, effects: list[tuple[str, tuple[str, ...], tuple[str, ...]]],
    shop: Cluster, takeover: Takeover,
) -> None:  # fmt: skip
    """As its property no-quorum-policy says."""
    live = etree.fromstring(shop.cib)
    [found] = live.xpath("//crm_config//nvpair[@name='no-quorum-policy']")
    found.set("value", policy)
    shop.cib = as_text(live)
    votes = parse_votes(shop.votes, "")
    state = replace(read_state(takeover.machine), votes=votes)
    leaves = leaving(takeover.machine, state, live, ("node2", "node3"))
    assert leaves.quorum is not None
    assert [(each.kind, each.source, each.dest) for each in leaves.effects] == effects
    assert not leaves.alone


TIE = "quorum {{\n    provider: corosync_votequorum\n    auto_tie_breaker_node: {}\n}}\n"


@pytest.mark.parametrize(
    ("node", "lost", "decide"),
    [
        ("lowest", {"3", "4"}, True),
        ("highest", {"3", "4"}, False),
        ("highest", {"1", "2"}, True),
        ("3 1", {"1", "2"}, True),
        ("3 1", {"3", "4"}, False),
        # None of those that are listed is a member: no half decides.
        ("9", {"3", "4"}, False),
    ],
)
def test_the_half_with_the_tie_breaker_decides(*, node: str, lost: set[str], decide: bool) -> None:
    """votequorum(5), "auto_tie_breaker_node": the lowest ID is only the default."""
    text = printed(4, 4, 3).replace("Quorate Qdevice", "Quorate AutoTieBreaker")
    votes = parse_votes(text, TIE.format(node))
    assert votes is not None
    assert decide_without(votes, lost) == decide


@pytest.mark.parametrize("policy", ["stop", "freeze", "ignore"])
def test_watchdogs_alone_reset_nodes_without_quorum_whatever_the_policy_is(
    policy: str, *, shop: Cluster, takeover: Takeover
) -> None:
    """SBD without a disk: what stays is not only stopped, the machine is gone."""
    live = etree.fromstring(shop.cib)
    [found] = live.xpath("//crm_config//nvpair[@name='no-quorum-policy']")
    found.set("value", policy)
    [watchdog] = live.xpath("//crm_config//nvpair[@name='have-watchdog']")
    watchdog.set("value", "true")
    timeout = {"id": "t", "name": "stonith-watchdog-timeout", "value": "10s"}
    etree.SubElement(found.getparent(), "nvpair", timeout)
    shop.cib = as_text(live)
    state = replace(read_state(takeover.machine), votes=parse_votes(shop.votes, ""))
    leaves = leaving(takeover.machine, state, live, ("node2", "node3"))
    assert leaves.quorum is not None
    assert "all nodes there are reset by their watchdogs (SBD)" in leaves.quorum.message
    assert [(each.kind, each.source) for each in leaves.effects] == [("stops", ("node1",))]
