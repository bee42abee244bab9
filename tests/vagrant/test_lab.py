"""A lab's own libvirtd: in namespaces that nothing leaves, and gone whatever happens."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vagrant.conftest import measured
from vagrant.common.waiting import eventually
from vagrant.common.wheel import wheel_of_checkout
from vagrant.lab import libvirt
from vagrant.lab.keeper import LIBVIRT_FOLDERS
from vagrant.lab.place import LabLayout, Place
from vagrant.lab.rig import LabRig
from vagrant.lab.vagrant import Vagrant

_NAME = "test-keeper"


@pytest.fixture
def rig() -> Iterator[LabRig]:
    """A lab with a libvirtd of its own, and no machine in it."""
    if libvirt.is_running():
        pytest.skip("a libvirtd runs on this machine: labs use that")
    rig = LabRig(_NAME)
    rig.down()
    rig.place.folder.mkdir(parents=True)
    rig.place.save(
        LabLayout(
            name=_NAME,
            purpose="lab",
            nodes=2,
            luns=1,
            lun_mib=64,
            release="bookworm",
            private=True,
        )
    )
    libvirt.start(rig.place)
    yield rig
    rig.down()


def _traces(place: Place) -> list[str]:
    """What is left of a lab on the machine."""
    found = [str(path) for path in (place.folder, place.cgroup) if path.exists()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mounts = (process / "mountinfo").read_text()
        except OSError:
            continue  # it has ended
        found += [f"process {process.name}"] if str(place.folder) in mounts else []
    return found


def test_nothing_leaves_its_network(rig: LabRig) -> None:
    """There is an interface to itself, and no route."""
    said = subprocess.run(
        rig.client_command("ip", "-brief", "link"), capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[0] for line in said.splitlines()] == ["lo"]
    routes = subprocess.run(
        rig.client_command("ip", "route"), capture_output=True, text=True, check=True
    )
    assert routes.stdout == ""


def test_down_leaves_nothing(rig: LabRig) -> None:
    """No process, no mount, no file; and a second time nothing happens."""
    assert rig.machines.answers()
    assert _traces(rig.place)
    rig.down()
    assert _traces(rig.place) == []
    rig.down()


def test_a_killed_lab_is_removed(rig: LabRig) -> None:
    """The kernel ends what its PID 1 leaves behind, `down` removes the rest."""
    pid = int(rig.place.pid_file.read_text())
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not Path(f"/proc/{pid}").exists(), 30, 0.05)
    assert not rig.is_up()
    rig.down()
    assert _traces(rig.place) == []


def _listed(rig: LabRig, *what: str) -> list[str]:
    """What libvirt has, by name."""
    command = rig.client_command("virsh", "--connect", "qemu:///system", *what)
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return found.split()


def test_vagrant_destroy_leaves_nothing(rig: LabRig) -> None:
    """No domain, no network, no image: neither the machine's nor the box's it was made of."""
    vagrant = Vagrant(rig.place, rig.layout, wheel_of_checkout())
    vagrant.prepare(print)
    vagrant.run("up", "storage", "--no-provision")
    names = ("list", "--all", "--name"), ("net-list", "--all", "--name")
    assert [_listed(rig, *each) for each in names] == [
        ["takeover_storage"],
        ["takeover-link1", "takeover-management", "takeover-storage"],
    ]
    volumes = ("vol-list", "default")
    assert "takeover_storage.img" in _listed(rig, *volumes)
    assert [each for each in _listed(rig, *volumes) if "box_image" in each]
    with measured("vagrant destroy --force: one machine"):
        vagrant.destroy()
    assert [_listed(rig, *each) for each in names] == [[], []]
    assert not [each for each in _listed(rig, *volumes) if "takeover" in each]


def test_two_labs_do_not_disturb_each_other(rig: LabRig) -> None:
    """The end of one leaves the other's mounts and libvirtd alone."""
    other = LabRig("test-other")
    other.down()
    other.place.folder.mkdir()
    other.place.save(rig.layout)
    libvirt.start(other.place)
    other.down()
    assert rig.machines.answers()
    for folder in LIBVIRT_FOLDERS:
        assert Path(folder).exists()
