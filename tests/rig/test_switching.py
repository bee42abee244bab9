"""docs/switching.md: a group of stock agents becomes one of ours, and one of stock agents again."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.rig.conftest import Shop
from vagrant.common.disks import ATTACH_PROGRAM, TARGET
from vagrant.common.networks import floating_address
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import cluster_status
from vagrant.rig import Rig

OURS = {"web-data": "filesystem", "web-app": "app", "web-address": "ip"}
STOCK = {"web-data": "Filesystem", "web-app": "anything", "web-address": "IPaddr2"}
NODE = "node2"
ADDRESS = floating_address(1)
#: Says who it is to whoever connects, and keeps a record of its starts on the shared disk.
SERVER = """#!/usr/bin/python3
import socket
with open("/srv/web/starts", "a") as file:
    file.write("started\\n")
listener = socket.create_server(("", 8080))
while True:
    listener.accept()[0].sendall(b"served")
"""
ASK = """
import socket, sys
with socket.create_connection((sys.argv[1], 8080), 10) as connection:
    print(connection.recv(100).decode())
"""


@pytest.fixture
def web(shop: Shop) -> Iterator[Rig]:
    """A group of three stock resources that runs on one node, on a disk that is attached there."""
    rig, types = shop.rig, shop.admin.types
    lun = (rig.layout.portal, TARGET, "2")
    device = types(NODE, ATTACH_PROGRAM, "attach", *lun).strip()
    types(NODE, "mkfs.ext4", "-q", device)
    device = _name_on_every_node(rig, device)
    rig.write(NODE, "/usr/local/bin/web-server", SERVER)
    types(NODE, "chmod", "755", "/usr/local/bin/web-server")
    types("node1", "pcs", "cluster", "cib", "web.xml")
    pcs = ("pcs", "-f", "web.xml")
    make = (*pcs, "resource", "create")
    data = (f"device={device}", "directory=/srv/web", "fstype=ext4")
    types("node1", *make, "web-data", "ocf:heartbeat:Filesystem", *data, "--group", "web")
    server = ("binfile=/usr/local/bin/web-server",)
    types("node1", *make, "web-app", "ocf:heartbeat:anything", *server, "--group", "web")
    address = (f"ip={ADDRESS}", "cidr_netmask=24")
    types("node1", *make, "web-address", "ocf:heartbeat:IPaddr2", *address, "--group", "web")
    others = sorted(set(rig.layout.node_names) - {NODE})
    types("node1", *pcs, "constraint", "location", "web", "avoids", *others)
    types("node1", "pcs", "cluster", "cib-push", "web.xml")
    types("node1", "crm_resource", "--wait")
    yield rig
    types("node1", "pcs", "resource", "delete", "web")
    types(NODE, ATTACH_PROGRAM, "detach", *lun)
    wait_until_whole(rig)


def _name_on_every_node(rig: Rig, device: str) -> str:
    """What udev calls a disk by its target and LUN; where it names none, they are called alike."""
    links = ("udevadm", "info", "--query=symlink", "--root", device)
    found = rig.run(NODE, *links).stdout.split()
    return next((link for link in found if link.startswith("/dev/disk/by-path/")), device)


def _switch(shop: Shop, provider: str, agents: dict[str, str]) -> None:
    """Change provider and type of all three in one push, as the document says."""
    types = shop.admin.types
    types("node1", "pcs", "cluster", "cib", "before.xml")
    types("node1", "cp", "before.xml", "after.xml")
    for resource, agent in agents.items():
        primitive = f'<primitive id="{resource}" class="ocf" provider="{provider}" type="{agent}"/>'
        change = ("cibadmin", "--modify", "--xml-text", primitive)
        types("node1", "env", "CIB_file=after.xml", *change)
    types("node1", "pcs", "cluster", "cib-push", "after.xml", "diff-against=before.xml")
    types("node1", "crm_resource", "--wait")


def _starts(rig: Rig) -> int:
    return rig.run(NODE, "cat", "/srv/web/starts", check=True).stdout.count("started")


def _served(rig: Rig) -> str:
    command = rig.client_command(sys.executable, "-c", ASK, ADDRESS)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_group_is_switched_and_switched_back(shop: Shop, web: Rig) -> None:
    """Each time everything is restarted once, on its node, from the same disk; nothing fails."""
    assert _starts(web) == 1
    for number, (provider, agents) in enumerate([("takeover", OURS), ("heartbeat", STOCK)], 2):
        _switch(shop, provider, agents)
        assert _served(web) == "served"
        assert _starts(web) == number
        shown = web.run("node1", "pcs", "status", "--full", check=True).stdout
        assert shown.count(f"(ocf:{provider}:") >= len(agents)
        failures = cluster_status(web, "node1")["failures"]
        assert [each for each in failures if each["resource"] in OURS] == []
        processes = web.run(NODE, "pgrep", "--count", "--full", "web-server", check=True).stdout
        assert processes.strip() == "1"
