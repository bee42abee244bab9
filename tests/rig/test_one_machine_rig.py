"""The one-machine rig: what it is made of, how it breaks things, and that nothing of it stays."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.breaking import broken_fencing, cut_off, powered_off
from tests.rig.remains import namespaces, namespaces_of, remains
from tests.whole import Caretaker, damage_to_machines
from vagrant.common.disks import ATTACH_PROGRAM, TARGET
from vagrant.common.errors import RigError
from vagrant.common.networks import Link
from vagrant.common.waiting import eventually
from vagrant.one_machine.layout import Layout
from vagrant.one_machine.rig import OneMachineRig

MakeRig = Callable[[str], OneMachineRig]
#: Seconds; it takes two. But a service that has just been started may be deaf to its end, and then
#: systemd gives it 90 s (systemd-system.conf(5), DefaultTimeoutStopSec).
SHUTDOWN = 240.0


def _attach(rig: OneMachineRig, node: str, lun: int = 1) -> str:
    command = (ATTACH_PROGRAM, "attach", rig.layout.portal, TARGET, str(lun))
    return rig.run(node, *command, check=True).stdout.strip()


def _eventually(condition: Callable[[], bool], limit: float = 20.0) -> bool:
    return eventually(condition, limit, pause=0.05)


@pytest.fixture(scope="module")
def only_rig() -> Iterator[tuple[OneMachineRig, Caretaker]]:
    """A rig with three nodes and two LUNs, and who looks after it between the tests."""
    rig = OneMachineRig("test-rig")
    rig.down()
    try:
        rig.up(luns=2, lun_mib=64, say=print)
        yield rig, Caretaker(partial(damage_to_machines, rig))
    finally:
        rig.down()


@pytest.fixture
def rig(
    only_rig: tuple[OneMachineRig, Caretaker], request: pytest.FixtureRequest
) -> Iterator[OneMachineRig]:
    """The rig, whole before the test; whatever the test has broken is put right."""
    rig, caretaker = only_rig
    with caretaker.around(request.node.nodeid):
        for node in rig.layout.node_names:
            rig.wait_for_boot(node)
        yield rig


def test_nodes_are_real_systems(rig: OneMachineRig) -> None:
    """Every node runs systemd as PID 1 and pcsd, with Debian's cluster packages."""
    for node in rig.layout.node_names:
        assert rig.run(node, "cat", "/proc/1/comm").stdout == "systemd\n"
        assert rig.run(node, "hostname").stdout == f"{node}\n"
        assert rig.run(node, "systemctl", "is-active", "pcsd").stdout == "active\n"
        assert rig.run(node, "systemctl", "list-units", "--failed", "--plain", "-q").stdout == ""


def test_nodes_and_client_reach_each_other_and_nothing_else(rig: OneMachineRig) -> None:
    """All links work, and no node or client has a route to anywhere else."""
    for link in Link:
        address = rig.layout.node_address("node2", link)
        rig.run("node1", "ping", "-c1", "-W5", address, check=True)
    client = rig.client_command("ip", "-brief", "route", "show", "table", "all")
    routes = [rig.run(node, "ip", "route", "show", "table", "all").stdout for node in ("node1",)]
    routes.append(subprocess.run(client, capture_output=True, text=True, check=True).stdout)
    for table in routes:
        assert "default" not in table
        destinations = {line.split()[0] for line in table.splitlines() if "dev lo" not in line}
        assert all(
            each.startswith(
                (
                    "198.51.100.",
                    "203.0.113.",
                    "2001:db8:",
                    "fe80:",
                    "ff00:",
                    "multicast",
                    "broadcast",
                    "anycast",
                    "local",
                )
            )
            for each in destinations
        ), table


def test_a_node_cannot_change_the_machine(rig: OneMachineRig) -> None:
    """Kernel settings of the machine are read-only in a node."""
    result = rig.run("node1", "sysctl", "-w", "kernel.printk=1 1 1 1")
    assert result.returncode != 0 or "Read-only" in result.stderr
    assert rig.run("node1", "touch", "/sys/kernel/anything").returncode != 0


def test_disks_are_shared_over_iscsi(rig: OneMachineRig) -> None:
    """What one node writes to a LUN another one reads; each LUN is a disk of its own."""
    first = _attach(rig, "node1", 2)
    rig.run("node1", "dd", f"of={first}", "conv=fsync", check=True, text="from node1")
    second = _attach(rig, "node2", 2)
    read = rig.run("node2", "dd", f"if={second}", "bs=10", "count=1", check=True)
    assert read.stdout == "from node1"
    other = _attach(rig, "node2", 1)
    assert other != second
    for node, lun in (("node1", 2), ("node2", 2), ("node2", 1)):
        command = (ATTACH_PROGRAM, "detach", rig.layout.portal, TARGET, str(lun))
        rig.run(node, *command, check=True)


