"""What rig tests share: they need root, and take down every rig that they bring up."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.whole import Caretaker, damage_to_demo
from vagrant.demo.client import Client
from vagrant.demo.running import running_service, service_on
from vagrant.demo.shop import Administrator
from vagrant.kinds import KINDS, named
from vagrant.one_machine.rig import OneMachineRig
from vagrant.rig import Rig

RELEASES = ["bookworm", "trixie"]
#: How long pcs may wait for a resource that takes no time to start, in seconds.
_PCS_LIMIT = 60.0
_NONE = "none"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a release's cluster be tested alone, so that other processes can test the rest."""
    parser.addoption(
        "--release",
        choices=[*RELEASES, _NONE],
        help=f"Run the tests of this release's cluster; or those of no such cluster ({_NONE}).",
    )
    parser.addoption(
        "--kind", choices=KINDS, default=KINDS[0], help="Of what that cluster's machines are."
    )
    parser.addoption(
        "--rig",
        metavar="NAME",
        help="Use a rig of that kind and release that is up, without a cluster; leave it up.",
    )
    parser.addoption(
        "--campaign",
        action="store_true",
        help="Every test on both releases, also those that take long: hours.",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark everything here as a rig test, and skip it where it cannot run."""
    wanted = config.getoption("--release")
    one_machine = config.getoption("--kind") == KINDS[0]
    whole = config.getoption("--campaign") or not one_machine
    for item in list(items):
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.rig)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root: script/test rig gets it"))
            if not _is_run(item, wanted, whole=whole):
                items.remove(item)
            elif not one_machine:
                for needed in item.iter_markers("one_machine"):
                    item.add_marker(pytest.mark.skip(reason=needed.args[0]))


def _is_run(item: pytest.Item, wanted: str | None, *, whole: bool) -> bool:
    release = _release(item)
    if wanted and release != wanted:
        return False
    alone = item.get_closest_marker("alone")
    is_rare = item.get_closest_marker("campaign") or (alone and release != alone.args[0])
    return whole or not is_rare


def _release(item: pytest.Item) -> str:
    called = getattr(item, "callspec", None)
    return str(called.params.get("shop", _NONE)) if called else _NONE


@pytest.fixture
def new_rig() -> Iterator[Callable[[str], OneMachineRig]]:
    """Makes rigs by name, fresh, and takes them down afterwards."""
    rigs: list[OneMachineRig] = []

    def make(name: str) -> OneMachineRig:
        rig = OneMachineRig(name)
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

    @property
    def patience(self) -> float:
        """The factor for time limits: how much slower this rig is than real machines."""
        return self.rig.equipment.patience

    @property
    def pcs_waits(self) -> str:
        """The option with which pcs waits until a change of a resource is done."""
        return f"--wait={_PCS_LIMIT * self.patience:.0f}"

    @contextmanager
    def made_with_pcs(self, name: str, *options: str) -> Iterator[None]:
        """Have a resource that the administrator made and that does nothing, for a while."""
        try:
            self.make_with_pcs(name, *options)
            yield
        finally:
            self.admin.types("node1", "pcs", "resource", "delete", name)

    def make_with_pcs(self, name: str, *options: str) -> None:
        """Have the administrator make a resource that does nothing, and wait until it runs."""
        dummy = ("pcs", "resource", "create", name, "ocf:heartbeat:Dummy", *options)
        self.admin.types("node1", *dummy, self.pcs_waits)


@pytest.fixture(scope="session", params=RELEASES)
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A cluster of three nodes that runs the service, on Pacemaker 2.1 and on 3.0."""
    kind = request.config.getoption("--kind")
    name = request.config.getoption("--rig")
    if name:
        service = service_on(named(kind, name), print)
    else:
        name = f"test-shop-{request.param}"
        service = running_service(name, request.param, print, luns=2, kind=kind, witness=True)
    with service as running:
        yield Shop(*running)


@pytest.fixture(scope="session")
def caretaker(shop: Shop) -> Caretaker:
    """Return who looks after the cluster between the tests."""
    return Caretaker(partial(damage_to_demo, shop.rig), shop.patience)


@pytest.fixture(autouse=True)
def whole(request: pytest.FixtureRequest) -> Iterator[None]:
    """Begin each test on a cluster that is whole, and put right whatever the test has broken."""
    if "shop" not in request.fixturenames:
        yield
        return
    caretaker: Caretaker = request.getfixturevalue("caretaker")
    with caretaker.around(request.node.nodeid):
        yield
