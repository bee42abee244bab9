"""What the tests on virtual machines share: one lab, one cluster in it, and what was measured."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from vagrant.demo.client import Client
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import (
    DESCRIPTION,
    Administrator,
    create_cluster,
    create_database,
    prepare_nodes,
)
from vagrant.lab.rig import LabRig
from vagrant.one_machine.layout import floating_address

#: One boot, one cluster, on processors that are emulated: in seconds.
_SERVED_LIMIT = 300.0
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
    """The demo's service at work. Tests leave it whole: all nodes members, the service running."""
    say: Callable[[str, str], None] = lambda node, line: print(f"{node}# {line}")  # noqa: E731
    admin = Administrator(lab, say, print)
    first = lab.layout.node_names[0]
    prepare_nodes(admin)
    with measured("a database on the shared disk"):
        password = create_database(admin, first)
    with measured("takeover cluster create (pcs cluster setup, SBD) and apply"):
        create_cluster(admin, first)
    wait_until_whole(lab)
    with Client(lab, floating_address(), password) as client:
        client.wait_until_served(0, _SERVED_LIMIT)
        yield Shop(admin, client, lab)
