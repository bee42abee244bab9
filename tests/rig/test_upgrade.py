"""`takeover upgrade` on a real cluster: apt really upgrades a package, from a folder on each node.

The package is made there in several versions. When it is configured, it notes whether Pacemaker
runs; and it has a configuration file, which an administrator has changed.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.rig.conftest import Shop
from tests.rig.test_nodes import listed, others, takeover
from vagrant.common.errors import RigError
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import SERVICE
from vagrant.rig import Rig

pytestmark = pytest.mark.alone("bookworm")

_PACKAGE = "takeover-probe"
_FOLDER = "/var/lib/takeover-probe"
_CONFIGURED = "/etc/takeover-probe.conf"
_SEEN = "/var/lib/takeover-probe.seen"
#: Makes a version of the package, and has apt find it; with a second argument it cannot be
#: configured.
_OFFER = rf"""
set -eu
mkdir -p {_FOLDER}/tree/DEBIAN {_FOLDER}/tree/etc
cd {_FOLDER}
cat >tree/DEBIAN/control <<END
Package: {_PACKAGE}
Version: $1
Architecture: all
Maintainer: Nobody <nobody@example.com>
Description: upgraded by a test
END
echo "as of $1" >tree{_CONFIGURED}
echo {_CONFIGURED} >tree/DEBIAN/conffiles
cat >tree/DEBIAN/postinst <<END
#!/bin/sh
systemctl is-active pacemaker >{_SEEN}
exit ${{2:-0}}
END
chmod 755 tree/DEBIAN/postinst
dpkg-deb --build --root-owner-group tree {_PACKAGE}_$1_all.deb >/dev/null
for each in *.deb; do
    dpkg-deb --field "$each"
    echo "Filename: ./$each"
    echo "Size: $(stat --format=%s "$each")"
    echo "SHA256: $(sha256sum "$each" | cut -d' ' -f1)"
    echo
done >Packages
chmod --recursive a+rX {_FOLDER}
"""
_BEGIN = rf"""
set -eu
cd /etc/apt
mkdir aside
for each in sources.list sources.list.d; do
    if [ -e $each ]; then mv $each aside/; fi
