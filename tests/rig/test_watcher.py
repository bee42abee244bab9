"""Failures are noticed when they happen, on a real cluster; without the watcher by the monitor.

`TAKEOVER_ROUNDS` sets how often each failure happens; `bench/failure_detection.py` has the figures.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from bench.failure_detection import Measured, inflict
from bench.failures import (
    FAILURES,
    Failure,
    equipped,
    forget_failures,
    node_of,
    set_watching,
)
from bench.visitor import Visitor
from tests.rig.conftest import Shop
from vagrant.common.waiting import eventually
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import cluster_status

pytestmark = pytest.mark.one_machine("it breaks the machine's own disks by their loop devices")
ROUNDS = int(os.environ.get("TAKEOVER_ROUNDS", "1"))
ATTEMPTS = 3
CYCLES = int(os.environ.get("TAKEOVER_CYCLES", "1"))
FOLDER = "/run/resource-agents/takeover-watch"
UNIT = "takeover-watcher"
#: Far less than the monitor's interval of 10 s, and far more than it takes on a machine with time.
SOON = 5.0
#: A monitor's interval, and what a busy machine takes on top.
LIMIT = 60.0


@pytest.fixture(scope="module")
def watched(shop: Shop) -> Iterator[Shop]:
    """Return the shop, on nodes with a kernel's log and an interface that may go down."""
    with equipped(shop.admin):
        yield shop
    wait_until_whole(shop.rig)


@pytest.fixture
def unwatched(watched: Shop) -> Iterator[Shop]:
    """Return the shop without watching."""
    set_watching(watched.admin, on=False)
    yield watched
    set_watching(watched.admin, on=True)


def names(failures: list[Failure]) -> list[str]:
    return [failure.name for failure in failures]


@pytest.mark.parametrize("failure", FAILURES, ids=names(FAILURES))
def test_a_failure_is_told_when_it_happens(watched: Shop, failure: Failure) -> None:
    """Long before the next monitor; status says what was seen, and no row is lost."""
    found = []
    with Visitor(watched.rig) as visitor:
        for _ in range(ROUNDS):
            node, measured = _seen_by_watcher(failure, watched, visitor)
            found.append(measured)
            status = cluster_status(watched.rig, watched.rig.layout.node_names[-1])
            # If it cannot be started there again, that is what its last failure is.
            reasons = [
                each["reason"]
                for each in status["failures"]
                if (each["resource"], each["node"]) == (failure.resource, node)
            ]
            assert len(reasons) == 1
            assert failure.reason in reasons[0]
            forget_failures(watched.admin)
    assert statistics.median(each.told_s for each in found) < SOON
    assert statistics.median(each.reaction_s for each in found) < SOON
    watched.client.wait_until_served(time.monotonic(), LIMIT)
    assert watched.client.check().lost == []


def _seen_by_watcher(failure: Failure, watched: Shop, visitor: Visitor) -> tuple[str, Measured]:
    """Have a failure happen; again if one of the monitors, every 10 s, has found it, too.

    Returns the node where it happened, and what became of it.
    """
    for _ in range(ATTEMPTS):
        node = node_of(watched.rig, failure.resource)
        measured = inflict(failure, watched.admin, visitor)
        print(measured)
        if measured.by == "watcher":
            return node, measured
        forget_failures(watched.admin)
    pytest.fail(f"the monitor was at it, too, {ATTEMPTS} times")


def test_without_it_the_monitor_finds_the_same(unwatched: Shop) -> None:
    """A watcher that is turned off is only a return to polling."""
    with Visitor(unwatched.rig) as visitor:
        for failure in FAILURES:
            measured = inflict(failure, unwatched.admin, visitor)
            print(failure.name, measured)
            assert measured.by == "monitor"
            forget_failures(unwatched.admin)
    unwatched.client.wait_until_served(time.monotonic(), LIMIT)
    assert unwatched.client.check().lost == []


def test_watching_is_turned_off_and_on_without_a_restart(watched: Shop) -> None:
    """A changed `watch` is a reload: the same server goes on."""
    node = node_of(watched.rig, "shop-app")
    before = _postgres(watched, node)
    assert "shop-app.watch" in _registrations(watched, node)
    set_watching(watched.admin, on=False)
    assert eventually(lambda: _registrations(watched, node) == ["lock", "socket"], LIMIT)
    set_watching(watched.admin, on=True)
    assert eventually(lambda: "shop-app.watch" in _registrations(watched, node), LIMIT)
    assert _postgres(watched, node) == before


def test_a_watcher_that_ends_comes_back(watched: Shop) -> None:
    """Killed, systemd starts it again; stopped, the next monitor does."""
    node = node_of(watched.rig, "shop-app")
    for command in (("kill", "--signal=KILL"), ("stop",)):
        assert eventually(lambda: _watcher(watched, node) != "0", LIMIT)
        ended = _watcher(watched, node)
        watched.rig.run(node, "systemctl", *command, UNIT, check=True)
        runs_anew = partial(_is_another_watcher, watched, node, ended)
        assert eventually(runs_anew, LIMIT, pause=0.2)
    failures = cluster_status(watched.rig, node)["failures"]
    assert failures == []


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep the machine's processors busy, as long as the `with` block lasts."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_no_false_alarm(watched: Shop) -> None:
    """Restarts, moves and reloads on a busy machine are no failures: none is told or counted."""
    began = time.time()
    with load(os.cpu_count() or 1):
        for _ in range(CYCLES):
            node = node_of(watched.rig, "shop-app")
            for command in (
                ("pcs", "resource", "disable", "shop", f"--wait={LIMIT:.0f}"),
                ("pcs", "resource", "enable", "shop", f"--wait={LIMIT:.0f}"),
                ("pcs", "node", "standby", node, f"--wait={LIMIT:.0f}"),
                ("pcs", "node", "unstandby", node, f"--wait={LIMIT:.0f}"),
                ("pcs", "resource", "update", "shop-app", "watch=1"),
                ("pcs", "resource", "update", "shop-app", "watch=true"),
            ):
                watched.admin.types(node, *command)
            wait_until_whole(watched.rig)
    for node in watched.rig.layout.node_names:
        assert cluster_status(watched.rig, node)["failures"] == []
        journal = ("journalctl", f"--unit={UNIT}", f"--since=@{began:.0f}", "--no-pager")
        assert "told Pacemaker" not in watched.rig.run(node, *journal).stdout
        counts = watched.rig.run(node, "crm_failcount", "--query", "--resource=shop-app")
        assert "value=0" in counts.stdout


def _registrations(shop: Shop, node: str) -> list[str]:
    return sorted(shop.rig.run(node, "ls", FOLDER).stdout.split())


def _watcher(shop: Shop, node: str) -> str:
    """Return the process of a node's watcher, "0" if there is none."""
    show = ("systemctl", "show", "--property=MainPID", "--value", UNIT)
    return shop.rig.run(node, *show).stdout.strip()


def _is_another_watcher(shop: Shop, node: str, ended: str) -> bool:
    return _watcher(shop, node) not in ("0", ended)


def _postgres(shop: Shop, node: str) -> str:
    return shop.rig.run(node, "head", "-1", "/srv/shop/data/postmaster.pid", check=True).stdout
