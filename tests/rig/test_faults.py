"""A real service on a real cluster: it fails over, loses nothing, and is never mounted twice."""

import time
from contextlib import ExitStack

import pytest

from tests.breaking import broken_fencing, cut_off
from tests.rig.conftest import Shop
from vagrant.demo.client import ClientError
from vagrant.demo.faults import FAULTS, Fault, active_node, inflict, wait_until_whole
from vagrant.demo.shop import SERVICE, cluster_status

#: Long enough for several attempts at fencing, in seconds.
_SEVERAL_ATTEMPTS = 20.0


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_costs_an_outage_and_nothing_else(shop: Shop, fault: Fault) -> None:
    """Another node takes over where it must; no acknowledged row is lost, nothing mounted twice."""
    outcome = inflict(fault, shop.admin, shop.client)
    print(outcome)
    assert outcome.acknowledged > 0
    assert outcome.lost == 0
    assert outcome.double_mounts == 0
    assert outcome.outage_s > 0
    assert (outcome.source != outcome.target) == fault.moves


@pytest.mark.one_machine("SBD is in the node itself, and has no switch that could refuse")
def test_without_fencing_nobody_takes_over(shop: Shop) -> None:
    """When the fence device refuses, the data stays safe, the service down, and status says why."""
    rig, client = shop.rig, shop.client
    lost_node = active_node(rig)
    witness = next(node for node in rig.layout.node_names if node != lost_node)
    double_mounts = len(rig.status()["disks"]["double_mounts"])
    with ExitStack() as cables:
        with broken_fencing(rig, lost_node):
            cables.enter_context(cut_off(rig, lost_node))
            # What counts are rows that were begun now: others may have been on their way already.
            with pytest.raises(ClientError, match="not been served"):
                client.wait_until_served(time.monotonic(), _SEVERAL_ATTEMPTS)
            assert rig.status()["disks"]["mounted"].get("1", []) in ([], [lost_node])
            status = cluster_status(rig, witness)
            service = next(each for each in status["services"] if each["id"] == SERVICE)
            assert service["state"] == "stopped"
            told = rig.run(witness, "takeover", "status").stdout
            for why in (service["why"], told):
                assert f"waiting for {lost_node} to be fenced; fencing by fence-rig failed" in why
                assert f"the power switch of {lost_node} refuses" in why

        client.wait_until_served(time.monotonic(), 180)
        assert active_node(rig) != lost_node
    wait_until_whole(rig)
    assert client.check().lost == []
    assert len(rig.status()["disks"]["double_mounts"]) == double_mounts
