"""A test that breaks a cluster leaves it whole: with a rig that is none, and a cluster in XML."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.breaking import broken_fencing, cut_off, powered_off
from tests.unit.fakes.rig import FakeRig
from tests.whole import Caretaker, NotWholeError, damage_to_cluster
from vagrant.common.errors import RigError

FAST = 0.005


@pytest.fixture
def rig() -> FakeRig:
    return FakeRig()


def _caretaker(rig: FakeRig, limit: float = 5.0) -> Caretaker:
    find = partial(damage_to_cluster, rig, "shop", rig.restore)  # type: ignore[arg-type]
    return Caretaker(find, limit=limit, pause=FAST)


def _broken(rig: FakeRig) -> list[str]:
    return [each.what for each in damage_to_cluster(rig, "shop", rig.restore)]  # type: ignore[arg-type]


def _break_everything(rig: FakeRig) -> None:
    rig.cut("node1")
    rig.set_fencing("node2", works=False)
    rig.power("node3", "off")
    rig.stopped.add("node2")
    rig.standby.add("node1")
    rig.maintenance.add("node3")
    rig.properties["maintenance-mode"] = "true"
    rig.meta |= {"target-role", "is-managed"}
    rig.failures.append("shop-app_monitor_10000")
    rig.configured = False


def test_a_whole_cluster_is_left_alone(rig: FakeRig) -> None:
    """Nothing is done to it, and nobody is warned."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with _caretaker(rig).around("test_one"):
            assert rig.orders == []
    assert rig.orders == []


def test_a_test_that_fails_midway_leaves_everything_put_right(rig: FakeRig) -> None:
    """Its own failure is what is told, and who has left what is in a warning."""
    with (
        pytest.warns(
            UserWarning, match="after test_one: .*node1 is cut off from link0, link1"
        ) as told,
        pytest.raises(ZeroDivisionError),
        _caretaker(rig).around("test_one"),
    ):
        _break_everything(rig)
        assert 1 / 0
    assert _broken(rig) == []
    assert "the power switch of node2 refuses" in str(told[0].message)
    assert "the power of node3 is off" in str(told[0].message)


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda rig: rig.stopped.add("node2"), "no cluster runs on node2"),
        (lambda rig: rig.standby.add("node1"), "node1 is in standby"),
        (lambda rig: rig.maintenance.add("node3"), "node3 is in maintenance"),
        (lambda rig: rig.meta.add("target-role"), "shop-app is disabled"),
        (lambda rig: rig.meta.add("is-managed"), "shop-app is not managed"),
        (lambda rig: setattr(rig, "configured", False), "the service shop is not configured"),
        (
            lambda rig: rig.properties.update({"maintenance-mode": "true"}),
            "the property maintenance-mode is true",
        ),
    ],
)
def test_each_damage_is_named_and_put_right(
    rig: FakeRig, spoil: Callable[[FakeRig], object], what: str
) -> None:
    """Whoever reads the warning knows what the test has left."""
    spoil(rig)
    assert what in _broken(rig)
    with pytest.warns(UserWarning, match=what):
        _caretaker(rig).put_right("after test_one")
    assert _broken(rig) == []


def test_a_cluster_that_is_starting_is_waited_for(rig: FakeRig) -> None:
    """Its node answers before it has a configuration; nothing is done to it."""
    rig.starting.add("node1")
    assert _broken(rig) == ["the cluster is starting on node1"]
    rig.starting.add("node1")
    _caretaker(rig).put_right("after test_one")
    assert rig.orders == []


def test_the_next_test_begins_on_a_whole_cluster(rig: FakeRig) -> None:
    """What happened since the last test is found before the next one begins, and put right."""
    caretaker = _caretaker(rig)
    with caretaker.around("test_one"):
        pass
    rig.power("node2", "off")
    with (
        pytest.warns(
            UserWarning, match="after test_one, and so before test_two: the power of node2"
        ),
        caretaker.around("test_two"),
    ):
        assert _broken(rig) == []


def test_a_record_of_a_failure_goes_without_a_warning(rig: FakeRig) -> None:
    """A test that makes something fail leaves it behind, and does nothing wrong with that."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with _caretaker(rig).around("test_one"):
            rig.failures.append("shop-app_monitor_10000")
    assert _broken(rig) == []


def test_what_cannot_be_repaired_is_named_in_time(rig: FakeRig) -> None:
    """A switch that is stuck ends the test after the limit, and the next one sooner."""
    rig.instead["power node2 on"] = lambda: None
    caretaker = _caretaker(rig, limit=0.2)
    begin = time.monotonic()
    with (
        pytest.raises(NotWholeError, match=r"after 0 s of repair:\n- the power of node2 is off$"),
        caretaker.around("test_one"),
    ):
        rig.power("node2", "off")
        rig.cut("node3")
    assert time.monotonic() - begin < 5
    assert rig.cut_links == {}, "what can be put right is put right"
    assert rig.orders.count("power node2 on") == 1, "not again and again"
    with (
        pytest.raises(NotWholeError, match="after test_one, and so before test_two"),
        caretaker.around("test_two"),
    ):
        pytest.fail("a test must not begin on this cluster")


def test_a_repair_that_fails_is_told(rig: FakeRig) -> None:
    """With its error, in the message that names the damage."""

    def refuse() -> None:
        raise RigError("the switch is on fire")

    rig.instead["power node2 on"] = refuse
    rig.power("node2", "off")
    with pytest.raises(NotWholeError, match=r"is off \(its repair failed: the switch is on fire"):
        _caretaker(rig, limit=0.05).put_right("after test_one")


def test_a_node_that_does_not_come_back_is_reset(rig: FakeRig) -> None:
    """When half of the time is over, and only once."""
    rig.unclean.add("node2")
    _caretaker(rig, limit=0.4).put_right("after test_one")
    assert _broken(rig) == []
    assert rig.orders == ["power node2 reset"]


def test_a_rig_that_does_not_answer_is_told() -> None:
    """Nobody waits for it longer than for any other damage."""

    def find() -> list[Any]:
        raise RigError("the controller has ended")

    with pytest.raises(NotWholeError, match="does not answer: the controller has ended"):
        Caretaker(find, limit=0.05, pause=FAST).put_right("after test_one")


@pytest.mark.parametrize(
    ("breaking", "broken"),
    [
        (lambda rig: broken_fencing(rig, "node1", "node2"), "the power switch of node2 refuses"),
        (lambda rig: cut_off(rig, "node1"), "node1 is cut off from link0, link1"),
        (lambda rig: powered_off(rig, "node2", "node3"), "the power of node3 is off"),
    ],
)
def test_what_is_broken_for_a_while_is_undone(
    rig: FakeRig, breaking: Callable[[FakeRig], Any], broken: str
) -> None:
    """Whatever happens in the block."""
    with pytest.raises(ZeroDivisionError), breaking(rig):
        assert broken in _broken(rig)
        assert 1 / 0
    assert _broken(rig) == []


def test_what_was_half_broken_is_undone(rig: FakeRig) -> None:
    """The first node has its power again when the second one's could not be switched off."""

    def refuse() -> None:
        raise RigError("stuck")

    rig.instead["power node2 off"] = refuse
    with pytest.raises(RigError, match="stuck"), powered_off(rig, "node1", "node2"):  # type: ignore[arg-type]
        pytest.fail("nothing begins")
    assert _broken(rig) == []
