"""Two nodes: with a witness that decides, and without, when each fences the other.

The cluster is made with the witness of its description. Many cuts are made by
`bench.fencing_race`; here there is one for each node that may serve.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.votes import ONE_MISSING, SILENT, bring_witness_back, is_told, lost, votes_of_witness
from vagrant.common.waiting import eventually
from vagrant.demo.shop import Administrator
from vagrant.demo.small import (
    WITNESSED,
    cut_between,
    serve_from,
    serving_node,
    small_cluster,
    small_description,
)
from vagrant.description import DESCRIPTION
from vagrant.one_machine.layout import WITNESS

_OF_ALL = "of 3, 2 needed; "
_WHOLE = "one node or the witness may be lost, not both"
_TAKEOVER_LIMIT = 60.0
#: The fencing of the node that serves is delayed by less, so that nobody has to wait.
_DELAY = ("[cluster]", '[cluster]\nfencing_delay = "5s"')
_CUT = 11.0


@pytest.fixture(scope="module")
def admin() -> Iterator[Administrator]:
    """Who works on two nodes and a witness, as `takeover cluster create` has made them."""
    with small_cluster("test-two", "trixie", 2, print, more=WITNESSED) as admin:
        yield admin


def test_a_witness_or_a_node_may_be_lost(admin: Administrator) -> None:
    """Which status says beforehand, and what is so afterwards, of one after the other, too."""
    rig = admin.rig
    is_told(rig, "node1", f"3 {_OF_ALL}{votes_of_witness(1)}", _WHOLE)
    serve_from(admin, "node2")
    with lost(rig, "node2"):
        nothing = "nothing more may be lost, neither a node nor the witness"
        is_told(rig, "node1", f"2 {_OF_ALL}{votes_of_witness(1)}", nothing)
        rig.power(WITNESS, "off")
        is_told(rig, "node1", f"1 {_OF_ALL}{SILENT}", ONE_MISSING)
        bring_witness_back(rig)
        is_told(rig, "node1", f"2 {_OF_ALL}{votes_of_witness(1)}", nothing)
    assert eventually(lambda: serving_node(rig) == "node1", _TAKEOVER_LIMIT)
    rig.power(WITNESS, "off")
    is_told(rig, "node1", f"2 {_OF_ALL}{SILENT}", "no node may be lost")
    planned = rig.run("node1", "takeover", "plan", DESCRIPTION).stdout
    assert planned.startswith("nothing to change")
    assert "Nobody takes over from a node that fails now: no node may be lost" in planned
    bring_witness_back(rig)
    is_told(rig, "node1", f"3 {_OF_ALL}{votes_of_witness(1)}", _WHOLE)


def test_the_node_that_serves_wins(admin: Administrator) -> None:
    """Without the witness each fences the other, and the one that serves comes first."""
    rig = admin.rig
    admin.types("node1", "pcs", "quorum", "device", "remove")
    rig.write("node1", DESCRIPTION, small_description(rig).replace(*_DELAY))
    admin.types("node1", "takeover", "apply", DESCRIPTION)
    is_told(rig, "node1", "2 of 2, 1 needed", "one node may be lost")
    for serving, other in (("node1", "node2"), ("node2", "node1")):
        serve_from(admin, serving)
        assert cut_between(admin, other, _CUT) == {serving: True, other: False}
        assert serving_node(rig) == serving