_DAEMON = "/usr/bin/qemu-storage-daemon"
#: It forks twice, as with --daemonize; the process in between ends last, as on a busy machine.
_LATE = f"""#!/usr/bin/python3 -I
import os, sys, time
if os.fork():
    while "/run/takeover-rig/lun1 fuse" not in open("/proc/mounts").read():
        time.sleep(0.01)
    os._exit(0)
if os.fork():
    time.sleep(2)
    os._exit(0)
real = {_DAEMON!r} + ".real"
os.execv(real, [real, *(each for each in sys.argv[1:] if each != "--daemonize")])
"""


def test_a_disk_stays_attached_on_a_busy_machine(rig: OneMachineRig) -> None:
    """The end of another process than the initiator itself is not taken for its end."""
    rig.run("node3", "mv", _DAEMON, f"{_DAEMON}.real", check=True)
    rig.write("node3", _DAEMON, _LATE)
    rig.run("node3", "chmod", "755", _DAEMON, check=True)
    try:
        device = _attach(rig, "node3")
        time.sleep(3)
        rig.run(
            "node3", "dd", f"if={device}", "of=/dev/null", "iflag=direct", "count=1", check=True
        )
    finally:
        detach = (ATTACH_PROGRAM, "detach", rig.layout.portal, TARGET, "1")
        rig.run("node3", *detach)
        rig.run("node3", "mv", f"{_DAEMON}.real", _DAEMON, check=True)


def test_a_double_mount_is_seen(rig: OneMachineRig) -> None:
    """The observer outside the nodes reports a LUN that two nodes have mounted, and only then."""
    before = len(rig.status()["disks"]["double_mounts"])
    device = _attach(rig, "node1")
    rig.run("node1", "mkfs.ext4", "-q", device, check=True)
    rig.run("node1", "mount", "-o", "ro", device, "/mnt", check=True)
    assert _eventually(lambda: rig.status()["disks"]["mounted"] == {"1": ["node1"]})
    assert len(rig.status()["disks"]["double_mounts"]) == before
    other = _attach(rig, "node3")
    rig.run("node3", "mount", "-o", "ro", other, "/mnt", check=True)
    assert _eventually(lambda: len(rig.status()["disks"]["double_mounts"]) == before + 1)
    assert rig.status()["disks"]["double_mounts"][-1]["nodes"] == ["node1", "node3"]
    for node in ("node1", "node3"):
        rig.run(node, "umount", "/mnt", check=True)


def test_power_off_is_sudden_and_complete(rig: OneMachineRig) -> None:
    """A node without power runs nothing, answers nobody and holds no disk; what it wrote stays."""
    device = _attach(rig, "node2")
    rig.run("node2", "mkfs.ext4", "-q", "-F", device, check=True)
    rig.run("node2", "mount", device, "/mnt", check=True)
    rig.run("node2", "sh", "-c", "echo kept > /root/kept; sync", check=True)
    address = rig.layout.node_address("node2", Link.LINK0)
    with powered_off(rig, "node2"):
        assert rig.status()["nodes"]["node2"]["power"] == "off"
        assert rig.status()["disks"]["mounted"] == {}
        with pytest.raises(RigError, match="powered off"):
            rig.run("node2", "true")
        assert rig.run("node1", "ping", "-c1", "-W1", address).returncode != 0
    rig.wait_for_boot("node2")
    assert rig.run("node2", "cat", "/root/kept").stdout == "kept\n"
    rig.run("node1", "ping", "-c1", "-W5", address, check=True)


def test_a_node_reboots_and_halts_by_itself(rig: OneMachineRig) -> None:
    """`reboot` in a node boots it again, `poweroff` leaves it off."""
    before = rig.status()["nodes"]["node3"]["pid"]
    rig.run("node3", "systemctl", "reboot")
    assert _eventually(
        lambda: rig.status()["nodes"]["node3"]["pid"] not in (before, None), SHUTDOWN
    )
    rig.wait_for_boot("node3")
    rig.run("node3", "systemctl", "poweroff")
    assert _eventually(lambda: rig.status()["nodes"]["node3"]["power"] == "off", SHUTDOWN)
    rig.power("node3", "on")
    rig.wait_for_boot("node3")


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_a_node_that_halted_boots_into_a_whole_system(new_rig: MakeRig, release: str) -> None:
    """Nothing of a node's last life is in the way of the next one: no unit fails."""
    rig = new_rig("test-halted")
    rig.up(nodes=1, release=release, say=print)
    rig.run("node1", "systemctl", "poweroff")
    assert _eventually(lambda: rig.status()["nodes"]["node1"]["power"] == "off", SHUTDOWN)
    rig.power("node1", "on")
    rig.wait_for_boot("node1")
    assert rig.run("node1", "systemctl", "list-units", "--failed", "--plain", "-q").stdout == ""


