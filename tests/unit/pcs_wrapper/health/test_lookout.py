"""What a wait is for, in the words of `takeover status`, and when it cannot end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree

from pcs_wrapper.health.lookout import Lookout
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FencingEvent, parse_state
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import told
from tests.unit.pcs_wrapper.conftest import Takeover

FAILED = FencingEvent("node1", "reboot", "failed", "the outlet is locked", "node2")
WAITING = (
    "node1 is UNCLEAN (offline) and must be fenced, but fencing by fence-power failed: "
    "the outlet is locked"
)


def state(fixture: str) -> ClusterState:
    """Return the state that a fixture tells of."""
    return parse_state(etree.fromstring(told(fixture).encode()))


@pytest.fixture
def unclean() -> ClusterState:
    """Return a cluster with a node that is yet to be fenced."""
    return replace(state("fencing-pending"), fencing_history=())


def test_one_failed_attempt_may_be_followed_by_one_that_works(
    takeover: Takeover, unclean: ClusterState
) -> None:
    """A power switch may answer the second time; after two failures nobody hopes any more."""
    look = Lookout(takeover.machine)
    assert look(state("running")).cannot_end == ""
    assert not look(unclean).cannot_end
    once = look(replace(unclean, fencing_history=(FAILED,)))
    assert (once.waiting_for, once.cannot_end) == (WAITING, "")
    twice = look(replace(unclean, fencing_history=(FAILED, FAILED)))
    assert (twice.waiting_for, twice.cannot_end) == (WAITING, WAITING)


def test_what_failed_long_ago_does_not_count(takeover: Takeover, unclean: ClusterState) -> None:
    """The node came back by itself then: this time no attempt has failed yet."""
    long_ago = (FAILED, FAILED, FAILED)
    look = Lookout(takeover.machine)
    look(replace(state("running"), fencing_history=long_ago))
    assert not look(replace(unclean, fencing_history=long_ago)).cannot_end
    assert look(replace(unclean, fencing_history=(FAILED, FAILED, *long_ago))).cannot_end


def test_the_agents_words_are_looked_up_once_for_each_attempt(
    cluster: Cluster, takeover: Takeover
) -> None:
    """Reading the journal takes time, and a wait looks three times a second."""
    cluster.programs.add("journalctl")
    cluster.state = "fencing-refused-real-2.1"
    cluster.journal = [
        "fence_takeover_rig[480] stderr: [ the outlet is locked ]",
        "Operation 'reboot' [480] targeting node1 using fence-rig returned 1",
    ]
    refused = state("fencing-refused-real-2.1")
    look = Lookout(takeover.machine)
    for _ in range(5):
        assert "the outlet is locked" in look(refused).waiting_for
    assert cluster.reads["journalctl"] == 1


def test_a_service_that_waits_for_something_says_what(takeover: Takeover) -> None:
    """If nothing is under way, what does not run yet is named with its reason."""
    outlook = Lookout(takeover.machine)(state("standby"))
    assert outlook.waiting_for.startswith("shop is stopped: no node may run it: ")
    assert outlook.cannot_end == ""


def test_no_quorum_cannot_end_by_itself(takeover: Takeover) -> None:
    """Somebody has to bring nodes back."""
    outlook = Lookout(takeover.machine)(state("no-quorum"))
    assert outlook.waiting_for == outlook.cannot_end == "no quorum: 1 of 3 nodes online"
