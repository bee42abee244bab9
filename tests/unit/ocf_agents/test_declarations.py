"""What others than the agents ask of their declarations."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ocf_agents.disk.parameters import (
    FilesystemParameters,
    is_device,
    may_be_on_several_nodes,
    mount_point,
)
from ocf_agents.network.parameters import IpParameters
from ocf_agents.program.parameters import AppParameters, check_problem

DISK = {"device": "/dev/sdx", "directory": "/srv/shop"}


def test_mistakes_are_those_of_validate_all() -> None:
    """One by one first, and then of all together; the words are the agent's."""
    assert AppParameters.mistakes_in({"binfile": "/bin/true", "reload_signal": "USR1"}) == []
    assert AppParameters.mistakes_in({"stop_signal": "WINCH", "binfile": "/bin/true"}) == [
        "stop_signal=WINCH is not one of TERM, INT, QUIT, HUP, USR1, USR2, KILL"
    ]
    assert FilesystemParameters.mistakes_in({**DISK, "directory": "/var/log"}) == [
        "directory=/var/log is a folder of the system, or not absolute"
    ]
    assert IpParameters.mistakes_in({"ip": "198.51.100.7", "cidr_netmask": "24"}) == []
    assert IpParameters.mistakes_in({}) == ["the parameter ip is missing, and addresses, too"]


def test_a_clone_has_mistakes_of_its_own() -> None:
    """A filesystem of one disk is destroyed by two nodes."""
    assert FilesystemParameters.mistakes_in({**DISK, "fstype": "ext4"}) == []
    clone = {**DISK, "CRM_meta_clone": "0"}
    assert FilesystemParameters.mistakes_in({**clone, "fstype": "gfs2"}) == []
    [mistake] = FilesystemParameters.mistakes_in({**clone, "fstype": "ext4"})
    assert mistake.startswith("ext4 must not be cloned")


@pytest.mark.parametrize(
    ("directory", "found"),
    [
        ("/srv/shop", "/srv/shop"),
        ("/srv//shop/", "/srv/shop"),
        ("/home", "/home"),
        ("/var/log/", ""),
        ("/var/../etc", ""),
        ("/dev/disks/x", ""),
        ("/proc/x", ""),
        ("srv/shop", ""),
        ("", ""),
    ],
)
def test_mount_points(directory: str, found: str) -> None:
    """Folders of the system and relative paths are none."""
    assert mount_point(directory) == found


@pytest.mark.parametrize(
    ("device", "fstype", "possible"),
    [
        ("/dev/disk/by-id/x", "", True),
        ("UUID=abcd", "ext4", True),
        ("PARTLABEL=shop", "", True),
        ("-L shop", "", True),
        ("server:/export", "", True),
        ("//server/share", "cifs", True),
        ("share", "9p", True),
        ("", "nfs", False),
        ("shop", "ext4", False),
        ("UUIDS=abcd", "", False),
    ],
)
def test_devices(device: str, fstype: str, possible: bool) -> None:
    """A path, a tag, or a name where there is no disk."""
    assert is_device(device, fstype) is possible


@pytest.mark.parametrize(
    ("fstype", "options", "possible"),
    [("ocfs2", "", True), ("squashfs", "", True), ("", "ro,bind", True), ("ext4", "ro", False)],
)
def test_what_several_nodes_may_mount(fstype: str, options: str, possible: bool) -> None:
    """Network and cluster filesystems, those that nobody can write, and folders."""
    assert may_be_on_several_nodes(fstype, options) is possible


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("ready", "", True),
        ("ready", "notify", True),
        ("health", "notify", False),
        ("health", "tcp:localhost:5432", True),
        ("health", "tcp:localhost", False),
        ("ready", "http://[::1]:80/ status=200,404", True),
        ("ready", "http://localhost/ colour=red", False),
        ("health", "command:/usr/bin/test -e '/a file'", True),
        ("health", "command:test", False),
    ],
)
def test_checks(name: str, value: str, right: bool) -> None:
    """By the grammar alone, whatever this host has."""
    problem = check_problem(name, value)
    assert (problem is None) is right
    assert right or str(problem).startswith(f"{name}={value} is ")


def test_they_are_cheap_and_change_nothing() -> None:
    """Only modules of the standard library, of which none starts or opens anything."""
    script = (
        f"import sys; sys.path += {sys.path!r}; before = set(sys.modules);"
        "from ocf_agents.disk import parameters; from ocf_agents.network import parameters;"
        "from ocf_agents.program import parameters;"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    command = [sys.executable, "-IS", "-c", script]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    ours = [name for name in loaded if not name.startswith("_")]
    assert ours == ["ocf_agents"]
