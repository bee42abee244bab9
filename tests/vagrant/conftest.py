"""What the tests on virtual machines share: one lab, one cluster in it, and what was measured."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from tests.whole import Caretaker, damage_to_demo, damage_to_machines
from vagrant.demo.client import Client
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.running import service_on
from vagrant.demo.shop import Administrator
from vagrant.description import DESCRIPTION
from vagrant.lab.rig import LabRig

_MORE = "/root/more.toml"

_figures: list[tuple[str, str]] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a lab that is up already be used, and left up."""
    parser.addoption("--lab", metavar="NAME", help="Use the lab of this name, and leave it up.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what needs no cluster: where that fails, nothing else can work."""
    for item in items:
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root: script/vagrant-lab test gets it"))
    items.sort(key=lambda item: "shop" in getattr(item, "fixturenames", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was measured."""
    if _figures:
        terminalreporter.section("measured")
        for name, value in _figures:
            terminalreporter.write_line(f"{name:58} {value}")


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Measure how long the block takes, for the summary."""
    begin = time.monotonic()
    yield
    note(what, f"{time.monotonic() - begin:.0f} s")


def note(what: str, value: str) -> None:
    """Keep a figure for the summary."""
    _figures.append((what, value))
    print(f"{what}: {value}")


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[LabRig]:
    """Three nodes and an iSCSI target with two data disks and SBD's."""
    name = request.config.getoption("--lab")
    if name:
        yield LabRig(name)
        return
    rig = LabRig("test")
    rig.down()
    try:
        with measured("lab up: four virtual machines, booted and provisioned"):
            rig.up(luns=2, say=print)
        yield rig
    finally:
        with measured("lab down"):
            rig.down()


@dataclass(frozen=True)
class Shop:
    """The demo's service on the lab's cluster, and somebody who uses it."""

    admin: Administrator
    client: Client
    rig: LabRig


@pytest.fixture(scope="session")
def caretakers() -> dict[str, Caretaker]:
    """Return who looks after the lab and after its cluster between the tests, once there is one."""
    return {}


@pytest.fixture(autouse=True)
def whole(request: pytest.FixtureRequest, caretakers: dict[str, Caretaker]) -> Iterator[None]:
    """Begin each test on a lab that is whole, and put right whatever the test has broken."""
    needed = next((each for each in ("shop", "lab") if each in request.fixturenames), None)
    if needed is None:
        yield
        return
    if needed not in caretakers:
        lab: LabRig = request.getfixturevalue("lab")
        find = damage_to_demo if needed == "shop" else damage_to_machines
        caretakers[needed] = Caretaker(partial(find, lab), lab.equipment.patience)
    with caretakers[needed].around(request.node.nodeid):
        yield


@pytest.fixture
def apply(shop: "Shop") -> Iterator[Callable[..., None]]:
    """Applies the demo's description with changes and more at its end; the demo's alone at last."""
    text = shop.rig.run("node1", "cat", DESCRIPTION, check=True).stdout

    def apply(more: str, changes: dict[str, str]) -> None:
        changed = text
        for old, new in changes.items():
            assert old in changed
            changed = changed.replace(old, new)
        shop.rig.write("node1", _MORE, changed + more)
        shop.admin.types("node1", "takeover", "apply", _MORE)

    yield apply
    wait_until_whole(shop.rig)
    shop.admin.types("node1", "takeover", "apply", DESCRIPTION)
    wait_until_whole(shop.rig)


@pytest.fixture(scope="session")
def shop(lab: LabRig) -> Iterator[Shop]:
    """The demo's service at work."""
    with ExitStack() as stack:
        with measured("a database, takeover cluster create (pcs cluster setup), apply"):
            admin, client = stack.enter_context(service_on(lab, print))
        yield Shop(admin, client, lab)
