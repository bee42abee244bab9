"""Mistakes in a description, on real clusters: they are refused before they hurt what runs."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from tests.rig.conftest import Shop
from tests.rig.test_apply import LONGEST_PAUSE, NODE, apply, configuration, history, starts
from vagrant.common.networks import floating_address
from vagrant.demo.faults import active_node, wait_until_whole
from vagrant.demo.shop import DIRECTORY, SERVICE, cluster_status
from vagrant.description import DESCRIPTION
from vagrant.rig import Rig

_FILE = "/root/mistake.toml"
#: How long it may take until all nodes have answered, in seconds; half a second is usual.
_ASKING = 5.0
_ALIAS = "/srv/alias"
_BY_ID = "/dev/disk/by-id/takeover-shop"
_BY_HAND = "198.51.100.177"
_DISK = """
[services.new]
pattern = "standby"
nodes = ["node3", "node2", "node1"]

[services.new.filesystem]
directory = "/srv/new"
"""
_APP = """
[services.new]
pattern = "standby"
nodes = ["node3", "node2", "node1"]

[services.new.app]
command = ["/usr/bin/sleep", "1000000"]
"""
_EVERYWHERE = """
[services.front]
pattern = "everywhere"

[services.front.app]
command = ["/usr/bin/sleep", "1000000"]
monitor = "{}"
"""


@pytest.fixture(scope="module")
def text(shop: Shop) -> Iterator[str]:
    """The description of what runs; afterwards it is applied again."""
    yield shop.rig.run(NODE, "cat", DESCRIPTION, check=True).stdout
    apply(shop.rig, DESCRIPTION)
    wait_until_whole(shop.rig)


@pytest.fixture(scope="module")
def disk(shop: Shop) -> str:
    """The path of the disk of the demo's service, on the node that runs it."""
    [service] = (
        each for each in cluster_status(shop.rig, NODE)["services"] if each["id"] == SERVICE
    )
    [node] = service["nodes"]
    found = shop.rig.run(node, "findmnt", "--noheadings", "--output=SOURCE", DIRECTORY, check=True)
    return found.stdout.strip()


def _tag(rig: Rig, disk: str) -> str:
    ask = ("blkid", "--match-tag=UUID", "--output=value", disk)
    return rig.run(active_node(rig), *ask, check=True).stdout.strip()


