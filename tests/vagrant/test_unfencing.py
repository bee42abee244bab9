"""fence_scsi as the cluster's fencing: a node is shut out of its disk, and let in again later."""

from collections.abc import Callable, Iterator

import pytest

from tests.vagrant.conftest import Shop, measured, note
from tests.vagrant.disk import SharedDisk, Writer
from vagrant.common.disks import TARGET
from vagrant.common.waiting import eventually
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import cluster_status
from vagrant.lab.rig import LabRig

_LUN = 2
_DIRECTORY = "/srv/vault"
_TAKEOVER_LIMIT = 900.0
_FENCING = """[fencing.disks]
agent = "fence_scsi"
parameters = {{ devices = "{device}" }}
timeout = "180s"

[services.shop]"""
_VAULT = """
[services.vault]
pattern = "standby"
nodes = ["node1", "node2", "node3"]
apart_from = ["shop"]

[services.vault.filesystem]
device = "{device}"
directory = "{directory}"
type = "ext4"
timeout = "180s"
monitor = "20s"
monitor_timeout = "60s"
"""


@pytest.fixture
def device(shop: Shop) -> Iterator[str]:
    """An empty ext4 on a disk that all nodes have attached, as fence_scsi needs it."""
    lab = shop.rig
    iscsiadm = ("iscsiadm", "--mode", "node", "--targetname", TARGET, "--portal", lab.layout.portal)
    startup = ("--op", "update", "-n", "node.startup", "-v")
    device = lab.layout.data_device(_LUN)
    shared = SharedDisk(lab, _LUN)
    shared.clear("node3")
    shared.make_filesystem("node3", "ext4")
    for node in lab.layout.node_names:
        lab.run(node, *iscsiadm, "--op", "new", check=True)
        lab.run(node, *iscsiadm, *startup, "automatic", check=True)
        lab.run(node, *iscsiadm, "--login")  # there may be a session already
        lab.run(node, "udevadm", "wait", "--timeout=60", device, check=True)
    yield device
    for node in lab.layout.node_names:
        lab.run(node, *iscsiadm, *startup, "manual", check=True)
        if node != active_node(lab):
            lab.run(node, *iscsiadm, "--logout")


def _keys(lab: LabRig, node: str) -> set[str]:
    """The keys that may write to the disk."""
    said = lab.run(node, "sg_persist", "--in", "--read-keys", lab.layout.data_device(_LUN)).stdout
    return {line.strip() for line in said.splitlines() if line.strip().startswith("0x")}


def _active(lab: LabRig, asked: str) -> str:
    """The node that runs the service; "" while there is none."""
    services = cluster_status(lab, asked)["services"]
    vault = next(each for each in services if each["id"] == "vault")
    return str(vault["nodes"][0]) if vault["state"] == "running" else ""


def test_a_node_that_is_cut_off_cannot_write_when_another_takes_over(
    shop: Shop, device: str, apply: Callable[..., None]
) -> None:
    """It lives on and has its disk attached: writes fail, none that was told is lost."""
    lab = shop.rig
    nodes = lab.layout.node_names
    with measured("takeover apply: fence_scsi, and a service that relies on it"):
        apply(
            _VAULT.format(device=device, directory=_DIRECTORY),
            {
                "[services.shop]": _FENCING.format(device=device),
                # SBD is what is left if the disk cannot be asked.
                "links =": 'fencing_levels = [["disks"], ["sbd"]]\nlinks =',
            },
        )
    wait_until_whole(lab)
    assert len(_keys(lab, "node1")) == len(nodes)
    node = _active(lab, "node1")
    other = next(each for each in nodes if each != node)
    writer = Writer(lab, node, f"{_DIRECTORY}/block")
    assert eventually(lambda: writer.writes > 20, 120, 0.2)
    with measured("node cut off, until fence_scsi has shut it out"):
        lab.cut(node)
        said = writer.until_it_ends(_TAKEOVER_LIMIT)
    assert said.startswith("error"), said
    with measured("and until its service runs elsewhere"):
        assert eventually(lambda: _active(lab, other) not in ("", node), _TAKEOVER_LIMIT, 1.0)
    assert len(_keys(lab, other)) == len(nodes) - 1
    target = _active(lab, other)
    first = lab.run(target, "od", "-An", "-td8", "-N8", f"{_DIRECTORY}/block", check=True).stdout
    note("writes before a node was shut out", str(writer.writes))
    # The block has the number of the last write, from 0; one more may have arrived untold.
    assert int(first) in (writer.writes - 1, writer.writes)
    lab.power(node, "reset")
    lab.heal(node)
    with measured("reset, until it is a member with its key again"):
        wait_until_whole(lab)
        assert eventually(lambda: len(_keys(lab, other)) == len(nodes), 300, 2.0)
    assert shop.client.check(600).lost == []
