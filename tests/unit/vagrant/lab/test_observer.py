"""Who has a LUN mounted, told by the nodes and by libvirt: what counts as twice."""

import threading
from pathlib import Path

import pytest

from vagrant.lab import place
from vagrant.lab.observer import GONE, Observer, report
from vagrant.lab.place import LabLayout, Place
from vagrant.lab.vagrant import machines_in


@pytest.fixture
def observer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observer:
    """An observer of a lab of two nodes that has no processes."""
    monkeypatch.setattr(place, "LABS", tmp_path)
    monkeypatch.setattr("vagrant.lab.observer._ANSWER_LIMIT", 5.0)
    (tmp_path / "a").mkdir()
    layout = LabLayout(
        name="a", purpose="lab", nodes=2, luns=2, lun_mib=64, release="bookworm", private=False
    )
    return Observer(Place("a"), layout)


def test_one_mount_after_the_other_is_right(observer: Observer) -> None:
    """The usual: it is written down where everybody sees it."""
    observer.told("node1", [1], 0)
    observer.told("node1", [], 0)
    observer.told("node2", [1, 2], 0)
    observer.judge()
    found = report(Place("a"))
    assert found["mounted"] == {"1": ["node2"], "2": ["node2"]}
    assert found["double_mounts"] == []
    assert found["observations"] == 3


def test_late_news_of_an_end_is_no_double_mount(observer: Observer) -> None:
    """Both are asked again, and the first one has let go meanwhile."""
    observer.told("node1", [1], 0)
    observer.told("node2", [1], 0)
    timer = threading.Timer(0.1, observer.told, ("node1", [], 1))
    timer.start()
    observer.judge()
    assert report(Place("a"))["double_mounts"] == []


def test_a_machine_that_is_gone_has_nothing_mounted(observer: Observer) -> None:
    """It cannot answer any more; libvirt tells that its memory is gone."""
    observer.told("node1", [1], 0)
    observer.told("node2", [1], 0)
    timer = threading.Timer(0.1, observer.gone, ("node1",))
    timer.start()
    observer.judge()
    assert report(Place("a"))["double_mounts"] == []
    assert report(Place("a"))["mounted"] == {"1": ["node2"]}


def test_what_both_confirm_is_a_double_mount(observer: Observer) -> None:
    """It counts once, however long it lasts."""
    observer.told("node1", [1], 0)
    observer.told("node2", [1], 0)
    threads = [
        threading.Timer(0.1, observer.told, (node, [1], number))
        for node in ("node1", "node2")
        for number in (1, 2)
    ]
    for thread in threads:
        thread.start()
    observer.judge()
    observer.judge()
    doubles = report(Place("a"))["double_mounts"]
    assert isinstance(doubles, list)
    assert [(each["lun"], each["nodes"]) for each in doubles] == [(1, ["node1", "node2"])]


@pytest.mark.parametrize(
    ("line", "machine"),
    [
        ("event 'reboot' for domain 'takeover_node1'", "node1"),
        ("event 'watchdog' for domain 'takeover_node2': reset", "node2"),
        ("event 'lifecycle' for domain 'takeover_node3': Stopped Destroyed", "node3"),
        ("event 'lifecycle' for domain 'takeover_node3': Stopped Shutdown", "node3"),
        ("event 'lifecycle' for domain 'takeover_node3': Suspended Paused", None),
        ("event 'lifecycle' for domain 'takeover_node3': Started Booted", None),
        ("event 'reboot' for domain 'other_node1'", None),
    ],
)
def test_events_after_which_a_machine_has_forgotten_all(line: str, machine: str | None) -> None:
    """As virsh writes them; a frozen machine has not."""
    found = GONE.search(line)
    assert (found and (found[1] or found[2])) == machine


def test_addresses_are_read_from_vagrant() -> None:
    """`vagrant ssh-config` has a block of lines for each machine."""
    said = (
        'Host node1\n  HostName 203.0.113.200\n  User vagrant\n  IdentityFile "/a b/key"\n\n'
        "Host storage\n  HostName 203.0.113.201\n  IdentityFile /key\n"
    )
    assert machines_in(said) == (
        {"node1": "203.0.113.200", "storage": "203.0.113.201"},
        {"node1": "/a b/key", "storage": "/key"},
    )
