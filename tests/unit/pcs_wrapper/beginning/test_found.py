"""What is found on a machine: what can be used, under the names that other nodes know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pcs_wrapper.beginning.finding.fence_agents import Need, agent_of
from pcs_wrapper.beginning.finding.found import Found, existing_cluster, look
from pcs_wrapper.beginning.finding.network import Link
from pcs_wrapper.beginning.finding.storage import Disk, Lun, targets
from pcs_wrapper.beginning.finding.units import Unit
from pcs_wrapper.beginning.finding.watchdogs import Watchdog
from tests.unit.fakes.site import APC, IPMI, PERMANENT, RIG, Interface, Site

DISCOVERY = (
    "iscsiadm --mode discovery --type sendtargets --portal 203.0.113.129:3260 --op nonpersistent"
)


def found(site: Site) -> Found:
    return look(site.machine())


def test_the_networks_of_this_machine_are_found(site: Site) -> None:
    """One for each interface that is up, IPv4 before IPv6; not the loopback."""
    assert found(site).links == (
        Link("eth0", "198.51.100.11", "198.51.100.0/24", False),
        Link("eth1", "203.0.113.11", "203.0.113.0/24", False),
    )


@pytest.mark.parametrize(
    "interface",
    [
        Interface("eth2", {"203.0.113.129/25": PERMANENT}, flags=0x1),  # no carrier
        Interface("eth2", {"203.0.113.129/25": PERMANENT}, flags=0x40),  # down
        Interface("eth2", {"169.254.1.1/16": PERMANENT}, scope=253),  # of the link alone
        Interface("docker0", {"172.17.0.1/16": PERMANENT}),
        Interface("br-3f2a", {"172.18.0.1/16": PERMANENT}),
        Interface("wg0", {"10.8.0.1/24": PERMANENT}),
        Interface("eth2", {"198.51.100.99/24": PERMANENT}),  # a network that is there already
        Interface("eth2", {"2001:db8::1/64": 0x01}),  # of privacy, and for a day
        Interface("eth2", {}),
    ],
)
def test_a_network_that_can_be_no_link_is_not_offered(interface: Interface, site: Site) -> None:
    """It is down, inside of this machine, or another one once more."""
    before = found(site).links
    site.interfaces.append(interface)
    assert found(site).links == before


def test_an_address_that_stays_comes_before_one_that_is_lent(site: Site) -> None:
    """DHCP may give another one tomorrow, which Corosync does not learn; a VLAN may have it."""
    vlan = Interface("eth0.7", {"203.0.113.150/25": 0, "203.0.113.129/25": PERMANENT})
    lent = Interface("br0", {"10.0.0.7/24": 0})
    site.interfaces += [vlan, lent]
    assert found(site).links[2:] == (
        Link("eth0.7", "203.0.113.129", "203.0.113.128/25", False),
        Link("br0", "10.0.0.7", "10.0.0.0/24", True),
    )


def test_a_disk_that_nobody_uses_is_found_by_its_wwid(site: Site) -> None:
    """The disk of the system is not offered, nor is one of its partitions."""
    path = "/dev/disk/by-id/wwn-0x6001405"
    assert found(site).disks == (
        Disk(path, "/dev/sdb", 2**30, "xfs", "LIO disk iscsi disk", is_shared=True),
    )
    assert found(site).luns == (Lun("203.0.113.129:3260", "iqn.2026-11.example.com:shop", 1),)


def device(**others: Any) -> dict[str, Any]:
    """Return what lsblk tells of a disk that could be used, but for what is said otherwise."""
    usual = {"kname": "/dev/loop7", "type": "loop", "size": 2**25, "fstype": "ext4", "uuid": "5-6"}
    return usual | {"mountpoints": [None], "tran": None, "model": None} | others


@pytest.mark.parametrize(
    "used",
    [
        device(mountpoints=["/srv/other"]),
        device(mountpoints=["[SWAP]"]),
        device(fstype="LVM2_member"),
        device(fstype="crypto_LUKS"),
        device(fstype="linux_raid_member"),
        device(type="rom"),
        device(size=0),
        device(fstype=None, uuid=None),  # no node would know it again
    ],
)
def test_a_disk_that_is_in_use_or_has_no_name_is_not_offered(
    used: dict[str, Any], site: Site
) -> None:
    """A mistake in the choice of a disk costs its data."""
    site.has_disks(used)
    assert found(site).disks == ()


def test_a_disk_without_a_wwid_is_found_by_its_filesystem(site: Site) -> None:
    """A loop device, for example; those that come over a network are offered first."""
    path = {"kname": "/dev/sdb", "type": "disk", "fstype": "mpath_member", "tran": "fc"}
    several = device(kname="/dev/dm-0", type="mpath", fstype=None, uuid=None)
    site.has_disks(device(), *(device(**path, children=[several]) for _ in range(2)))
    site.link("dev/disk/by-id/dm-uuid-mpath-36001", "../../dm-0")
    assert [(each.path, each.is_shared) for each in found(site).disks] == [
        ("/dev/disk/by-id/dm-uuid-mpath-36001", True),
        ("UUID=5-6", False),
    ]


def test_what_is_on_a_disk_is_looked_for_where_udev_does_not_tell(site: Site) -> None:
    """A volume group on it must not be taken for nothing."""
    site.has_disks(*(device(kname=f"/dev/sd{one}", fstype=None, uuid=None) for one in "cd"))
    site.answers["blkid --probe --output export /dev/sdc"] = "DEVNAME=/dev/sdc\nUUID=7\nTYPE=xfs\n"
    site.answers["blkid --probe --output export /dev/sdd"] = "UUID=8\nTYPE=LVM2_member\n"
    assert [(each.path, each.filesystem) for each in found(site).disks] == [("UUID=7", "xfs")]


def test_a_portal_is_asked_for_its_targets(site: Site) -> None:
    """The answer is not kept in the machine's own database."""
    site.answers[DISCOVERY] = "203.0.113.129:3260,1 iqn.a:x\n[2001:db8::9]:3260,1 iqn.a:x\n"
    assert targets(site.machine(), "203.0.113.129:3260") == ["iqn.a:x"]
    assert targets(site.machine(), "203.0.113.1") == []