def _by_path(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    return f'{_DISK}device = "{disk}"\ntype = "ext4"\n'


def _by_id(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    for node in rig.layout.node_names:
        rig.run(node, "mkdir", "-p", "/dev/disk/by-id", check=True)
        rig.run(node, "ln", "-sfn", disk, _BY_ID, check=True)
    return f'{_DISK}device = "{_BY_ID}"\ntype = "ext4"\n'


def _by_uuid(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    return f'{_DISK}device = "UUID={_tag(rig, disk)}"\ntype = "ext4"\n'


def _by_portal(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    """The rig's program for LUNs knows them by their numbers, whatever portal and target say."""
    attach = re.search(r"^attach = .*$", text, re.MULTILINE)
    lun = 'portal = "203.0.113.77"\ntarget = "iqn.2026-11.com.example:other"\nlun = 1\n'
    return f'{_DISK}{lun}{attach[0] if attach else ""}\ntype = "ext4"\n'


def _by_bind(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    return f'{_DISK}device = "{DIRECTORY}/data"\noptions = "bind"\ntype = "none"\n'


def _mount_point(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    for node in rig.layout.node_names:
        rig.run(node, "ln", "-sfn", DIRECTORY, _ALIAS, check=True)
    other = _DISK.replace("/srv/new", f"{_ALIAS}/below")
    return f'{other}device = "/dev/disk/by-id/another"\ntype = "ext4"\n'


def _address(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    """In the description, what runs has got another one, which it has not now."""
    return f'{_APP}[services.new.address]\nip = "{floating_address()}"\nprefix = 24\n'


def _address_by_hand(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    """One that somebody has added on a node."""
    rig.run("node2", "ip", "address", "add", f"{_BY_HAND}/32", "dev", "lo", check=True)
    return f'{_APP}[services.new.address]\nip = "{_BY_HAND}"\nprefix = 24\n'


def _port(rig: Rig, text: str, disk: str) -> str:  # noqa: ARG001
    return f'{_APP}ready = "tcp:127.0.0.1:5432"\n'


@pytest.fixture
def without_by_hand(shop: Shop) -> Iterator[None]:
    """Take the address away afterwards that was added by hand."""
    yield
    shop.rig.run("node2", "ip", "address", "del", f"{_BY_HAND}/32", "dev", "lo")


@pytest.mark.usefixtures("without_by_hand")
@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (_by_path, "is the disk of shop-filesystem of shop"),
        (_by_id, f"{_BY_ID} is the disk of shop-filesystem of shop"),
        (_by_uuid, "is the disk of shop-filesystem of shop"),
        (_by_portal, "LUN 1 of iqn.2026-11.com.example:other is the disk of shop-filesystem"),
        (_by_bind, f"{DIRECTORY}/data is on the disk of shop-filesystem of shop"),
        (_mount_point, f"is below {DIRECTORY}, the mount point of shop-filesystem of shop"),
        (_address, f"{floating_address()} is already used by services.shop"),
        (_address_by_hand, f"{_BY_HAND} is an address of lo already"),
        (_port, "port 5432 is in use by shop-app of shop, postgres ("),
    ],
)
@pytest.mark.one_machine("the disk has a path that all nodes know")
def test_what_a_running_service_has_is_refused_before_the_push(
    shop: Shop,
    text: str,
    disk: str,
    mistake: Callable[[Rig, str, str], str],
    said: str,
) -> None:
    """By whatever name; nothing is pushed, and the client of what runs notices nothing."""
    rig = shop.rig
    rig.write(NODE, _FILE, text + mistake(rig, text, disk))
    before = configuration(rig), history(rig), starts(rig)
    begin = time.monotonic()
    result = rig.run(NODE, "takeover", "apply", _FILE)
    end = time.monotonic()
    shop.client.wait_until_served(end, LONGEST_PAUSE * shop.patience)
    assert result.returncode in (1, 2), result.stdout + result.stderr
    assert said in result.stderr
    assert "pushing" not in result.stderr
    assert (configuration(rig), history(rig), starts(rig)) == before
    assert shop.client.outage(begin, end) < LONGEST_PAUSE * shop.patience


def test_asking_the_nodes_takes_little_time(shop: Shop, text: str) -> None:
    """As the debug log tells; and a change that wants nothing asks nobody."""
    rig = shop.rig
    address = '[services.new.address]\nip = "198.51.100.151"\nprefix = 24\n'
    rig.write(NODE, _FILE, text + _APP + address)
    debug = ("env", "TAKEOVER_DEBUG=1", "takeover", "apply")
    lines = rig.run(NODE, *debug, _FILE, check=True).stderr.splitlines()
    begin, end = (
        datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f")
        for line in lines
        if re.search("running: cibadmin --(create|delete) ", line)
    )
    print(f"asked for {(end - begin).total_seconds():.2f} s")
    assert (end - begin).total_seconds() < _ASKING * shop.patience
    result = rig.run(NODE, *debug, DESCRIPTION, check=True)
    assert "takeover-survey" not in result.stderr


@pytest.fixture
def paused(shop: Shop) -> Iterator[str]:
    """A node in standby."""
    shop.rig.run(NODE, "pcs", "node", "standby", "node3", "--wait=60", check=True)
    yield "node3"
    shop.rig.run(NODE, "pcs", "node", "unstandby", "node3", "--wait=60", check=True)


def test_a_service_for_every_node_is_changed_while_one_is_paused(
    shop: Shop, text: str, paused: str
) -> None:
    """It is well as far as it can be: no harm, and every apply ends with 0."""
    where = f"front: running on 2 of 3 ({paused} is in standby)"
    for monitor in ("20s", "25s"):
        shop.rig.write(NODE, _FILE, text + _EVERYWHERE.format(monitor))
        for _ in range(2):
            done: subprocess.CompletedProcess[str] = apply(shop.rig, _FILE)
            assert where in done.stdout
    assert where in shop.rig.run(NODE, "takeover", "status", check=True).stdout
