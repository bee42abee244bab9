"""No shared disk: two nodes have the same data by DRBD, and one of them loses its power."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.breaking import powered_off
from tests.vagrant.conftest import Shop, measured, note
from vagrant.common.networks import floating_address
from vagrant.common.waiting import eventually
from vagrant.demo.client import Client
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import cluster_status, fill
from vagrant.description import postgres_programs
from vagrant.lab.rig import LabRig

_RESOURCE, _DEVICE = "mirror", "/dev/drbd0"  # as vagrant/provision/mirror.sh has them
_DIRECTORY = "/srv/books"
_NODES = ("node1", "node2")
_PORT = "5433"
_SERVED_LIMIT = 900.0
_BOOKS = """
[services.books]
pattern = "mirror"
nodes = ["node1", "node2"]

[services.books.mirror]
resource = "{resource}"
device = "{device}"

[services.books.filesystem]
device = "{device}"
directory = "{directory}"
type = "ext4"
timeout = "180s"
monitor = "20s"
monitor_timeout = "60s"

[services.books.app]
command = [
    "{postgres}/postgres", "-D", "{directory}/data", "-p", "{port}", "-c", "listen_addresses=*"
]
user = "postgres"
stop_signal = "INT"
ready = "command:{postgres}/pg_isready --quiet --port={port} --host=/var/run/postgresql"
health = "command:{postgres}/pg_isready --quiet --port={port} --host=/var/run/postgresql"

[services.books.address]
ip = "{address}"
prefix = 24
"""


@pytest.fixture
def password(shop: Shop) -> Iterator[str]:
    """Of a new database on the mirror, which no node uses; its second half is a copy already."""
    lab = shop.rig
    for node in _NODES:
        shop.admin.types(node, "drbdadm", "up", _RESOURCE)
    lab.run("node1", "drbdadm", "wait-connect", _RESOURCE, check=True)
    shop.admin.types("node1", "drbdadm", "--", "--clear-bitmap", "new-current-uuid", _RESOURCE)
    shop.admin.types("node1", "drbdadm", "primary", _RESOURCE)
    password = fill(shop.admin, "node1", _DEVICE, _DIRECTORY)
    shop.admin.types("node1", "drbdadm", "secondary", _RESOURCE)
    for node in _NODES:
        shop.admin.types(node, "drbdadm", "down", _RESOURCE)
    yield password
    for node in _NODES:
        lab.run(node, "drbdadm", "down", _RESOURCE)


def _active(lab: LabRig, asked: str) -> str:
    """The node that runs the service."""
    services = cluster_status(lab, asked)["services"]
    [node] = next(each["nodes"] for each in services if each["id"] == "books")
    return str(node)


def _is_whole(lab: LabRig) -> bool:
    """Whether both halves have all data, and no constraint keeps one from being promoted."""
    states = [lab.run(node, "drbdadm", "dstate", _RESOURCE).stdout.strip() for node in _NODES]
    constraints = lab.run("node3", "cibadmin", "--query", "--scope", "constraints").stdout
    return states == ["UpToDate/UpToDate"] * 2 and "drbd-fence-by-handler" not in constraints


def test_the_other_half_takes_over_with_every_row(
    shop: Shop,
    password: str,
    apply: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a power failure of the primary no acknowledged row is lost, and the mirror is whole."""
    lab = shop.rig
    description = _BOOKS.format(
        resource=_RESOURCE,
        device=_DEVICE,
        directory=_DIRECTORY,
        postgres=postgres_programs(lab),
        port=_PORT,
        address=floating_address(1),
    )
    with measured("takeover apply: a service on a mirror"):
        apply(description, {})
    wait_until_whole(lab)
    monkeypatch.setenv("PGPORT", _PORT)
    with Client(lab, floating_address(1), password) as client:
        client.wait_until_served(0, _SERVED_LIMIT)
        assert eventually(lambda: _is_whole(lab), 300, 2.0)
        node = _active(lab, "node3")
        client.write_steadily(10)
        begin = time.monotonic()
        with powered_off(lab, node):
            client.wait_until_served(time.monotonic() + 5, _SERVED_LIMIT)
            note(
                "outage: power failure of a mirror's primary",
                f"{client.outage(begin, time.monotonic()):.1f} s",
            )
            assert _active(lab, "node3") != node
        with measured("power back, until both halves of the mirror are the same"):
            wait_until_whole(lab)
            assert eventually(lambda: _is_whole(lab), 600, 2.0)
        check = client.check(600)
        note("rows on the mirror", f"{check.acknowledged} acknowledged, {len(check.lost)} lost")
        assert check.acknowledged > 0
        assert check.lost == []
