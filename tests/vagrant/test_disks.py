"""LUNs of a real target, by the kernel's initiator: attached, reserved, lost, fenced off."""

import time
from collections.abc import Iterator

import pytest

from tests.vagrant.agent import GENERIC_ERROR, NOT_RUNNING, SUCCESS, Filesystem, lun
from tests.vagrant.conftest import measured, note
from tests.vagrant.disk import SharedDisk, Writer
from vagrant.common.disks import TARGET
from vagrant.common.networks import Link
from vagrant.common.waiting import eventually
from vagrant.lab.rig import LabRig

_LUN = 2
_DIRECTORY = "/srv/lab"
#: Makes one file after the other, each safely on the disk before its number is told.
_FILES = """
import os, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
for number in range(100000):
    with open(f"{sys.argv[1]}/{number}", "w") as file:
        file.write(str(number) * 1000)
        file.flush()
        os.fsync(file.fileno())
    os.fsync(folder)
    print(number)
"""
#: Says which of the first files of such a folder are not what they were.
_FILES_CHECK = """
import sys
for number in range(int(sys.argv[2])):
    with open(f"{sys.argv[1]}/{number}") as file:
        if file.read() != str(number) * 1000:
            print(number)
"""


@pytest.fixture
def shared(lab: LabRig) -> Iterator[SharedDisk]:
    """A disk that nobody has attached or is registered with, before and afterwards."""
    disk = SharedDisk(lab, _LUN)
    disk.clear("node3")
    yield disk
    for node in lab.layout.node_names:
        lab.power(node, "on")  # a frozen one goes on
        lab.heal(node)
        lab.wait_for_boot(node)
        Filesystem(lab, _DIRECTORY, **lun(lab, _LUN)).act(node, "stop")
    disk.clear("node3")


@pytest.fixture
def disk(lab: LabRig, shared: SharedDisk) -> Filesystem:
    """An empty ext4 on it."""
    shared.make_filesystem("node1", "ext4")
    return Filesystem(lab, _DIRECTORY, **lun(lab, _LUN))


def _double_mounts(lab: LabRig) -> list[list[str]]:
    """The nodes that had the disk mounted at the same time, each time that it was so."""
    found = lab.status()["disks"]["double_mounts"]
    return [each["nodes"] for each in found if each["lun"] == _LUN]


def _sessions(lab: LabRig, node: str) -> str:
    return lab.run(node, "iscsiadm", "-m", "session").stdout


def test_the_agent_logs_in_and_out(lab: LabRig, disk: Filesystem) -> None:
    """A start logs in with CHAP and mounts; a stop unmounts, and ends the session it began."""
    assert TARGET not in _sessions(lab, "node1")
    with measured("filesystem agent: start (login, reservation, mount)"):
        disk.start("node1")
    assert TARGET in _sessions(lab, "node1")
    assert disk.act("node1", "monitor", depth=10).returncode == SUCCESS
    assert lab.run("node1", "findmnt", "-n", "-o", "FSTYPE", _DIRECTORY).stdout.strip() == "ext4"
    with measured("filesystem agent: stop (unmount, release, logout)"):
        disk.stop("node1")
    assert TARGET not in _sessions(lab, "node1")
    assert disk.act("node1", "monitor").returncode == NOT_RUNNING


def test_sbd_keeps_its_session(lab: LabRig, disk: Filesystem) -> None:
    """The agent's logout leaves the session of another target alone, that SBD needs."""
    disk.start("node1")
    disk.stop("node1")
    assert "example:sbd" in _sessions(lab, "node1")
    assert lab.run("node1", "test", "-b", lab.layout.sbd_device).returncode == 0


def test_a_wrong_secret_is_refused(lab: LabRig, disk: Filesystem) -> None:
    """The target takes nobody who does not know the secret, and the agent says what failed."""
    lab.write("node1", "/root/wrong.secret", "not-the-secret-1\n")
    where = lun(lab, _LUN) | {"chap_secret_file": "/root/wrong.secret"}
    wrong = Filesystem(lab, disk.directory, **where)
    result = wrong.act("node1", "start")
    assert result.returncode == GENERIC_ERROR
    assert "--login" in result.stderr
    assert "not-the-secret-1" not in result.stderr
    assert TARGET not in _sessions(lab, "node1")
    # The right secret works again: nothing of the wrong one is kept.
    disk.start("node1")


def test_a_preempted_node_cannot_write(lab: LabRig, disk: Filesystem, shared: SharedDisk) -> None:
    """When another node has taken the disk over, writes of the first one fail; it is told so."""
    disk.start("node1")
    writer = Writer(lab, "node1", f"{_DIRECTORY}/block")
    time.sleep(5)
    # Registered by hand, as a node that takes over does; it mounts nothing while node1 has it.
    device = shared.attach("node2")
    holder = lab.run("node2", "sg_persist", "--in", "--read-reservation", device).stdout
    key = next(line.split("=")[1].strip() for line in holder.splitlines() if "Key=" in line)
    with measured("preempting a reservation, until the writes of the other node fail"):
        for step in (
            ("--register-ignore", "--param-sark=0xbeef"),
            ("--preempt-abort", "--param-rk=0xbeef", f"--param-sark={key}", "--prout-type=5"),
        ):
            lab.run("node2", "sg_persist", "--out", *step, device, check=True)
        said = writer.until_it_ends(120)
    assert said.startswith("error"), said
    assert writer.writes > 0
    note("writes before it was preempted", str(writer.writes))
    monitor = disk.act("node1", "monitor", depth=10)
    assert monitor.returncode == GENERIC_ERROR
    shared.detach("node2")


