"""Administrators on several nodes: one history, and nobody undoes another's work unwarned."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.rig.conftest import Shop
from vagrant.common.networks import Link
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

#: Changed by each description; it concerns no service.
_PROPERTY = "cluster-recheck-interval"
_OK, _WARNING, _CRITICAL, _DIFFERENT = 0, 1, 2, 3


@pytest.fixture(scope="module", autouse=True)
def as_before(shop: Shop) -> Iterator[None]:
    """Give the cluster back with the description that it had."""
    yield
    wait_until_whole(shop.rig)
    # A test that failed may have left a change that waits.
    shop.rig.run("node1", "takeover", "confirm")
    shop.rig.run("node1", "takeover", "apply", "--over-others", DESCRIPTION, check=True)


def _description(rig: Rig, node: str, minutes: int) -> str:
    """Write a description on a node, and return its name."""
    text = rig.run("node1", "cat", DESCRIPTION, check=True).stdout
    file = f"/root/{minutes}.toml"
    rig.write(node, file, f'{text}\n[properties]\n{_PROPERTY} = "{minutes}min"\n')
    return file


def _apply(rig: Rig, node: str, minutes: int, *options: str) -> subprocess.CompletedProcess[str]:
    file = _description(rig, node, minutes)
    return rig.run(node, "takeover", "apply", "-m", f"{minutes} minutes", *options, file)


def _value(rig: Rig, node: str) -> str:
    query = ("crm_attribute", "--type", "crm_config", "--name", _PROPERTY, "--query", "--quiet")
    return rig.run(node, *query).stdout.strip()


def _history(rig: Rig, node: str, since: int = 0) -> list[dict[str, Any]]:
    """Return the changes that a node knows of, with what all nodes must know of them.

    Of older ones, which other tests have made, a node that was off has not kept everything.
    """
    told = rig.run(node, "takeover", "history", "--json", check=True).stdout
    keys = ("number", "at", "user", "node", "command", "message", "state", "changes", "undoes")
    return [
        {key: each[key] for key in keys}
        for each in json.loads(told)["checkpoints"]
        if each["number"] >= since
    ]


def _newest(rig: Rig, node: str) -> dict[str, Any]:
    return _history(rig, node)[0]


def test_nobody_undoes_anothers_work_unwarned(shop: Shop) -> None:
    """A stale file is refused, a confirmation is good on any node, a timer undoes nobody's work."""
    rig = shop.rig
    assert _apply(rig, "node1", 11).returncode == 0
    first = _newest(rig, "node3")
    assert (first["node"], first["message"], first["state"]) == ("node1", "11 minutes", "applied")
    # A new description of somebody else is taken; the last change is named.
    other = _apply(rig, "node2", 12)
    assert other.returncode == 0
    assert f"the last change was change {first['number']} (root on node1" in other.stderr
    # Yesterday's file is refused, and nothing is changed.
    stale = _apply(rig, "node1", 11)
    assert stale.returncode == 1
    assert f"this is the description of change {first['number']}" in stale.stderr
    assert "on node2" in stale.stderr
    assert "12 minutes" in stale.stderr
    planned = rig.run("node1", "takeover", "plan", "/root/11.toml")
    assert planned.returncode == _DIFFERENT
    assert "this is the description of change" in planned.stderr
    assert _value(rig, "node1") == "12min"
    # Whoever waits to be confirmed is seen everywhere, and confirmed from anywhere.
    assert _apply(rig, "node2", 13, "--confirm", "60s").returncode == 0
    waiting = _apply(rig, "node3", 14)
    assert waiting.returncode == 1
    assert "of root on node2 waits to be confirmed" in waiting.stderr
    assert "waits to be confirmed" in rig.run("node1", "takeover", "status").stdout
    assert rig.run("node3", "takeover", "confirm").returncode == 0
    number = _newest(rig, "node2")["number"]
    timer = rig.run("node2", "takeover", "rollback", "--unless-confirmed", str(number))
    assert "does not wait to be confirmed" in timer.stdout