def test_watchdogs_are_found_real_ones_first(site: Site) -> None:
    """One of the kernel's own hangs with the kernel."""
    site.file("sys/class/watchdog/watchdog0/identity", "Software Watchdog\n")
    site.file("sys/class/watchdog/watchdog1/identity", "iTCO_wdt\n")
    assert found(site).watchdogs == (
        Watchdog("/dev/watchdog1", "iTCO_wdt", is_software=False),
        Watchdog("/dev/watchdog0", "Software Watchdog", is_software=True),
    )


def test_the_units_of_applications_are_found(site: Site) -> None:
    """Not the system's own."""
    assert found(site).units == (Unit("nginx", "A web server"),)


def test_the_fence_agent_that_fits_is_found(site: Site) -> None:
    """By the maker of the machine, by its board, or because there is no other."""

    def fits() -> tuple[str, str]:
        there = found(site)
        return there.fence_agent, there.fence_agent_why

    site.has_agent("fence_kdump", "")  # it cannot switch anything off
    assert fits() == ("fence_apc", "it is the only one that is installed")
    site.has_agent("fence_ipmilan", IPMI)
    assert fits() == ("", "")
    site.file("dev/ipmi0")
    assert fits() == ("fence_ipmilan", "this machine has an IPMI board (/dev/ipmi0)")
    site.file("sys/class/dmi/id/sys_vendor", "QEMU\n")
    site.has_agent("fence_virsh", APC)
    assert fits() == ("fence_virsh", "this is a machine of QEMU")


def test_an_agent_is_asked_what_it_needs(site: Site) -> None:
    """What it requires and what a login needs; no old names, and nothing that is not asked for."""
    site.has_agent("fence_ipmilan", IPMI)
    site.has_agent("fence_rig", RIG)
    site.has_agent("fence_broken", "no XML")
    agent = agent_of(site.machine(), "fence_apc")
    assert agent.needs == (
        Need("ip", "IP address or hostname of fencing device"),
        Need("password_script", "Script to run to retrieve password"),
        Need("username", "Login name"),
    )
    assert (agent.has_plugs, agent.is_of_one_node) == (True, False)
    assert site.told[-1] == "action=metadata\n"
    board = agent_of(site.machine(), "fence_ipmilan")
    assert (board.has_plugs, board.is_of_one_node) == (False, True)
    for name in ("fence_rig", "fence_broken", "fence_missing"):
        other = agent_of(site.machine(), name)
        assert (other.needs, other.has_plugs, other.is_of_one_node) == ((), False, False)


def test_where_nothing_answers_nothing_is_found(tmp_path: Path) -> None:
    """No program, no folder and no network: that is no error by itself."""
    assert found(Site(tmp_path)) == Found("node1")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("totem {\n cluster_name: shop\n}\nnodelist {\n node {\n ring0_addr: 198.51.100.1\n}\n}\n",
         "shop"),
        ("totem {\n cluster_name: debian\n}\nnodelist {\n node {\n ring0_addr: 127.0.0.1\n}\n}\n",
         ""),
        ("totem {\n}\n", "without a name"),
    ],
)  # fmt: skip
def test_a_cluster_that_exists_is_seen(text: str, name: str, site: Site) -> None:
    """Debian's example is none."""
    assert existing_cluster(site.machine()) == ""
    site.file("etc/corosync/corosync.conf", text)
    assert existing_cluster(site.machine()) == name