def test_links_are_cut_one_by_one_or_together(rig: OneMachineRig) -> None:
    """A cut link loses its carrier and stays cut over a power cycle; the others work."""
    addresses = {link: rig.layout.node_address("node2", link) for link in Link}

    def reaches(link: Link) -> bool:
        return rig.run("node1", "ping", "-c1", "-W1", addresses[link]).returncode == 0

    rig.cut("node2", [Link.LINK1])
    assert [reaches(link) for link in Link] == [True, False, True]
    with cut_off(rig, "node2"):
        assert [reaches(link) for link in Link] == [False, False, True]
        rig.power("node2", "reset")
        rig.wait_for_boot("node2")
        assert not reaches(Link.LINK0)
    assert _eventually(lambda: all(reaches(link) for link in Link))


def test_any_node_can_fence_any_other(rig: OneMachineRig) -> None:
    """The fence agent kills and boots a node, tells its power, fails when the switch refuses."""

    def fence(action: str, plug: str) -> subprocess.CompletedProcess[str]:
        return rig.run("node1", "fence_takeover_rig", text=f"action={action}\nplug={plug}\n")

    assert fence("metadata", "").stdout.startswith("<?xml")
    assert fence("status", "node3").returncode == 0
    assert fence("off", "node3").returncode == 0
    assert rig.status()["nodes"]["node3"]["power"] == "off"
    assert fence("status", "node3").returncode == 2
    assert fence("on", "node3").returncode == 0
    rig.wait_for_boot("node3")
    pid = rig.status()["nodes"]["node3"]["pid"]
    with broken_fencing(rig, "node3"):
        refused = fence("reboot", "node3")
        assert refused.returncode == 1
        assert "refuses" in refused.stderr
        assert rig.status()["nodes"]["node3"]["pid"] == pid
    assert fence("reboot", "node3").returncode == 0
    assert rig.status()["nodes"]["node3"]["pid"] != pid
    rig.wait_for_boot("node3")


def test_a_mistake_is_a_message(rig: OneMachineRig) -> None:
    """A node that is not there, a second `up`, and a name that is none are told as such."""
    with pytest.raises(RigError, match="has no node node9"):
        rig.power("node9", "off")
    with pytest.raises(RigError, match="down` removes it"):
        rig.up(say=print)
    with pytest.raises(RigError, match="is no name for a rig"):
        OneMachineRig("../etc")
    with pytest.raises(RigError, match="is not up"):
        OneMachineRig("test-none").status()


def test_down_leaves_nothing(new_rig: MakeRig) -> None:
    """`down` leaves no process, namespace, mount, loop device, cgroup or file; twice is fine."""
    rig = new_rig("test-down")
    rig.up(nodes=1, say=print)
    layout = rig.layout
    device = _attach(rig, "node1")
    rig.run("node1", "mkfs.ext4", "-q", device, check=True)
    rig.run("node1", "mount", device, "/mnt", check=True)
    assert remains(layout)
    own = namespaces_of(layout)
    assert own
    rig.down()
    assert remains(layout) == []
    # The controller itself is a zombie until the machine's PID 1 takes leave of it.
    assert _eventually(lambda: not own & namespaces())
    rig.down()


@pytest.mark.parametrize("after", [0.1, 0.6, 1.5, 4.0])
def test_down_works_after_the_controller_was_killed(new_rig: MakeRig, after: float) -> None:
    """Whatever `up` or the controller leave when they are killed at any moment, `down` removes."""
    rig = new_rig("test-killed")
    up = subprocess.Popen(["script/rig", "--name", rig.name, "up", "--nodes", "2"])
    assert _eventually(lambda: Layout.load(rig.name) is not None)
    layout = rig.layout
    time.sleep(after)
    up.send_signal(signal.SIGKILL)
    up.wait()
    pid_file = layout.run_dir / "controller.pid"
    if pid_file.exists():
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
    rig.down()
    assert remains(layout) == []


def test_a_strict_umask_does_not_reach_the_nodes(new_rig: MakeRig) -> None:
    """Brought up with umask 077, a node still lets ordinary users do ordinary things."""
    rig = new_rig("test-umask")
    subprocess.run(
        ["script/rig", "--name", rig.name, "up", "--nodes", "1"], umask=0o077, check=True
    )
    rig.run("node1", "runuser", "-u", "nobody", "--", "takeover", "--version", check=True)


def test_two_rigs_run_side_by_side(new_rig: MakeRig) -> None:
    """Two rigs with the same addresses share nothing, and one survives the other."""
    first, second = new_rig("test-first"), new_rig("test-second")
    first.up(nodes=1, say=print)
    second.up(nodes=1, luns=3, say=print)
    assert not set(first.layout.loop_numbers) & set(second.layout.loop_numbers)
    text = {}
    for rig in (first, second):
        device = _attach(rig, "node1")
        rig.run("node1", "dd", f"of={device}", "conv=fsync", check=True, text=rig.name)
        text[rig.name] = device
    first.down()
    read = second.run("node1", "dd", f"if={text[second.name]}", f"bs={len(second.name)}", "count=1")
    assert read.stdout == second.name
