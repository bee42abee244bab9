"""The test cases that resource-agents has for Filesystem, run against our agent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.rig.on_host.conftest import Node, run
from tests.rig.on_host.disks import image, loop, no_other_attaches
from tests.rig.on_host.ocft import run_ocft

# By name, with what our agent does instead; docs/ocft.md says why.
DIFFERENT = {"check base env: invalid 'OCF_RESKEY_device'": "OCF_ERR_GENERIC"}


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[None]:
    """Another test, that wants a loop device as soon as the cases have got the first one."""
    disk, ended = image(tmp_path / "neighbour.img"), threading.Event()

    def take() -> None:
        while not (_cases_have_a_disk() or ended.is_set()):
            time.sleep(0.01)
        while not ended.is_set():
            with loop(disk):
                time.sleep(0.01)

    with ThreadPoolExecutor() as pool:
        taking = pool.submit(take)
        yield
        ended.set()
        taking.result()  # it has neither lost its device nor died


def _cases_have_a_disk() -> bool:
    return "ocft" in run("losetup", "--list", "--noheadings", "--output", "BACK-FILE").stdout


@pytest.mark.usefixtures("neighbour")
def test_the_stock_agents_own_cases(node: Node, tmp_path: Path) -> None:
    """Each case passes, but for those of which docs/ocft.md says why ours is right."""
    (tmp_path / "ocft").mkdir()
    agent = node.agent("filesystem")
    with no_other_attaches():  # one case takes the disk off its device for a while
        cases = run_ocft(node, "Filesystem", agent=agent, replace={}, folder=tmp_path / "ocft")
    assert len(cases) == 14
    failed = {case.name: case.output for case in cases if not case.passed}
    assert set(failed) == set(DIFFERENT), failed
    assert all(DIFFERENT[name] in output for name, output in failed.items()), failed
