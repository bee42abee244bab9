"""What rig tests share: they need root, and take down every rig that they bring up."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from vagrant.demo.client import Client
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import Administrator, create_cluster, create_database, prepare_nodes
from vagrant.one_machine.layout import floating_address
from vagrant.one_machine.rig import Rig

RELEASES = ["bookworm", "trixie"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a release's cluster be tested alone, so that another process can test the other's."""
    parser.addoption(
        "--release",
        choices=RELEASES,
        help="Run the tests of this release's cluster; the first one has those of none, too.",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark everything here as a rig test, and skip it where it cannot run."""
    wanted = config.getoption("--release")
    for item in list(items):
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.rig)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root: script/test rig gets it"))
            if wanted and _release(item) != wanted:
                items.remove(item)


def _release(item: pytest.Item) -> str:
    called = getattr(item, "callspec", None)
    return str(called.params.get("shop", RELEASES[0])) if called else RELEASES[0]


@pytest.fixture
def new_rig() -> Iterator[Callable[[str], Rig]]:
    """Makes rigs by name, fresh, and takes them down afterwards."""
    rigs: list[Rig] = []

    def make(name: str) -> Rig:
        rig = Rig(name)
        rig.down()
        rigs.append(rig)
        return rig

    yield make
    for rig in rigs:
        rig.down()


@dataclass(frozen=True)
class Shop:
    """The demo's service on its cluster, and somebody who uses it."""

    admin: Administrator
    client: Client

    @property
    def rig(self) -> Rig:
        """The rig that it runs on."""
        return self.admin.rig


@pytest.fixture(scope="session", params=RELEASES)
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A cluster of three nodes that runs the service, on Pacemaker 2.1 and on 3.0.

    Tests leave it whole: every node a member, the service running.
    """
    rig = Rig(f"test-shop-{request.param}")
    rig.down()
    try:
        rig.up(release=request.param, luns=2, say=print)
        admin = Administrator(rig, lambda node, line: print(f"{node}# {line}"), print)
        prepare_nodes(admin)
        password = create_database(admin, "node1")
        create_cluster(admin, "node1")
        wait_until_whole(rig)
        with Client(rig, floating_address(), password) as client:
            client.wait_until_served(0, 60)
            yield Shop(admin, client)
    finally:
        rig.down()