done
# The rig's tree has it beside pacemaker, with which it conflicts: apt would do nothing.
if dpkg-query --show pacemaker-remote >/dev/null 2>&1; then dpkg --remove pacemaker-remote; fi
echo 'deb [trusted=yes] file:{_FOLDER} ./' >sources.list
apt-get --quiet=2 update
apt-get --quiet=2 install --yes {_PACKAGE}
echo changed >{_CONFIGURED}
"""
_END = rf"""
dpkg --purge --force-all {_PACKAGE}
cd /etc/apt
rm -f sources.list
mv aside/* .
rmdir aside
rm -rf {_FOLDER} {_SEEN} /var/lib/apt/lists/* /run/reboot-required
"""
_LIMIT = 60.0
#: In which a node that reboots is there again, in seconds.
_REBOOT = 300.0
#: What a client may wait longer than the cluster has recorded, in seconds.
_LATE = 3.0
#: When an upgrade is killed, in seconds after its begin.
_MOMENTS = (0.5, 2.0, 3.5, 5.0, 6.5, 8.0, 10.0, 12.0, 15.0, 19.0)


def script(rig: Rig, node: str, text: str, *arguments: str) -> None:
    """Run a script on a node."""
    rig.run(node, "sh", "-c", text, "sh", *arguments, check=True, limit=_REBOOT)


def offer(shop: Shop, version: str, *nodes: str, fails: bool = False) -> None:
    """Have apt find a version of the package on nodes, by default on all."""
    for node in nodes or tuple(shop.rig.layout.node_names):
        script(shop.rig, node, _OFFER, version, *(["1"] if fails else []))


def version(rig: Rig, node: str) -> str:
    """Return which version of the package is installed and configured on a node."""
    show = ("dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Version}", _PACKAGE)
    said = rig.run(node, *show, check=True).stdout
    return said.removeprefix("ii ") if said.startswith("ii ") else said


def read(rig: Rig, node: str, path: str) -> str:
    """Return what is in a file on a node."""
    return rig.run(node, "cat", path, check=True).stdout.strip()


def upgrade(rig: Rig, node: str, *options: str) -> tuple[int, str, str]:
    """Upgrade the package on a node; return the exit code and what was said."""
    result = takeover(rig, node, "upgrade", "--yes", *options)
    return result.returncode, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def probe(shop: Shop) -> Iterator[None]:
    """Have the first version of the package on every node, and no trace of it afterwards."""
    rig = shop.rig
    offer(shop, "1.0")
    for node in rig.layout.node_names:
        script(rig, node, _BEGIN)
    yield
    for node in rig.layout.node_names:
        takeover(rig, node, "upgrade", "--forget")
        script(rig, node, _END)
        takeover(rig, node, "cluster", "start", node)
    wait_until_online(shop)
    for node in rig.layout.node_names:
        takeover(rig, node, "node", "resume", node)
    wait_until_whole(rig)


def wait_until_online(shop: Shop) -> None:
    """Wait until Pacemaker has all nodes."""
    rig = shop.rig
    names = rig.layout.node_names

    def are_online() -> bool:
        states = {each["state"] for each in listed(rig, names[0]).values()}
        return states <= {"online", "paused"}

    assert eventually(are_online, _LIMIT * shop.patience, pause=1.0)


def test_all_nodes_are_upgraded_under_load(shop: Shop) -> None:
    """One after the other, the one that serves last; no row is lost, and every node knows it."""
    rig, client = shop.rig, shop.client
    offer(shop, "2.0")
    serving = active_node(rig)
    order = [*others(rig, serving), serving]
    client.write_steadily(2.0 * shop.patience)
    for at, node in enumerate(order):
        planned = json.loads(takeover(rig, node, "upgrade", "--dry-run", "--json", _PACKAGE).stdout)
        assert planned["packages"] == [{"name": _PACKAGE, "old": "1.0", "new": "2.0"}]
        assert planned["findings"] == []
        assert sorted(planned["done"]) == sorted(order[:at])
        moves = [each["service"] for each in planned["leaving"]["effects"]]
        assert moves == ([SERVICE] if node == serving else [])
        begin = time.monotonic()
        code, out, _ = upgrade(rig, node, "--json", _PACKAGE)
        assert code == 0
        done = json.loads(out)
        assert sorted(done["left"]) == sorted(order[at + 1 :])
        assert version(rig, node) == "2.0"
        assert read(rig, node, _SEEN) == "inactive"
        assert read(rig, node, _CONFIGURED) == "changed"
        client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
        outage = client.outage(begin, time.monotonic())
        longest = max((each["seconds"] for each in done["waits"]), default=0.0)
        print(f"{node}: measured: {done['waits']}; by the client: {outage:.2f} s")
        assert outage <= longest + _LATE * shop.patience
    again = takeover(rig, serving, "upgrade", _PACKAGE)
    assert again.returncode == 0
    assert "there is nothing to upgrade" in again.stderr
    changes = json.loads(takeover(rig, order[0], "history", "--json").stdout)["checkpoints"]
    upgrades = [each for each in changes if "1.0 to 2.0" in each["message"]]
    assert [each["command"] for each in upgrades] == ["upgrade", "node pause"] * len(order)
    assert {each["state"] for each in listed(rig, serving).values()} == {"online"}
    assert not client.check().lost
    assert rig.status()["disks"]["double_mounts"] == []


def test_an_installation_that_fails_is_told_and_put_right_by_a_newer_version(shop: Shop) -> None:
    """The services run elsewhere meanwhile, and no other node is upgraded."""
    rig, client = shop.rig, shop.client
    serving = active_node(rig)
    other = others(rig, serving)[0]
    offer(shop, "3.0", fails=True)
    code, _, err = upgrade(rig, serving, _PACKAGE)
    assert code == 1
    assert f"error processing package {_PACKAGE}" in err
    assert f"not complete: the upgrade of {serving}" in takeover(rig, serving, "status").stderr
    client.wait_until_served(time.monotonic(), _LIMIT * shop.patience)
    assert active_node(rig) != serving
    code, _, err = upgrade(rig, other, _PACKAGE)
    assert code == 1
    assert "a node is only upgraded while all is well" in err
    assert version(rig, other) == "1.0"
    offer(shop, "3.1", serving)
    code, out, err = upgrade(rig, serving)
    assert code == 0
    assert f"going on with the upgrade of {serving}" in err
    assert "all well after" in out
    assert version(rig, serving) == "3.1"
    assert listed(rig, serving)[serving]["state"] == "online"
    assert not client.check().lost


def test_a_repository_that_is_away_changes_nothing(shop: Shop) -> None:
    """Nothing moves, as nothing could be installed."""
    rig = shop.rig
    serving = active_node(rig)
    rig.run(serving, "mv", _FOLDER, f"{_FOLDER}.away", check=True)
    try:
        code, _, err = upgrade(rig, serving, _PACKAGE)
    finally:
        rig.run(serving, "mv", f"{_FOLDER}.away", _FOLDER, check=True)
    assert code == 1
    assert "put the repositories of apt right first" in err
    assert active_node(rig) == serving


def test_a_reboot_is_part_of_it(shop: Shop) -> None:
    """The node comes back paused; the next command ends that."""
    rig = shop.rig
    serving = active_node(rig)
    node = others(rig, serving)[0]
    offer(shop, "4.0", node)
    rig.run(node, "touch", "/run/reboot-required", check=True)
    # What it says may get lost in the reboot.
    with contextlib.suppress(RigError, subprocess.TimeoutExpired):
        takeover(rig, node, "upgrade", "--yes", "--reboot", _PACKAGE)

    def is_rebooted() -> bool:
        try:
            return rig.run(node, "test", "-e", "/run/reboot-required").returncode == 1
        except RigError:
            return False

    assert eventually(is_rebooted, _REBOOT * shop.patience, pause=1.0)
    rig.wait_for_boot(node)
    assert version(rig, node) == "4.0"
    assert listed(rig, serving)[node]["state"] in ("paused", "offline", "pending")
    code, out, err = upgrade(rig, node)
    assert code == 0
    assert "going on with the upgrade" in err
    assert "still needs a reboot" not in out
    assert listed(rig, serving)[node]["state"] == "online"
    assert active_node(rig) == serving


@pytest.mark.campaign("ten moments, each of which takes a minute")
def test_an_upgrade_that_is_killed_is_told_and_finished(shop: Shop) -> None:
    """At ten moments: the next command says where things stand, and finishes."""
    rig = shop.rig
    for at, moment in enumerate(_MOMENTS):
        serving = active_node(rig)
        node = others(rig, serving)[at % 2]
        wanted = f"5.{at}"
        offer(shop, wanted, node)
        rig.run(
            node, "timeout", "--signal=KILL", f"{moment * shop.patience:.1f}",
            "takeover", "upgrade", "--yes", _PACKAGE,
        )  # fmt: skip
        # Without a cluster there, only the same command tells it.
        code, _, err = upgrade(rig, node, _PACKAGE)
        print(f"killed after {moment} s: {err.splitlines()[:1]}")
        assert code == 0
        assert version(rig, node) == wanted
        assert listed(rig, serving)[node]["state"] == "online"
        assert "not complete:" not in takeover(rig, node, "status").stderr
        assert active_node(rig) == serving
    assert not shop.client.check().lost


def test_a_cluster_that_is_not_well_is_not_upgraded(shop: Shop) -> None:
    """A node is paused: its administrator is at work there."""
    rig = shop.rig
    serving = active_node(rig)
    paused, node = others(rig, serving)
    offer(shop, "6.0", node)
    assert takeover(rig, node, "node", "pause", paused).returncode == 0
    code, _, err = upgrade(rig, node, _PACKAGE)
    assert code == 1
    assert f"{paused} is standby" in err
    assert version(rig, node) == "1.0"
