"""A cluster of virtual machines with SBD as its fencing: faults that only they can have."""

import time

import pytest

from tests.breaking import cut_off, powered_off
from tests.vagrant.conftest import Shop, measured, note
from tests.vagrant.disk import SharedDisk
from vagrant.common.errors import RigError
from vagrant.common.networks import Link
from vagrant.common.waiting import eventually
from vagrant.demo.faults import FAULTS, Fault, active_node, inflict, wait_until_whole
from vagrant.demo.shop import SERVICE
from vagrant.lab.rig import LabRig

#: One fencing by SBD, one start of PostgreSQL, on emulated processors: in seconds.
_SERVED_LIMIT = 900.0


def _boot_id(lab: LabRig, node: str) -> str:
    return lab.run(node, "cat", "/proc/sys/kernel/random/boot_id").stdout.strip()


def _standby_node(shop: Shop) -> str:
    active = active_node(shop.rig)
    return next(node for node in reversed(shop.rig.layout.node_names) if node != active)


def _nothing_is_lost(shop: Shop, double_mounts: int) -> None:
    wait_until_whole(shop.rig)
    assert shop.client.check(600).lost == []
    assert _double_mounts(shop) == double_mounts


def _double_mounts(shop: Shop) -> int:
    """The service's disk is LUN 1; other tests mount others twice on purpose."""
    found = shop.rig.status()["disks"]["double_mounts"]
    return sum(each["lun"] == 1 for each in found)


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_costs_an_outage_and_nothing_else(shop: Shop, fault: Fault) -> None:
    """The demo's faults: no acknowledged row is lost, nothing is mounted twice."""
    double_mounts = _double_mounts(shop)
    outcome = inflict(fault, shop.admin, shop.client)
    note(f"outage: {fault.name}", f"{outcome.outage_s:.1f} s, {outcome.acknowledged} rows so far")
    assert outcome.acknowledged > 0
    assert outcome.lost == 0
    assert _double_mounts(shop) == double_mounts
    assert (outcome.source != outcome.target) == fault.moves


def test_a_poison_pill_resets_a_node(shop: Shop) -> None:
    """A message on SBD's disk resets the node that it is for; it comes back by itself."""
    lab, node = shop.rig, _standby_node(shop)
    sender = active_node(lab)
    double_mounts, before = _double_mounts(shop), _boot_id(lab, node)
    with measured("poison pill, until the node has booted again"):
        lab.run(sender, "sbd", "-d", lab.layout.sbd_device, "message", node, "reset", check=True)
        _await_new_boot(lab, node, before)
    with measured("and until it is a member again"):
        _nothing_is_lost(shop, double_mounts)


def test_a_node_without_network_and_disk_ends_itself(shop: Shop) -> None:
    """Nobody can reach it: its watchdog resets it, and only then another node takes over."""
    lab, node = shop.rig, active_node(shop.rig)
    double_mounts, before = _double_mounts(shop), _boot_id(lab, node)
    begin = time.monotonic()
    with cut_off(lab, node, list(Link)):
        with measured("all cables pulled, until the watchdog has reset the node and it has booted"):
            _await_new_boot(lab, node, before)
        shop.client.wait_until_served(time.monotonic(), _SERVED_LIMIT)
    note("outage: all cables pulled", f"{shop.client.outage(begin, time.monotonic()):.1f} s")
    assert active_node(lab) != node
    _nothing_is_lost(shop, double_mounts)


def test_a_frozen_active_node_is_replaced_and_does_no_harm(shop: Shop) -> None:
    """The others take over; when it wakes up it cannot write, and ends itself."""
    lab, node = shop.rig, active_node(shop.rig)
    before = _boot_id(lab, node)
    shop.client.write_steadily(10)
    begin = time.monotonic()
    lab.machines.freeze(node)
    try:
        shop.client.wait_until_served(begin + 20, _SERVED_LIMIT)
        note("outage: node frozen", f"{shop.client.outage(begin, time.monotonic()):.1f} s")
    finally:
        lab.machines.thaw(node)
    with measured("frozen node thawed, until it has reset itself and booted"):
        _await_new_boot(lab, node, before)
    wait_until_whole(lab)
    assert shop.client.check(600).lost == []
    assert active_node(lab) != node


def test_a_node_reboots_and_rejoins(shop: Shop) -> None:
    """An orderly reboot of a node that runs nothing disturbs nobody."""
    lab, node = shop.rig, _standby_node(shop)
    double_mounts, before = _double_mounts(shop), _boot_id(lab, node)
    begin = time.monotonic()
    lab.run(node, "systemctl", "--no-block", "reboot")
    with measured("orderly reboot of a standby node, until it is a member again"):
        _await_new_boot(lab, node, before)
        _nothing_is_lost(shop, double_mounts)
    assert shop.client.outage(begin, time.monotonic()) < 60  # a busy processor, not a failover


def test_the_filesystem_is_sound_after_all_that(shop: Shop) -> None:
    """After one more power failure in the middle of writes, e2fsck finds nothing to mend."""
    lab, node = shop.rig, active_node(shop.rig)
    shop.client.write_steadily(10)
    with powered_off(lab, node):
        shop.client.wait_until_served(time.monotonic() + 5, _SERVED_LIMIT)
    wait_until_whole(lab)
    double_mounts = _double_mounts(shop)
    node = active_node(lab)
    shop.admin.types(node, "pcs", "resource", "disable", SERVICE, "--wait=900")
    SharedDisk(lab, 1).check(node, "ext4")
    shop.admin.types(node, "pcs", "resource", "enable", SERVICE, "--wait=900")
    _nothing_is_lost(shop, double_mounts)


def _await_new_boot(lab: LabRig, node: str, before: str) -> None:
    def again() -> bool:
        return lab.machines.power(node) == "on" and _new_boot_id(lab, node) not in ("", before)

    assert eventually(again, 900, 2.0), f"{node} has not booted again"


def _new_boot_id(lab: LabRig, node: str) -> str:
    try:
        return _boot_id(lab, node)
    except RigError:
        lab.shell.forget(node)
        return ""
