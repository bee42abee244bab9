"""`takeover node add`, `remove`, `evict` and `cluster destroy` on a real cluster, under load."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.rig.conftest import Shop
from tests.rig.test_cluster_life import begun, is_in_standby, runs
from tests.rig.test_nodes import listed, others, takeover
from tests.whole import damage_to_machines
from vagrant.common.networks import CLUSTER_LINKS
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import SERVICE
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

pytestmark = pytest.mark.alone("trixie")

#: How long the service may take to be served again, in seconds.
_LIMIT = 60.0
#: When a removal is killed, in seconds after its begin.
_MOMENTS = (0.5, 1.5, 2.5, 3.5, 4.5, 6.0, 8.0, 10.0, 12.0, 15.0)
#: When an addition is killed: pcs takes most of its time, and the start after that.
_ADDITIONS = (0.5, 1.5, 2.5, 3.5, 5.0, 7.0, 9.0, 12.0, 16.0, 20.0)
#: What a pacemakerd of another release says of itself.
_OLD_PACEMAKER = """\
#!/bin/sh
case "$1" in
    '-$' | --version) echo 'Pacemaker 1.1.24' ;;
    *) exec /usr/sbin/pacemakerd.real "$@" ;;
esac
"""
_CONF = "/etc/corosync/corosync.conf"
_COPY = "/root/copy.toml"
_PASSWORD_FILE = "/root/hacluster.password"


def configured(rig: Rig, on: str) -> list[str]:
    """Return the nodes that Corosync's configuration has on a node; none without one."""
    text = rig.run(on, "cat", _CONF).stdout
    names = [line.split(":")[1].strip() for line in text.splitlines() if " name:" in line]
    return [name for name in rig.layout.node_names if name in names]


def missing(rig: Rig) -> list[str]:
    """Return the nodes that are none of the cluster's."""
    first = next(name for name in rig.layout.node_names if configured(rig, name))
    return [name for name in rig.layout.node_names if name not in configured(rig, first)]


def bring_back(shop: Shop, node: str) -> None:
    """Make a node part of the cluster again, as an administrator does with pcs."""
    rig = shop.rig
    on = others(rig, node)[0]
    addresses = (f"addr={rig.layout.node_address(node, link)}" for link in CLUSTER_LINKS)
    wait = f"--wait={2 * _LIMIT * shop.patience:.0f}"
    # Two removals at once, of which one goes on alone, may have cost it a reboot.
    rig.wait_for_boot(node)
    shop.admin.types(
        on, "pcs", "cluster", "node", "add", node, *addresses, "--enable", "--start", wait
    )
    wait_until_whole(rig)


def without_a_node(shop: Shop) -> tuple[str, str]:
    """Remove a node that serves nothing; return the node that serves, and the one that is gone."""
    rig = shop.rig
    serving = active_node(rig)
    goes = others(rig, serving)[-1]
    described = rig.run("node1", "cat", DESCRIPTION, check=True).stdout
    rig.write(serving, _COPY, described)
    without = ("--description", _COPY)
    assert takeover(rig, serving, "node", "remove", goes, "--yes", *without).returncode == 0
    # So that no device lists it any more.
    assert takeover(rig, serving, "apply", "--over-others", _COPY).returncode == 0
    rig.write(serving, _COPY, described)
    return serving, goes


