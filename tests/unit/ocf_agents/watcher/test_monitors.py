"""The monitor is the safety net: whatever the watcher finds, a level of it finds, too.

Here is, for each kind of watch and each thing that it says, the test that shows it. A new kind, and
a new sentence of an old one, make this module fail until there is such a test.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from ocf_agents.watcher import watches
from ocf_agents.watcher.watches import KINDS

TESTS = Path(__file__).parents[3]
ON_HOST = "rig/on_host"

#: By the kind, and by a part of what it says: the file of a test, and its name.
FOUND = {
    ("process", "has ended"): (
        "unit/ocf_agents/test_app.py",
        "test_a_zombie_is_dead",
    ),
    ("address", "another host already uses"): (
        f"{ON_HOST}/test_ip_watches.py",
        "test_an_address_of_another_host_is_found_by_both",
    ),
    ("address", "was removed from its interface"): (
        f"{ON_HOST}/test_ip_watches.py",
        "test_the_monitor_finds_what_the_watch_finds",
    ),
    ("link", "has vanished"): (
        f"{ON_HOST}/test_ip_watches.py",
        "test_the_monitor_finds_what_the_watch_finds",
    ),
    ("link", "is down"): (
        f"{ON_HOST}/test_ip_watches.py",
        "test_the_monitor_finds_what_the_watch_finds",
    ),
    ("mount", "is not mounted any more"): (
        f"{ON_HOST}/test_filesystem.py",
        "test_the_life_of_a_filesystem",
    ),
    ("mount", "another device"): (
        f"{ON_HOST}/test_filesystem_stock_faults.py",
        "test_another_device_on_the_mount_point",
    ),
    ("mount", "has become read-only"): (
        f"{ON_HOST}/test_filesystem_stock_faults.py",
        "test_a_filesystem_that_became_read_only",
    ),
    ("mount", "was shut down by XFS"): (
        f"{ON_HOST}/test_filesystem_kernel.py",
        "test_an_xfs_that_has_shut_itself_down",
    ),
    ("device", "is {state}"): (
        f"{ON_HOST}/test_filesystem_kernel.py",
        "test_a_disk_that_the_kernel_has_given_up_is_found_by_monitor_and_watch",
    ),
    ("device", "has vanished"): (
        "unit/ocf_agents/test_filesystem.py",
        "test_a_disk_that_the_node_has_lost_fails_the_monitor",
    ),
}
#: What a watch may say, as it is in the source.
SENTENCE = re.compile(r"""f?"([^"]*(?:\{[^}]*\}[^"]*)*)\"""")


def sentences(kind: str) -> list[str]:
    """Return what a kind of watch can say, from its source."""
    made = KINDS[kind]
    source = inspect.getsource(made) if inspect.isclass(made) else ""
    said = [text for text in SENTENCE.findall(source) if " " in text.strip("{}")]
    return [s for s in said if re.search(r"\b(is|was|has|uses)\b", s) and "{" in s]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_watch_has_a_test_of_the_monitor(kind: str) -> None:
    """At least one; see above."""
    assert any(known == kind for known, _ in FOUND), f"{kind}: which monitor finds the same?"


@pytest.mark.parametrize(("kind", "part"), FOUND, ids=" ".join)
def test_what_a_watch_says_is_what_a_monitor_finds(kind: str, part: str) -> None:
    """The watch says it, and the test of the monitor is there."""
    assert any(part in sentence for sentence in sentences(kind))
    file, name = FOUND[kind, part]
    assert f"\ndef {name}(" in (TESTS / file).read_text()


def test_nothing_that_a_watch_says_is_without_a_monitor() -> None:
    """A watch that learns to find something new is not alone with it."""
    missing = [
        (kind, sentence)
        for kind in KINDS
        for sentence in sentences(kind)
        if "neither" not in sentence
        and not any(kind == other and part in sentence for other, part in FOUND)
    ]
    assert missing == []
    assert watches.KINDS is KINDS