def test_a_frozen_node_does_not_write_when_it_wakes_up(
    lab: LabRig, disk: Filesystem, shared: SharedDisk
) -> None:
    """A node that stood still while another took over gets errors, and destroys nothing."""
    disk.start("node1")
    writer = Writer(lab, "node1", f"{_DIRECTORY}/block")
    time.sleep(5)
    lab.machines.freeze("node1")
    with measured("taking over from a frozen node (preempt, journal replay, mount)"):
        disk.start("node2")
    pattern = f"{_DIRECTORY}/witness"
    lab.run("node2", "dd", "if=/dev/urandom", f"of={pattern}", "bs=1M", "count=32", "conv=fsync")
    before = lab.run("node2", "sha256sum", pattern, f"{_DIRECTORY}/block", check=True).stdout
    lab.machines.thaw("node1")
    said = writer.until_it_ends(180)
    assert said.startswith("error"), said
    # What must never happen to a service is seen when it happens: nobody has fenced node1 here.
    assert eventually(lambda: ["node1", "node2"] in _double_mounts(lab), 120, 1.0)
    lab.run("node2", "sync")
    lab.run("node2", "sysctl", "-q", "vm.drop_caches=3")
    after = lab.run("node2", "sha256sum", pattern, f"{_DIRECTORY}/block", check=True).stdout
    assert after == before
    assert disk.act("node2", "monitor", depth=10).returncode == SUCCESS
    disk.stop("node1")
    disk.stop("node2")
    shared.check("node3", "ext4")


def test_a_lost_path_is_noticed_and_comes_back(
    lab: LabRig, disk: Filesystem, shared: SharedDisk
) -> None:
    """Without its storage network the monitor fails and a stop ends; with it, all works again."""
    disk.start("node1")
    lab.cut("node1", [Link.STORAGE])
    with measured("storage network cut, until the monitor fails"):
        lost = eventually(
            lambda: disk.act("node1", "monitor", depth=10).returncode == GENERIC_ERROR, 180, 1.0
        )
    assert lost
    with measured("stop without the storage network"):
        stopped = disk.act("node1", "stop")
    print(stopped.stderr)
    lab.heal("node1")
    assert eventually(lambda: disk.act("node1", "stop").returncode == SUCCESS, 180, 2.0)
    disk.start("node1")
    assert disk.act("node1", "monitor", depth=10).returncode == SUCCESS
    disk.stop("node1")
    shared.check("node3", "ext4")


def test_xfs_survives_a_power_failure(lab: LabRig, shared: SharedDisk) -> None:
    """Another node finds every file that was told to be safe, and xfs_repair no mistake."""
    shared.make_filesystem("node1", "xfs")
    disk = Filesystem(lab, _DIRECTORY, fstype="xfs", **lun(lab, _LUN))
    disk.start("node1")
    writer = Writer(lab, "node1", _DIRECTORY, _FILES)
    assert eventually(lambda: writer.writes > 50, 120, 0.2)
    lab.power("node1", "off")
    writer.until_it_ends(60)
    with measured("taking over after a power failure (preempt, xfs log, mount)"):
        disk.start("node2")
    note("files told to be safe at a power failure", str(writer.writes))
    program = ("python3", "-c", _FILES_CHECK, _DIRECTORY, str(writer.writes))
    assert lab.run("node2", *program, check=True).stdout == ""
    disk.stop("node2")
    shared.check("node3", "xfs")


def test_fence_scsi_shuts_a_node_out(lab: LabRig, shared: SharedDisk) -> None:
    """fence_scsi removes a node's key, and the node's writes fail from then on."""
    devices = {}
    for node, key in (("node1", "a1"), ("node2", "a2")):
        device = devices[node] = shared.attach(node)
        _fence_scsi(lab, node, "on", key, device)
    writer = Writer(lab, "node2", devices["node2"])
    time.sleep(5)
    with measured("fence_scsi, until the writes of the fenced node fail"):
        _fence_scsi(lab, "node1", "off", "a2", devices["node1"])
        said = writer.until_it_ends(120)
    assert said.startswith("error"), said
    assert writer.writes > 0
    write = ("dd", "if=/dev/zero", f"of={devices['node1']}", "bs=4096", "count=1", "oflag=direct")
    assert lab.run("node1", *write).returncode == 0
    for node in devices:
        shared.detach(node)


def _fence_scsi(lab: LabRig, node: str, action: str, key: str, device: str) -> None:
    lab.run(node, "install", "--directory", "/run/cluster", check=True)  # where it keeps its key
    options = (f"--action={action}", f"--key={key}", f"--devices={device}")
    result = lab.run(node, "fence_scsi", *options)
    assert result.returncode == 0, result.stdout + result.stderr
