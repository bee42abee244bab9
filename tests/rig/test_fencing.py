"""`takeover fence …` on a real cluster: nodes lose their power, and not every human is believed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.breaking import broken_fencing
from tests.rig.conftest import Shop
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import cluster_status

pytestmark = pytest.mark.alone("trixie")

_FENCED = 120.0
_SERVED = 90.0
#: A client's outage may differ from what the command says by that: Pacemaker records whole seconds,
#: and a client that waits tries again once a second.
_ABOUT = 4.0


def _fence(
    shop: Shop, node: str, *arguments: str, text: str = ""
) -> subprocess.CompletedProcess[str]:
    command = ("takeover", "fence", *arguments)
    result = shop.rig.run(node, *command, text=text, limit=600.0 * shop.patience)
    print(f"{' '.join(command)}: rc {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def _nodes(shop: Shop) -> tuple[str, str]:
    """Return the node that serves, and one from which it can be looked at."""
    serving = active_node(shop.rig)
    return serving, next(name for name in shop.rig.layout.node_names if name != serving)


def _listed(shop: Shop, node: str) -> tuple[int, Any]:
    result = _fence(shop, node, "list", "--json")
    return result.returncode, json.loads(result.stdout)


def _attempts(shop: Shop, node: str, *options: str) -> list[dict[str, Any]]:
    found = json.loads(_fence(shop, node, "history", "--json", *options).stdout)["attempts"]
    return list(found)


def test_every_machine_is_known_to_its_device(shop: Shop) -> None:
    """On a cluster that is well there is nothing to tell; the devices say that all nodes are on."""
    code, found = _listed(shop, "node1")
    assert code == 0, found["findings"]
    for node in found["nodes"]:
        assert node["order"], node
        assert {plug["power"] for plug in node["plugs"]} == {"on"}
    assert [device["monitor"]["health"] for device in found["devices"]] == ["well"]


@pytest.mark.one_machine("the lab's fence agents have other parameters")
def test_a_device_for_a_machine_that_does_not_exist_is_noticed(shop: Shop) -> None:
    """cluster-glue#37, azure-docs#53439: its monitor is fine, and nobody asks for the plug."""
    types = shop.admin.types
    types(
        *("node1", "pcs", "stonith", "create", "ghost", "fence_takeover_rig"),
        *("pcmk_host_map=node2:nobody", "op", "monitor", "interval=60s"),
    )
    try:

        def runs() -> bool:
            fencing = cluster_status(shop.rig, "node1")["fencing"]
            return any(each["id"] == "ghost" and each["role"] == "Started" for each in fencing)

        assert eventually(runs, 60.0 * shop.patience), "its monitor is fine"
        code, found = _listed(shop, "node1")
        assert code == 1
        [finding] = found["findings"]
        assert finding["code"] == "fencing-plug-fails"
        assert "ghost does not say whether node2 (its plug nobody) is on" in finding["message"]
    finally:
        types("node1", "pcs", "stonith", "delete", "ghost")


def test_the_node_that_serves_is_fenced_for_a_test(shop: Shop) -> None:
    """What was told beforehand comes true, the times are measured, and no row is lost."""
    serving, looks = _nodes(shop)
    plan = json.loads(_fence(shop, looks, "test", "--dry-run", "--json", serving).stdout)
    assert plan["findings"] == []
    [expected] = plan["nodes"][0]["expected"]
    assert expected["dest"]
    shop.client.write_steadily(1)
    begin = time.monotonic()
    result = _fence(shop, looks, "test", "--yes", "--json", serving)
    assert result.returncode == 0, result.stderr
    shop.client.wait_until_served(begin, _SERVED * shop.patience)
    [tested] = json.loads(result.stdout)["nodes"]
    assert tested["harm"] == []
    assert 0 < tested["fenced"] < tested["back"] <= tested["whole"]
    [outage] = tested["outages"]
    # A node of this rig boots in seconds, and may be back before the takeover has begun.
    returned = outage["node"] == serving and tested["back"] < outage["seconds"]
    assert outage["node"] == active_node(shop.rig) == (serving if returned else expected["dest"])
    waited = shop.client.outage(begin, time.monotonic())
    print(f"expected {expected['seconds']}, told {outage['seconds']}, the client waited {waited}")
    assert abs(waited - outage["seconds"]) < _ABOUT * shop.patience
    assert shop.client.check().lost == []
    wait_until_whole(shop.rig)
    [newest, *_] = _attempts(shop, looks)
    assert (newest["node"], newest["result"], newest["origin"]) == (serving, "success", looks)
    assert newest["by"] == "an administrator (stonith_admin)"
    assert newest["devices"] == ["fence-rig"]
    assert newest["seconds"] == pytest.approx(tested["fenced"], abs=1.0)
    for node in shop.rig.layout.node_names:
        # Each node tells the same, but for what is only in a journal.
        known = ("node", "action", "result", "by", "origin", "delegate")
        [other, *_] = _attempts(shop, node)
        assert {key: other[key] for key in known} == {key: newest[key] for key in known}
        # Each node writes down when it heard of it.
        heard = [datetime.fromisoformat(each["at"]) for each in (other, newest)]
        assert abs(heard[0] - heard[1]) < timedelta(seconds=1)
    assert _attempts(shop, looks, "--since", "1d")[0] == newest


