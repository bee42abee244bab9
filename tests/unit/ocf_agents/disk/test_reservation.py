"""SCSI-3 persistent reservations, against a stand-in for sg_persist that follows SPC-4."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocf_agents.disk.reservation import Reservation, key, paths
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import AgentError, Deadline
from tests.unit.fakes import sg_persist

SIMULATOR = sg_persist.__file__
OWN, OTHER = key("", "node-a"), key("", "node-b")
PATHS = ["/dev/sda", "/dev/sdb"]
EXCLUSIVE, REGISTRANTS_ONLY = 1, 5


class Unit:
    """A logical unit, and what was asked of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        start: dict[str, Any] = {"keys": {}, "held": None, "aptpl": True, "fail": {}, "calls": []}
        path.write_bytes(marshal.dumps(start))

    def set(self, **values: object) -> None:
        """Change what the unit knows."""
        self._path.write_bytes(marshal.dumps({**self.get(), **values}))

    def get(self) -> dict[str, Any]:
        """Return what the unit knows."""
        found: dict[str, Any] = marshal.loads(self._path.read_bytes())
        return found

    @property
    def keys(self) -> dict[str, str]:
        """The registered keys, by nexus."""
        return {nexus: held.rjust(16, "0") for nexus, held in self.get()["keys"].items()}


@pytest.fixture
def unit(tmp_path: Path, programs: Callable[[str, str], Path]) -> Unit:
    state = tmp_path / "unit"
    programs("sg_persist", f'exec {sys.executable} -IS {SIMULATOR} {state} "$@"')
    return Unit(state)


def reservation(devices: list[str] = PATHS, seconds: float = 20) -> Reservation:
    return Reservation(OWN, devices, Deadline(seconds))


def test_each_path_is_registered_and_the_disk_reserved(unit: Unit) -> None:
    """Register on all paths, then reserve with type 5; again is no change; release leaves none."""
    for _ in range(2):
        reservation().take()
        assert unit.keys == {"/dev/sda": OWN, "/dev/sdb": OWN}
        assert unit.get()["held"] == ["/dev/sda", OWN, REGISTRANTS_ONLY]
    reservation().check()
    for _ in range(2):
        reservation().release()
        assert (unit.keys, unit.get()["held"]) == ({}, None)


@pytest.mark.parametrize("kind", [EXCLUSIVE, REGISTRANTS_ONLY])
def test_the_old_holder_is_preempted(unit: Unit, kind: int) -> None:
    """Reservation and all registrations of another node go, so that it cannot write any more."""
    unit.set(keys={"b1": OTHER, "b2": OTHER, "c": "abc"}, held=["b1", OTHER, kind])
    reservation().take()
    assert set(unit.keys.values()) == {OWN}
    assert unit.get()["held"] == ["/dev/sda", OWN, REGISTRANTS_ONLY]
    preempted = [call for call in unit.get()["calls"] if "--preempt-abort" in call]
    assert all(f"--param-rk={OWN} --prout-type=5" in call for call in preempted)
    assert [call.split("--param-sark=")[1].split()[0] for call in preempted] == [
        OTHER,
        "abc".rjust(16, "0"),
    ]


def test_a_registration_without_a_reservation_is_preempted_too(unit: Unit) -> None:
    """Registrants may write under type 5: nobody but this node may be one."""
    unit.set(keys={"b1": OTHER})
    reservation().take()
    assert set(unit.keys.values()) == {OWN}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"held": ["b", OTHER, 5]}, f"held by 0x{OTHER} \\(Write Exclusive, registrants only\\)"),
        ({"held": ["/dev/sda", OWN, 1]}, "\\(Write Exclusive\\), not by this node"),
        ({"held": None}, "held by nobody, not by this node"),
        ({"keys": {"/dev/sda": OWN, "b": "abc"}}, "the key 0x0000000000000abc, not this node's"),
    ],
)
def test_a_lost_reservation_is_noticed(unit: Unit, change: dict[str, Any], reason: str) -> None:
    """The check fails if another holds it, the type is wrong, or another may write."""
    reservation().take()
    unit.set(**change)
    with pytest.raises(AgentError, match=reason):
        reservation().check()