def test_a_timer_takes_no_later_change_back(shop: Shop) -> None:
    """It tells what there was since; and what pcs has changed is in the history, too."""
    rig = shop.rig
    assert _apply(rig, "node1", 15, "--confirm", "10m").returncode == 0
    late = _newest(rig, "node1")["number"]
    assert _apply(rig, "node3", 16, "--over-others").returncode == 0
    rig.run("node3", "pcs", "property", "set", "cluster-ipc-limit=600", check=True)

    # What the timer runs when its time has come; that it runs it, tests of apply see.
    timer = rig.run("node1", "takeover", "rollback", "--unless-confirmed", str(late))
    assert f"checkpoint {late} was not confirmed in time, and not rolled back" in timer.stdout
    assert "not rolled back" in rig.run("node2", "takeover", "history").stdout
    assert _value(rig, "node2") == "16min"
    assert rig.run("node2", "takeover", "confirm", str(late)).returncode == 0
    assert "changed without Takeover" in rig.run("node2", "takeover", "history").stdout
    rig.run("node3", "pcs", "property", "set", "cluster-ipc-limit=", check=True)
    [here, *others] = (_history(rig, f"node{number}", since=late) for number in (1, 2, 3))
    assert others == [here, here]


@pytest.fixture
def stays_off(shop: Shop) -> Iterator[None]:
    """Let a node that is fenced stay off, until somebody switches it on."""
    shop.rig.run("node2", "pcs", "property", "set", "stonith-action=off", check=True)
    yield
    shop.rig.run("node2", "pcs", "property", "set", "stonith-action=", check=True)


@pytest.mark.usefixtures("stays_off")
def test_nothing_is_lost_with_the_node_that_made_the_changes(shop: Shop) -> None:
    """Its change that waits is seen and taken back elsewhere, and so are those before."""
    rig = shop.rig
    assert _apply(rig, "node1", 20).returncode == 0
    assert _apply(rig, "node1", 21, "--confirm", "10m").returncode == 0
    before = _history(rig, "node2")
    unconfirmed, first = before[:2]
    rig.power("node1", "off")
    assert eventually(
        lambda: rig.run("node2", "takeover", "status", "--check").returncode == _WARNING,
        limit=60 * shop.patience,
        pause=1,
    )
    # If it was the one that served, another one does now.
    rig.run("node2", "crm_resource", "--wait", f"--timeout={60 * shop.patience:.0f}", check=True)
    since = first["number"]
    assert _history(rig, "node2", since) == _history(rig, "node3", since) == before[:2]
    assert "node1 rolls it back" in rig.run("node3", "takeover", "status").stdout
    assert rig.run("node3", "takeover", "rollback", "--yes").returncode == 0
    assert _value(rig, "node2") == "20min"
    back = rig.run("node2", "takeover", "rollback", "--yes", str(first["number"]))
    assert back.returncode == 0, back.stderr
    assert _value(rig, "node3") != "20min"
    rig.power("node1", "on")
    wait_until_whole(rig)
    [back_again, *others] = (_history(rig, f"node{number}", since) for number in (1, 2, 3))
    assert others == [back_again, back_again]
    states = {each["number"]: each["state"] for each in _history(rig, "node1")}
    assert {states[each["number"]] for each in (unconfirmed, first)} == {"rolled back"}
    verified = rig.run("node2", "crm_verify", "--live-check", "--verbose")
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    assert shop.client.check().lost == []


def test_nothing_that_is_not_well_is_hidden(shop: Shop) -> None:
    """Fencing that is off, a dead link and another token are told, first of all."""
    rig = shop.rig
    node = next(each for each in rig.layout.node_names if each != active_node(rig))
    well = rig.run(node, "takeover", "status", "--check")
    assert (well.returncode, well.stdout.partition(" ")[0]) == (_OK, "OK")
    rig.run(node, "pcs", "property", "set", "stonith-enabled=false", check=True)
    try:
        shown = rig.run(node, "takeover", "status").stdout
        assert "fencing is switched off" in shown.splitlines()[0]
        assert rig.run(node, "takeover", "status", "--check").returncode == _CRITICAL
        assert "fencing is switched off" in rig.run("node1", "takeover", "plan", DESCRIPTION).stderr
    finally:
        rig.run(node, "pcs", "property", "set", "stonith-enabled=true", check=True)
    rig.cut(node, [Link.LINK1])
    try:
        assert eventually(
            lambda: "is dead" in rig.run(node, "takeover", "status").stdout,
            limit=30 * shop.patience,
        )
        assert rig.run(node, "takeover", "status", "--check").returncode == _WARNING
    finally:
        rig.heal(node)
    text = rig.run("node1", "cat", DESCRIPTION, check=True).stdout
    rig.write(
        "node1", "/root/other-token.toml", text.replace("token = ", 'consensus = "9s"\ntoken = ')
    )
    drift = rig.run("node1", "takeover", "drift", "/root/other-token.toml")
    assert drift.returncode == _DIFFERENT
    assert "consensus" in drift.stdout
    wait_until_whole(rig)