def add(shop: Shop, on: str, node: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Make a machine a node, with the addresses of the description."""
    return takeover(shop.rig, on, "node", "add", node, "--yes", "--description", _COPY, *options)


def is_held(shop: Shop, on: str, node: str) -> bool:
    """Return whether a constraint keeps a node from running anything."""
    constraints = shop.rig.run(on, "cibadmin", "--query", "--scope", "constraints", check=True)
    return f'id="takeover-keep-{node}"' in constraints.stdout


def finish(shop: Shop, on: str, node: str) -> None:
    """Describe what fences a new node, and let it run things."""
    rig = shop.rig
    assert takeover(rig, on, "apply", "--over-others", _COPY).returncode == 0
    done = add(shop, on, node, "--json")
    assert done.returncode == 0
    assert not json.loads(done.stdout)["held"]
    assert not is_held(shop, on, node)
    assert listed(rig, on)[node]["state"] == "online"
    assert configured(rig, node) == configured(rig, on) == rig.layout.node_names


def is_listed_as(shop: Shop, on: str, node: str, state: str) -> None:
    """Wait until a node is listed in a state."""
    assert eventually(
        lambda: listed(shop.rig, on)[node]["state"] == state, _LIMIT * shop.patience, pause=1.0
    )


def returns(shop: Shop, serving: str, node: str) -> None:
    """Switch an evicted node on: it disturbs nobody, and is taken back only when that is asked."""
    rig = shop.rig
    rig.heal(node)
    rig.power(node, "on")
    rig.wait_for_boot(node)
    # If it starts at boot, it now looks for the others, which do not know it.
    time.sleep(20.0 * shop.patience)
    assert node not in listed(rig, serving)
    assert active_node(rig) == serving
    assert rig.status()["disks"]["double_mounts"] == []
    rig.write(serving, _COPY, rig.run("node1", "cat", DESCRIPTION, check=True).stdout)
    refused = add(shop, serving, node)
    assert refused.returncode == 1
    assert f"{node} has the configuration of the cluster shop" in refused.stderr
    assert add(shop, serving, node, "--replace").returncode == 0
    finish(shop, serving, node)


def make_again(shop: Shop) -> None:
    """Make the cluster that is described, and its service."""
    described = (DESCRIPTION, "--password-file", _PASSWORD_FILE)
    shop.admin.types("node1", "takeover", "cluster", "create", *described)
    shop.admin.types("node1", "takeover", "apply", DESCRIPTION)


@pytest.fixture(autouse=True)
def complete(shop: Shop) -> Iterator[None]:
    """Have three nodes again afterwards, as they are described."""
    yield
    for damage in damage_to_machines(shop.rig):
        if damage.repair:
            damage.repair()
    for node in shop.rig.layout.node_names:
        shop.rig.wait_for_boot(node)
    if not any(configured(shop.rig, node) for node in shop.rig.layout.node_names):
        make_again(shop)
    for node in missing(shop.rig):
        # What a failed test has left on it.
        shop.rig.run(node, "pcs", "cluster", "destroy")
        bring_back(shop, node)
    for node in shop.rig.layout.node_names:
        if is_in_standby(shop.rig, node):
            takeover(shop.rig, node, "node", "resume", node)
    assert takeover(shop.rig, "node1", "apply", "--over-others", DESCRIPTION).returncode == 0
    wait_until_whole(shop.rig)


def test_a_node_that_serves_is_removed_under_load(shop: Shop) -> None:
    """The service moves first, nothing restarts elsewhere, and the node cannot come back alone."""
    rig, client = shop.rig, shop.client
    goes = active_node(rig)
    on = others(rig, goes)[0]
    rig.write(on, _COPY, rig.run("node1", "cat", DESCRIPTION, check=True).stdout)
    before = {node: begun(rig, node) for node in others(rig, goes)}
    described = ("--description", _COPY)
    planned = takeover(rig, on, "node", "remove", "--dry-run", "--json", goes, *described)
    shown = json.loads(planned.stdout)
    [effect] = shown["leaving"]["effects"]
    assert (effect["service"], effect["kind"], effect["source"]) == (SERVICE, "moves", [goes])
    client.write_steadily(2.0 * shop.patience)
    begin = time.monotonic()
    done = takeover(rig, on, "node", "remove", goes, "--yes", "--json", *described)
    assert done.returncode == 0
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    outage = client.outage(begin, time.monotonic())
    result = json.loads(done.stdout)
    print(f"told: {effect['outage']}, measured: {result['waits']}, by the client: {outage:.2f} s")
    assert outage <= effect["outage"]["limit"]
    assert (result["destroyed"], result["left"]) == (True, others(rig, goes))
    assert goes not in listed(rig, on)
    assert [begun(rig, node) for node in before] == list(before.values()), "nothing was restarted"
    for node in others(rig, goes):
        assert configured(rig, node) == others(rig, goes)
    # It has no configuration, and does not come back, not even when it boots.
    assert configured(rig, goes) == []
    rig.power(goes, "reset")
    rig.wait_for_boot(goes)
    assert rig.run(goes, "systemctl", "is-active", "--quiet", "pacemaker").returncode != 0
    assert rig.run(goes, "pcs", "cluster", "stop", "--all").returncode != 0
    assert takeover(rig, on, "check", _COPY).returncode == 0
    assert takeover(rig, on, "apply", _COPY).returncode == 0
    assert takeover(rig, on, "drift", _COPY).returncode == 0
    assert not client.check().lost
    assert rig.status()["disks"]["double_mounts"] == []


@pytest.mark.campaign("the node has to be made one again afterwards: two minutes")
def test_a_node_that_is_off_is_removed_and_destroyed(shop: Shop) -> None:
    """crmsh#1826: it could stop the running cluster later."""
    rig = shop.rig
    serving = active_node(rig)
    goes = others(rig, serving)[-1]
    assert takeover(rig, serving, "cluster", "stop", "--yes", goes).returncode == 0
    begin = time.monotonic()
    assert takeover(rig, serving, "node", "remove", goes, "--yes").returncode == 0
    assert configured(rig, goes) == []
    assert goes not in listed(rig, serving)
    assert active_node(rig) == serving
    shop.client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert shop.client.outage(begin, time.monotonic()) < 2.0 * shop.patience


def test_a_node_whose_pcsd_is_dead_is_not_removed(shop: Shop) -> None:
    """Its configuration would stay on it; it is not even drained."""
    rig = shop.rig
    serving = active_node(rig)
    goes = others(rig, serving)[-1]
    shop.admin.types(goes, "systemctl", "stop", "pcsd")
    try:
        refused = takeover(rig, serving, "node", "remove", goes, "--yes", "--even-so")
        assert refused.returncode == 1
        assert f"pcsd does not answer on {goes}" in refused.stderr
    finally:
        shop.admin.types(goes, "systemctl", "start", "pcsd")
    assert not is_in_standby(rig, goes)
    assert listed(rig, serving)[goes]["state"] == "online"


@pytest.mark.campaign("ten moments, each of which takes a minute")
def test_a_removal_that_is_killed_is_finished_by_the_same_command(shop: Shop) -> None:
    """At ten moments; the next command says where things stand."""
    rig = shop.rig
    for moment in _MOMENTS:
        serving = active_node(rig)
        goes = others(rig, serving)[-1]
        rig.run(
            serving, "timeout", "--signal=KILL", f"{moment * shop.patience:.1f}",
            "takeover", "node", "remove", "--yes", goes,
        )  # fmt: skip
        found = listed(rig, serving).get(goes)
        print(f"killed after {moment} s: {goes} is {found}")
        done = takeover(rig, serving, "node", "remove", "--yes", goes)
        # With 2, it was removed already when it was killed.
        assert done.returncode in ((0,) if found is not None else (0, 2))
        assert goes not in listed(rig, serving)
        assert configured(rig, serving) == others(rig, goes)
        assert configured(rig, goes) == []
        bring_back(shop, goes)
        assert active_node(rig) == serving
    assert not shop.client.check().lost


@pytest.mark.campaign("the node has to be made one again afterwards: two minutes")
def test_the_cluster_is_destroyed_and_made_again(shop: Shop) -> None:
    """Nothing of it is left on any node; its data is, and its history begins anew."""
    rig = shop.rig
    asked = takeover(rig, "node1", "cluster", "destroy")
    assert asked.returncode == 1
    assert asked.stderr.endswith("nothing was changed\n")
    done = takeover(rig, "node1", "cluster", "destroy", "--yes", "--json")
    assert done.returncode == 0
    result = json.loads(done.stdout)
    # In the order of corosync.conf, in which a node that was added again is the last.
    assert (sorted(result["nodes"]), result["harm"]) == (rig.layout.node_names, [])
    assert rig.run("node1", "test", "-e", f"{result['history']}/1.json").returncode == 0
    for node in rig.layout.node_names:
        assert configured(rig, node) == []
        assert runs(rig, node) == []
        assert rig.run(node, "ls", "/var/lib/pacemaker/cib/cib.xml").returncode != 0
    assert rig.status()["disks"]["mounted"].get("1", []) == []
    assert takeover(rig, "node1", "cluster", "destroy", "--yes").returncode == 1
    make_again(shop)
    wait_until_whole(rig)
    history = json.loads(takeover(rig, "node1", "history", "--json").stdout)
    assert [each["number"] for each in history["checkpoints"]] == [1]
    shop.client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert not shop.client.check().lost


def test_a_node_is_added_under_load(shop: Shop) -> None:
    """Nothing restarts, it runs nothing before it is known what fences it, and no row is lost."""
    rig, client = shop.rig, shop.client
    serving, comes = without_a_node(shop)
    before = {node: begun(rig, node) for node in others(rig, comes)}
    planned = takeover(
        rig, serving, "node", "add", comes, "--dry-run", "--json", "--description", _COPY
    )
    shown = json.loads(planned.stdout)
    assert (shown["authenticated"], shown["configured"], shown["findings"]) == (True, False, [])
    assert shown["versions"]["pacemaker"]
    client.write_steadily(2.0 * shop.patience)
    begin = time.monotonic()
    # A device that lists its nodes does not know it yet; where watchdogs fence, it is known.
    added = add(shop, serving, comes, "--json")
    assert added.returncode == 0
    assert is_held(shop, serving, comes) == json.loads(added.stdout)["held"]
    assert listed(rig, serving)[comes]["services"] == []
    finish(shop, serving, comes)
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert client.outage(begin, time.monotonic()) < 2.0 * shop.patience
    assert active_node(rig) == serving
    assert [begun(rig, node) for node in before] == list(before.values()), "nothing was restarted"
    assert takeover(rig, serving, "drift", _COPY).returncode == 0
    assert not client.check().lost
    # It is as good as the others: it takes the service over.
    assert takeover(rig, serving, "service", "move", SERVICE, comes).returncode == 0
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert active_node(rig) == comes
    assert rig.status()["disks"]["double_mounts"] == []


def test_who_has_the_wrong_password_adds_no_node(shop: Shop) -> None:
    """Nothing is changed, neither in the cluster nor on the machine."""
    rig = shop.rig
    serving, comes = without_a_node(shop)
    shop.admin.types(serving, "pcs", "host", "deauth", comes)
    rig.write(serving, "/root/wrong.password", "wrong\n")
    before = rig.run(serving, "cat", _CONF).stdout
    refused = add(shop, serving, comes, "--password-file", "/root/wrong.password")
    assert refused.returncode == 1
    assert "Nothing was changed" in refused.stderr
    assert rig.run(serving, "cat", _CONF).stdout == before
    assert configured(rig, comes) == []
    assert not is_held(shop, serving, comes)
    rig.write(serving, _PASSWORD_FILE, rig.run("node1", "cat", _PASSWORD_FILE, check=True).stdout)
    assert add(shop, serving, comes, "--password-file", _PASSWORD_FILE).returncode == 0
    finish(shop, serving, comes)


@pytest.mark.campaign("the node has to be made one again afterwards: two minutes")
def test_a_machine_that_runs_another_cluster_is_only_taken_when_that_is_asked_for(
    shop: Shop,
) -> None:
    """Its CIB is newer than the cluster's, and would win if it were left on it."""
    rig, client = shop.rig, shop.client
    serving, comes = without_a_node(shop)
    address = rig.layout.node_address(comes, CLUSTER_LINKS[0])
    password = rig.run("node1", "cat", _PASSWORD_FILE, check=True).stdout
    wait = f"--wait={2 * _LIMIT * shop.patience:.0f}"
    here = (comes, f"addr={address}")
    shop.admin.types(comes, "pcs", "host", "auth", *here, "-u", "hacluster", text=password)
    shop.admin.types(comes, "pcs", "cluster", "setup", "other", *here, "--start", wait)
    try:
        shop.admin.types(comes, "pcs", "property", "set", "maintenance-mode=true")
        newer = ("cibadmin", "--modify", "--xml-text", '<cib admin_epoch="99"/>')
        shop.admin.types(comes, *newer)
        refused = add(shop, serving, comes, "--even-so")
        assert refused.returncode == 1
        assert f"{comes} has the configuration of the cluster other ({comes})" in refused.stderr
        assert "--replace" in refused.stderr
        assert runs(rig, comes) == ["pacemaker", "corosync"]
        begin = time.monotonic()
        assert add(shop, serving, comes, "--replace").returncode == 0
    finally:
        if configured(rig, comes) == [comes]:
            shop.admin.types(comes, "pcs", "cluster", "destroy")
    finish(shop, serving, comes)
    assert "maintenance-mode" not in rig.run(serving, "pcs", "property", "config").stdout
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert client.outage(begin, time.monotonic()) < 2.0 * shop.patience
    assert active_node(rig) == serving


@pytest.mark.campaign("the node has to be made one again afterwards: two minutes")
def test_a_machine_with_another_version_becomes_no_node(shop: Shop) -> None:
    """With an older Pacemaker it could not join; that is told before anything is changed."""
    rig = shop.rig
    serving, comes = without_a_node(shop)
    shop.admin.types(comes, "mv", "/usr/sbin/pacemakerd", "/usr/sbin/pacemakerd.real")
    try:
        rig.write(comes, "/usr/sbin/pacemakerd", _OLD_PACEMAKER)
        shop.admin.types(comes, "chmod", "755", "/usr/sbin/pacemakerd")
        refused = add(shop, serving, comes, "--even-so")
        assert refused.returncode == 1
        assert f"{comes} has Pacemaker 1.1.24" in refused.stderr
    finally:
        shop.admin.types(comes, "mv", "/usr/sbin/pacemakerd.real", "/usr/sbin/pacemakerd")
    assert configured(rig, serving) == others(rig, comes)
    assert configured(rig, comes) == []


@pytest.mark.campaign("ten moments, each of which takes a minute")
def test_an_addition_that_is_killed_is_finished_by_the_same_command(shop: Shop) -> None:
    """At ten moments; until it is finished, the node runs nothing."""
    rig = shop.rig
    for moment in _ADDITIONS:
        serving, comes = without_a_node(shop)
        rig.run(
            serving, "timeout", "--signal=KILL", f"{moment * shop.patience:.1f}",
            "takeover", "node", "add", "--yes", comes, "--description", _COPY,
        )  # fmt: skip
        print(f"killed after {moment} s: {listed(rig, serving).get(comes)}")
        assert add(shop, serving, comes).returncode == 0
        finish(shop, serving, comes)
        assert active_node(rig) == serving
    assert not shop.client.check().lost


@pytest.mark.one_machine("SBD is in the node itself, and has no switch that could refuse")
def test_a_dead_node_is_evicted_and_comes_back(shop: Shop) -> None:
    """crmsh#1814: nothing can fence it, so that somebody has to say that it is off."""
    rig, client = shop.rig, shop.client
    dead = active_node(rig)
    on = others(rig, dead)[0]
    rig.set_fencing(dead, works=False)
    try:
        rig.power(dead, "off")
        is_listed_as(shop, on, dead, "unclean")
        refused = takeover(rig, on, "node", "remove", dead, "--yes", "--even-so")
        assert dead in configured(rig, on), refused.stdout
        begin = time.monotonic()
        assert rig.run(on, "takeover", "node", "evict", dead, "--yes", text="yes\n").returncode == 1
        assert dead in configured(rig, on)
        done = rig.run(on, "takeover", "node", "evict", dead, "--json", text=f"{dead}\n")
        print(done.stdout, done.stderr)
        assert done.returncode == 0
        result = json.loads(done.stdout)
        assert (result["destroyed"], result["left"]) == (False, others(rig, dead))
        client.wait_until_served(begin, _LIMIT * shop.patience)
        for node in others(rig, dead):
            assert configured(rig, node) == others(rig, dead)
        assert dead not in listed(rig, on)
    finally:
        rig.set_fencing(dead, works=True)
    returns(shop, active_node(rig), dead)
    assert not client.check().lost


@pytest.mark.campaign("the node has to be made one again afterwards: two minutes")
@pytest.mark.one_machine("SBD is in the node itself: no device switches another one off")
def test_a_node_that_is_cut_off_is_switched_off_before_it_is_evicted(shop: Shop) -> None:
    """A device can: nobody has to be believed."""
    rig = shop.rig
    serving = active_node(rig)
    lost = others(rig, serving)[-1]
    rig.cut(lost)
    is_listed_as(shop, serving, lost, "offline")
    shown = json.loads(takeover(rig, serving, "node", "evict", lost, "--dry-run", "--json").stdout)
    assert shown["way"] == "fence"
    done = takeover(rig, serving, "node", "evict", lost, "--yes", "--json")
    assert done.returncode == 0
    assert configured(rig, serving) == others(rig, lost)
    assert active_node(rig) == serving
    returns(shop, serving, lost)
    assert not shop.client.check().lost