def test_a_path_that_has_come_back_is_registered(unit: Unit) -> None:
    """A path that was dead at the start is no failure, and the check registers it later."""
    unit.set(fail={"/dev/sda": [15, 15]})
    reservation().take()
    assert unit.keys == {"/dev/sdb": OWN}
    reservation().check()
    assert unit.keys == {"/dev/sdb": OWN, "/dev/sda": OWN}


def test_a_check_asks_the_next_path_if_one_is_dead(unit: Unit) -> None:
    """One dead path of two is not the disk's failure; both are."""
    reservation().take()
    unit.set(fail={"/dev/sda": [15]})
    reservation().check()
    unit.set(fail={path: [15] for path in PATHS})
    with pytest.raises(AgentError, match=r"\(sg_persist --read-reservation /dev/sdb failed with"):
        reservation().check()


def test_a_unit_attention_is_asked_again(unit: Unit) -> None:
    """The first command after a reset or preemption is not executed: exit 6, and then it is."""
    unit.set(fail={"/dev/sda": [6, 6]})
    reservation(["/dev/sda"]).take()
    assert unit.keys == {"/dev/sda": OWN}


def test_a_disk_without_power_loss_persistence_is_reserved(unit: Unit) -> None:
    """APTPL is optional: a disk that refuses it (exit 5) is registered without."""
    unit.set(aptpl=False)
    reservation().take()
    assert unit.keys == {"/dev/sda": OWN, "/dev/sdb": OWN}


def test_a_disk_without_reservations_is_refused(unit: Unit) -> None:
    """A disk that knows no persistent reservations (exit 9) fails the start with what was tried."""
    unit.set(fail={path: [9] for path in PATHS})
    with pytest.raises(AgentError, match="sg_persist --register-ignore /dev/sdb failed with 9"):
        reservation().take()


def test_a_path_that_hangs_does_not_use_up_the_time(
    programs: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command has a limit of its own."""
    monkeypatch.setattr("ocf_agents.disk.reservation.COMMAND", 0.2)
    programs("sg_persist", "exec /bin/sleep 60")
    deadline = Deadline(20)
    with pytest.raises(AgentError, match="did not finish in time"):
        Reservation(OWN, PATHS, deadline).take()
    assert deadline.left() > 15


def test_the_release_touches_no_other_nodes_registration(unit: Unit) -> None:
    """A stop on a node that has nothing leaves the holder alone."""
    unit.set(keys={"b": OTHER}, held=["b", OTHER, 5])
    reservation().release()
    assert unit.keys == {"b": OTHER}
    assert unit.get()["held"] == ["b", OTHER, 5]


def test_every_node_has_its_own_key() -> None:
    """The second half is the node's, whatever the parameter says, and the same each time."""
    keys = {key(prefix, node) for prefix in ("", "1a") for node in ("node-a", "node-b")}
    assert len(keys) == 4
    assert all(len(each) == 16 and int(each, 16) for each in keys)
    assert key("1A", "node-a").startswith("0000001a")


def test_the_paths_of_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition is its disk's, a multipath map or volume that of all disks below it."""
    monkeypatch.setattr(mountinfo, "SYSFS", str(tmp_path))
    numbers = {"dm-1": "253:1", "dm-0": "253:0", "sda1": "8:1", "sdb": "8:16"}
    devices = tmp_path / "devices"
    for path in ("sda/sda1", "sdb", "sdc", "dm-0/slaves", "dm-1/slaves"):
        (devices / path).mkdir(parents=True)
    (devices / "sda/sda1/partition").touch()
    for name in ("sdb", "sdc"):
        (devices / "dm-0/slaves" / name).symlink_to(devices / name)
    (devices / "dm-1/slaves/dm-0").symlink_to(devices / "dm-0")
    (devices / "dm-1/slaves/sda1").symlink_to(devices / "sda/sda1")
    (tmp_path / "dev/block").mkdir(parents=True)
    for name, number in numbers.items():
        [folder] = [path for path in devices.rglob(name) if not path.is_symlink()]
        (tmp_path / "dev/block" / number).symlink_to(folder)
    assert paths("8:16") == ["/dev/sdb"]
    assert paths("8:1") == ["/dev/sda"]
    assert paths("253:0") == ["/dev/sdb", "/dev/sdc"]
    assert paths("253:1") == ["/dev/sda", "/dev/sdb", "/dev/sdc"]
