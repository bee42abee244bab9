"""What `takeover status` says may be lost, beforehand, and what it says afterwards: on real votes.

Three nodes alone, then with a witness: corosync-qnetd on a host of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.rig.conftest import Shop
from tests.rig.test_cluster_members import add, finish, without_a_node
from tests.votes import (
    ONE_MISSING,
    SILENT,
    bring_witness_back,
    is_told,
    lost,
    told,
    votes_of_witness,
)
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import SERVICE, cluster_status
from vagrant.one_machine.layout import WITNESS

pytestmark = pytest.mark.one_machine("the lab of virtual machines has no host for a witness")

_SERVED_LIMIT = 60.0
_PASSWORD_FILE = "/root/hacluster.password"


#: Makes the witness's authority and certificate anew, as its packages do when it is set up.
_ANEW = (
    "systemctl stop corosync-qnetd && rm -rf /etc/corosync/qnetd/nssdb && "
    "corosync-qnetd-certutil -i && chown -R coroqnetd:coroqnetd /etc/corosync/qnetd; "
    "systemctl start corosync-qnetd"
)


def _spectators(shop: Shop) -> tuple[str, str]:
    """Return the node that serves, and one that does not and may be lost."""
    serving = active_node(shop.rig)
    return serving, next(name for name in shop.rig.layout.node_names if name != serving)


def test_three_nodes_may_lose_one(shop: Shop) -> None:
    """And no other after it, which status says as soon as it is so."""
    stays, goes = _spectators(shop)
    is_told(shop.rig, stays, "3 of 3, 2 needed", "one node may be lost")
    with lost(shop.rig, goes):
        is_told(shop.rig, stays, "2 of 3, 2 needed", "no node may be lost")
    is_told(shop.rig, stays, "3 of 3, 2 needed", "one node may be lost")


@pytest.fixture
def algorithm(shop: Shop) -> Iterator[str]:
    """Have the witness vote, on each release by another algorithm, and at last not any more."""
    if not shop.rig.status().get("witness"):
        pytest.skip("this rig was brought up without a witness")
    types = shop.admin.types
    algorithm = {"bookworm": "ffsplit", "trixie": "lms"}[shop.rig.layout.release]
    types(WITNESS, "systemctl", "start", "corosync-qnetd")
    given = ("--password-file", _PASSWORD_FILE, "--algorithm", algorithm)
    times = ("--timeout", "2s", "--sync-timeout", "5s")
    types("node1", "takeover", "witness", "add", WITNESS, *given, *times)
    try:
        yield algorithm
    finally:
        bring_witness_back(shop.rig)
        wait_until_whole(shop.rig)
        types("node1", "takeover", "witness", "remove")


def _all_vote(algorithm: str) -> tuple[str, str]:
    """Return what status says of three nodes and a witness that are all there."""
    own, nodes = {"ffsplit": (1, "one node"), "lms": (2, "2 nodes")}[algorithm]
    return (
        f"{3 + own} of {3 + own}, 3 needed; {votes_of_witness(own)}",
        f"{nodes} or the witness may be lost, not both",
    )


def test_a_witness_changes_what_may_be_lost(shop: Shop, algorithm: str) -> None:
    """The witness, a node after it, the witness back, the node back: all told as they come."""
    rig = shop.rig
    stays, goes = _spectators(shop)
    own = {"ffsplit": 1, "lms": 2}[algorithm]
    of_all, votes = f"of {3 + own}, 3 needed; ", votes_of_witness(own)
    is_told(rig, stays, *_all_vote(algorithm))
    shown = rig.run(stays, "takeover", "quorum", "status", check=True).stdout
    assert "the cluster's certificate for the witness: 0 days old, valid until 2" in shown
    assert f"  the witness {WITNESS}  everything goes on (votes left: 3)" in shown
    rig.power(WITNESS, "off")
    is_told(rig, stays, f"3 {of_all}{SILENT}", "no node may be lost")
    with lost(rig, goes):
        # What was told beforehand is so.
        is_told(rig, stays, f"2 {of_all}{SILENT}", ONE_MISSING)
        status = cluster_status(rig, stays)
        assert not status["quorum"]
        [service] = [each for each in status["services"] if each["id"] == SERVICE]
        if service["why"]:
            assert "and the witness witness does not vote" in service["why"]
        bring_witness_back(rig)
        after = {
            "ffsplit": "nothing more may be lost, neither a node nor the witness",
            "lms": "one node may be lost, but not the witness",
        }[algorithm]
        is_told(rig, stays, f"{2 + own} {of_all}{votes}", after)
    shop.client.wait_until_served(time.monotonic(), _SERVED_LIMIT * shop.patience)
    is_told(rig, stays, *_all_vote(algorithm))


def test_a_witness_whose_certificates_are_new_is_added_anew(shop: Shop, algorithm: str) -> None:
    """ha_cluster PR#262: the nodes have the old ones, and it never votes; one command mends it."""
    rig = shop.rig
    stays, _ = _spectators(shop)
    own = {"ffsplit": 1, "lms": 2}[algorithm]
    votes = votes_of_witness(own)
    rig.run(WITNESS, "sh", "-c", _ANEW, check=True)
    # So that nobody goes on with a connection that was made before.
    for node in rig.layout.node_names:
        rig.run(node, "systemctl", "restart", "corosync-qdevice")
    is_told(rig, stays, f"3 of {3 + own}, 3 needed; {SILENT}", "no node may be lost")
    again = ("takeover", "witness", "add", WITNESS, "--password-file", _PASSWORD_FILE)
    done = rig.run("node1", *again)
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "does not vote: it is added anew, with new certificates" in done.stderr
    assert told(rig, stays)[0] == f"{3 + own} of {3 + own}, 3 needed; {votes}"
    configuration = rig.run("node1", "cat", "/etc/corosync/corosync.conf", check=True).stdout
    assert "timeout: 2000" in configuration, "what was not given is as it was"
    assert f"algorithm: {algorithm}" in configuration


def test_a_witness_that_votes_may_get_another_time(shop: Shop, algorithm: str) -> None:
    """It votes on, and its other settings stay."""
    rig = shop.rig
    shop.admin.types("node2", "takeover", "witness", "add", WITNESS, "--timeout", "3s")
    is_told(rig, "node1", *_all_vote(algorithm))
    for node in rig.layout.node_names:
        configuration = rig.run(node, "cat", "/etc/corosync/corosync.conf", check=True).stdout
        for line in ("timeout: 3000", "sync_timeout: 5000", f"algorithm: {algorithm}"):
            assert line in configuration


def test_a_removed_node_comes_back_beside_a_witness(shop: Shop, algorithm: str) -> None:
    """crmsh#1981: its certificate is made again by whichever node adds it."""
    rig = shop.rig
    serving, goes = without_a_node(shop)
    # Only who is authenticated to the witness can have a certificate made.
    asked = ("pcs", "host", "auth", WITNESS, "-u", "hacluster")
    password = rig.run("node1", "cat", _PASSWORD_FILE, check=True).stdout
    shop.admin.types(serving, *asked, text=password)
    assert add(shop, serving, goes).returncode == 0
    finish(shop, serving, goes)
    is_told(rig, goes, *_all_vote(algorithm))