@pytest.mark.one_machine("SBD is in the node itself, and has no switch that could refuse")
def test_a_switch_that_refuses_is_the_harm_that_a_test_finds(shop: Shop) -> None:
    """The reason is told, the node has not lost its power, and nothing else is fenced."""
    serving, looks = _nodes(shop)
    spare = next(n for n in shop.rig.layout.node_names if n not in (serving, looks))
    with broken_fencing(shop.rig, spare):
        result = _fence(shop, looks, "test", "--yes", spare)
    assert result.returncode == 1
    assert f"HARM: {spare} could not be fenced" in result.stdout
    assert f"the power switch of {spare} refuses" in result.stdout
    [newest, *_] = _attempts(shop, looks)
    assert newest["result"] == "failed"
    assert "refuses" in newest["reason"] or "journal of" in newest["reason"]
    # What failed before is no reason not to try again after the repair.
    assert _fence(shop, looks, "test", "--yes", spare).returncode == 0
    wait_until_whole(shop.rig)


def test_a_test_that_is_interrupted_says_where_things_stand(shop: Shop) -> None:
    """The node boots by itself, and the cluster is whole again."""
    serving, looks = _nodes(shop)
    spare = next(n for n in shop.rig.layout.node_names if n not in (serving, looks))
    seconds = f"{6 * shop.patience:.0f}s"
    result = shop.rig.run(
        *(looks, "timeout", "--preserve-status", "--signal=INT", seconds),
        *("takeover", "fence", "test", "--yes", spare),
    )
    print(result.stdout, result.stderr)
    assert result.returncode in (0, 130)
    if result.returncode:
        assert "boots again by itself" in result.stderr or "no node was fenced" in result.stderr
    wait_until_whole(shop.rig)


@contextmanager
def _dead(shop: Shop, node: str) -> Iterator[None]:
    """Have a node be cut off that cannot be fenced; at last all is well again."""
    rig = shop.rig
    try:
        with broken_fencing(rig, node):
            rig.cut(node)
            yield
    finally:
        rig.heal(node)
        rig.power(node, "on")
        rig.wait_for_boot(node)
        wait_until_whole(rig)


@pytest.mark.one_machine("SBD is in the node itself, and has no switch that could refuse")
def test_a_human_is_believed_only_when_the_node_is_off(shop: Shop) -> None:
    """Cut off but on: refused, because its device says so. Off: believed, and the service runs."""
    rig = shop.rig
    serving, looks = _nodes(shop)
    shop.client.write_steadily(1)
    with _dead(shop, serving):

        def refuses() -> bool:
            return bool(cluster_status(rig, looks)["failed_fencing"])

        assert eventually(refuses, _FENCED * shop.patience)
        refused = _fence(shop, looks, "confirm", serving, text=f"{serving}\n")
        assert refused.returncode == 1
        assert f"{serving} may be on: the device says that it is on" in refused.stderr
        assert "NOTHING" not in refused.stderr
        begin = time.monotonic()
        rig.power(serving, "off")
        other = _fence(shop, looks, "confirm", serving, text="yes\n")
        assert other.returncode == 1
        assert "nothing was changed" in other.stderr
        done = _fence(shop, looks, "confirm", serving, text=f"{serving}\n")
        assert "A fencing device says that it is off" in done.stderr
        assert done.returncode == 0
        shop.client.wait_until_served(begin, _SERVED * shop.patience)
        assert active_node(rig) != serving
        [newest, *_] = _attempts(shop, looks)
        assert newest["node"] == serving
        assert newest["confirmed"]
    assert shop.client.check().lost == []
    # It is a member again, and no word of a human makes it off.
    assert _fence(shop, looks, "confirm", serving, text=f"{serving}\n").returncode == 1
