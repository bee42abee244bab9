"""A disk that is reached on two paths: dm-multipath, with a reservation on each of them."""

import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.vagrant.agent import SUCCESS, Filesystem
from tests.vagrant.conftest import measured, note
from tests.vagrant.disk import SharedDisk, Writer
from vagrant.common.disks import TARGET
from vagrant.common.networks import Link
from vagrant.common.waiting import eventually
from vagrant.lab.rig import LabRig

_LUN = 2
_DIRECTORY = "/srv/paths"
_NODES = ("node1", "node2")
#: Only what has two paths becomes a map; without any path, errors come after a minute.
_CONF = """defaults {
    user_friendly_names no
    find_multipaths yes
    polling_interval 2
    no_path_retry 30
}
"""


def _iscsi(lab: LabRig, node: str, portal: str, *action: str) -> None:
    node_mode = ("iscsiadm", "--mode", "node", "--targetname", TARGET, "--portal", portal)
    lab.run(node, *node_mode, *action, check=True)


def _map(lab: LabRig, node: str) -> str:
    """The path of the LUN's multipath map on a node; "" while there is none."""
    table = lab.run(node, "lsblk", "--raw", "-no", "NAME,TYPE", lab.layout.data_device(_LUN)).stdout
    rows = [line.split() for line in table.splitlines()]
    return next((f"/dev/mapper/{name}" for name, kind in rows if kind == "mpath"), "")


def _states(lab: LabRig, node: str) -> list[str]:
    """What device-mapper thinks of each path of the LUN's map."""
    wwid = _map(lab, node).removeprefix("/dev/mapper/")
    paths = lab.run(node, "multipathd", "show", "paths", "raw", "format", "%w %t").stdout
    return [row.split()[1] for row in paths.splitlines() if row.split()[:1] == [wwid]]


def _is_whole(lab: LabRig, node: str) -> bool:
    """Whether a node uses both paths."""
    return _states(lab, node) == ["active"] * 2


@pytest.fixture
def disk(lab: LabRig) -> Iterator[Filesystem]:
    """An empty ext4 on a map of two paths, on two nodes; afterwards there is nothing of it."""
    shared = SharedDisk(lab, _LUN)
    shared.clear("node3")
    shared.make_filesystem("node3", "ext4")
    for node in _NODES:
        lab.write(node, "/etc/multipath.conf", _CONF)
        for portal in lab.layout.portals:
            _iscsi(lab, node, portal, "--op", "new")
            # A path that is gone must not keep what another one can do.
            timeout = ("-n", "node.session.timeo.replacement_timeout", "-v", "5")
            _iscsi(lab, node, portal, "--op", "update", *timeout)
            _iscsi(lab, node, portal, "--login")
        lab.run(node, "systemctl", "start", "multipathd", check=True)
    for node in _NODES:
        assert eventually(partial(_is_whole, lab, node), 120, 1.0), node
    filesystem = Filesystem(lab, _DIRECTORY, device=_map(lab, "node1"))
    yield filesystem
    for node in _NODES:
        lab.heal(node)
        filesystem.act(node, "stop")
        lab.run(node, "systemctl", "stop", "multipathd.service", "multipathd.socket")
        lab.run(node, "multipath", "-F")
        for portal in lab.layout.portals:
            _iscsi(lab, node, portal, "--logout")
            _iscsi(lab, node, portal, "--op", "delete")
        lab.run(node, "rm", "/etc/multipath.conf")
    shared.clear("node3")


def test_one_path_is_enough_and_a_preempted_node_has_none(lab: LabRig, disk: Filesystem) -> None:
    """Writes go on when a path is lost; taken over, the node can write on neither."""
    disk.start("node1")
    writer = Writer(lab, "node1", f"{_DIRECTORY}/block")
    assert eventually(lambda: writer.writes > 20, 120, 0.2)
    begin = time.monotonic()
    lab.cut("node1", [Link.STORAGE])
    with measured("one of two paths cut, until it is known"):
        assert eventually(lambda: sorted(_states(lab, "node1")) == ["active", "failed"], 180, 1.0)
    known = writer.writes
    assert eventually(lambda: writer.writes > known + 20, 120, 0.2)
    note("longest pause of a writer", f"{writer.longest_pause(begin):.1f} s")
    assert disk.act("node1", "monitor", depth=10).returncode == SUCCESS
    lab.heal("node1")
    with measured("the path back, until it is used"):
        assert eventually(partial(_is_whole, lab, "node1"), 180, 1.0)
    assert disk.act("node1", "monitor", depth=10).returncode == SUCCESS
    lab.machines.freeze("node1")
    disk.start("node2")
    lab.machines.thaw("node1")
    said = writer.until_it_ends(240)
    assert said.startswith("error"), said
    assert disk.act("node2", "monitor", depth=10).returncode == SUCCESS
    disk.stop("node1")
    disk.stop("node2")
    SharedDisk(lab, _LUN).check("node3", "ext4")
