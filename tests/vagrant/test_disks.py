"""LUNs of a real target, by the kernel's initiator: attached, reserved, lost, fenced off."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.vagrant.agent import GENERIC_ERROR, NOT_RUNNING, SUCCESS, Filesystem
from tests.vagrant.conftest import measured, note
from vagrant.lab.rig import LabRig
from vagrant.one_machine.layout import TARGET, Link
from vagrant.one_machine.waiting import eventually

_LUN = 2
_DIRECTORY = "/srv/lab"
_ATTACH = "/usr/local/lib/takeover-rig/attach-lun"
#: Writes 4 KiB, past every cache, again and again; says so, and ends with the first error.
_WRITER = """
import mmap, os, sys
page = mmap.mmap(-1, 4096)
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_SYNC)
number = 0
while True:
    page[:8] = number.to_bytes(8, "little")
    try:
        os.pwrite(fd, page, 0)
    except OSError as error:
        print("error", error.strerror, flush=True)
        sys.exit(1)
    number += 1
    print(number, flush=True)
"""


@pytest.fixture
def disk(lab: LabRig) -> Iterator[Filesystem]:
    """An empty ext4 on a LUN that no node has attached; afterwards nothing of it is left."""
    layout = lab.layout
    where = (layout.portal, TARGET, str(_LUN))
    _clear(lab)
    device = lab.run("node1", _ATTACH, "attach", *where, check=True).stdout.strip()
    lab.run("node1", "mkfs.ext4", "-q", "-F", device, check=True)
    lab.run("node1", _ATTACH, "detach", *where, check=True)
    filesystem = Filesystem(lab, _LUN, _DIRECTORY)
    yield filesystem
    for node in layout.node_names:
        if lab.machines.power(node) == "frozen":
            lab.machines.thaw(node)
        lab.heal(node)
        lab.wait_for_boot(node)
        filesystem.act(node, "stop")
    _clear(lab)


def _clear(lab: LabRig) -> None:
    """Take every registration off the LUN."""
    where = (lab.layout.portal, TARGET, str(_LUN))
    device = lab.run("node3", _ATTACH, "attach", *where, check=True).stdout.strip()
    key = "0xc1ea4"
    lab.run("node3", "sg_persist", "--out", "--register-ignore", f"--param-sark={key}", device)
    lab.run("node3", "sg_persist", "--out", "--clear", f"--param-rk={key}", device)
    lab.run("node3", _ATTACH, "detach", *where, check=True)


def _sessions(lab: LabRig, node: str) -> str:
    return lab.run(node, "iscsiadm", "-m", "session").stdout


def _start_writer(lab: LabRig, node: str, path: str) -> "subprocess.Popen[str]":
    command = lab.command(node, "python3", "-c", _WRITER, path)
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def _last_line(writer: "subprocess.Popen[str]", limit: float) -> list[str]:
    """What the writer wrote until it ended by itself."""
    said, _ = writer.communicate(timeout=limit)
    return said.splitlines()


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
    wrong = Filesystem(lab, _LUN, disk.directory, chap_secret_file="/root/wrong.secret")
    result = wrong.act("node1", "start")
    assert result.returncode == GENERIC_ERROR
    assert "--login" in result.stderr
    assert "not-the-secret-1" not in result.stderr
    assert TARGET not in _sessions(lab, "node1")
    # The right secret works again: nothing of the wrong one is kept.
    disk.start("node1")


def test_a_preempted_node_cannot_write(lab: LabRig, disk: Filesystem) -> None:
    """When another node has taken the disk over, writes of the first one fail; it is told so."""
    disk.start("node1")
    writer = _start_writer(lab, "node1", f"{_DIRECTORY}/block")
    time.sleep(5)
    # Registered by hand, as a node that takes over does; it mounts nothing while node1 has it.
    where = (lab.layout.portal, TARGET, str(_LUN))
    device = lab.run("node2", _ATTACH, "attach", *where, check=True).stdout.strip()
    holder = lab.run("node2", "sg_persist", "--in", "--read-reservation", device).stdout
    key = next(line.split("=")[1].strip() for line in holder.splitlines() if "Key=" in line)
    with measured("preempting a reservation, until the writes of the other node fail"):
        for step in (
            ("--register-ignore", "--param-sark=0xbeef"),
            ("--preempt-abort", "--param-rk=0xbeef", f"--param-sark={key}", "--prout-type=5"),
        ):
            lab.run("node2", "sg_persist", "--out", *step, device, check=True)
        lines = _last_line(writer, 120)
    assert lines[-1].startswith("error"), lines[-3:]
    assert int(lines[-2]) > 0
    note("writes before it was preempted", lines[-2])
    monitor = disk.act("node1", "monitor", depth=10)
    assert monitor.returncode == GENERIC_ERROR
    lab.run("node2", _ATTACH, "detach", *where)


def test_a_frozen_node_does_not_write_when_it_wakes_up(lab: LabRig, disk: Filesystem) -> None:
    """A node that stood still while another took over gets errors, and destroys nothing."""
    disk.start("node1")
    writer = _start_writer(lab, "node1", f"{_DIRECTORY}/block")
    time.sleep(5)
    lab.machines.freeze("node1")
    with measured("taking over from a frozen node (preempt, journal replay, mount)"):
        disk.start("node2")
    pattern = f"{_DIRECTORY}/witness"
    lab.run("node2", "dd", "if=/dev/urandom", f"of={pattern}", "bs=1M", "count=32", "conv=fsync")
    before = lab.run("node2", "sha256sum", pattern, f"{_DIRECTORY}/block", check=True).stdout
    lab.machines.thaw("node1")
    lines = _last_line(writer, 180)
    assert lines[-1].startswith("error"), lines[-3:]
    lab.run("node2", "sync")
    lab.run("node2", "sysctl", "-q", "vm.drop_caches=3")
    after = lab.run("node2", "sha256sum", pattern, f"{_DIRECTORY}/block", check=True).stdout
    assert after == before
    assert disk.act("node2", "monitor", depth=10).returncode == SUCCESS
    disk.stop("node1")
    disk.stop("node2")
    _check(lab)


def test_a_lost_path_is_noticed_and_comes_back(lab: LabRig, disk: Filesystem) -> None:
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
    _check(lab)


def test_fence_scsi_shuts_a_node_out(lab: LabRig, disk: Filesystem) -> None:
    """fence_scsi removes a node's key, and the node's writes fail from then on."""
    where = (lab.layout.portal, TARGET, str(_LUN))
    devices = {}
    for node, key in (("node1", "a1"), ("node2", "a2")):
        device = lab.run(node, _ATTACH, "attach", *where, check=True).stdout.strip()
        devices[node] = device
        _fence_scsi(lab, node, "on", key, device)
    writer = _start_writer(lab, "node2", devices["node2"])
    time.sleep(5)
    with measured("fence_scsi, until the writes of the fenced node fail"):
        _fence_scsi(lab, "node1", "off", "a2", devices["node1"])
        lines = _last_line(writer, 120)
    assert lines[-1].startswith("error"), lines[-3:]
    assert int(lines[-2]) > 0
    write = ("dd", "if=/dev/zero", f"of={devices['node1']}", "bs=4096", "count=1", "oflag=direct")
    assert lab.run("node1", *write).returncode == 0
    for node in devices:
        lab.run(node, _ATTACH, "detach", *where)
    assert disk.directory == _DIRECTORY


def _fence_scsi(lab: LabRig, node: str, action: str, key: str, device: str) -> None:
    lab.run(node, "install", "--directory", "/run/cluster", check=True)  # where it keeps its key
    options = (f"--action={action}", f"--key={key}", f"--devices={device}")
    result = lab.run(node, "fence_scsi", *options)
    assert result.returncode == 0, result.stdout + result.stderr


def _check(lab: LabRig) -> None:
    """No node has the filesystem mounted; it must be without errors."""
    where = (lab.layout.portal, TARGET, str(_LUN))
    device = lab.run("node3", _ATTACH, "attach", *where, check=True).stdout.strip()
    found = lab.run("node3", "e2fsck", "-f", "-n", device)
    lab.run("node3", _ATTACH, "detach", *where, check=True)
    assert found.returncode == 0, found.stdout
