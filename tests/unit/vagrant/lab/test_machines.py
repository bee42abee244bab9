"""Power and cables of virtual machines: virsh is a script here that keeps what it was told."""

import os
from pathlib import Path

import pytest

from vagrant.common.errors import RigError
from vagrant.common.networks import CLUSTER_LINKS, Link
from vagrant.lab import place
from vagrant.lab.machines import Machines
from vagrant.lab.place import LabLayout, Place
from vagrant.lab.rig import LabRig

_VIRSH = r"""#!/bin/sh
shift 2
echo "$@" >> {log}
case "$*" in
domstate*) cat {state} ;;
dumpxml*)
    echo '<domain><devices>'
    for card in management:01 link0:02 link1:03 storage:04; do
        echo "<interface type='network'><mac address='52:54:00:00:00:${{card#*:}}'/>"
        echo "<source network='takeover-${{card%:*}}'/>"
        [ "$card" = link1:03 ] && echo "<link state='down'/>"
        echo '</interface>'
    done
    echo '</devices></domain>' ;;
snapshot-list*) cat {state}.snapshots ;;
start*) echo 'error: cannot do that' >&2; exit 1 ;;
esac
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What virsh was told; `state` beside it is what it says of a domain."""
    program = tmp_path / "bin/virsh"
    program.parent.mkdir()
    log, state = tmp_path / "log", tmp_path / "state"
    program.write_text(_VIRSH.format(log=log, state=state))
    program.chmod(0o755)
    state.write_text("running\n")
    state.with_suffix(".snapshots").write_text("clean\n\n")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(place, "LABS", tmp_path / "labs")
    return log


def _changes(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if not line.startswith(("dom", "dump"))]


@pytest.mark.parametrize(
    ("said", "power"),
    [("running", "on"), ("paused", "frozen"), ("shut off", "off"), ("crashed", "off")],
)
def test_power_is_on_off_or_frozen(log: Path, said: str, power: str) -> None:
    """In our words."""
    (log.parent / "state").write_text(f"{said}\n\n")
    assert Machines(Place("a"), private=False).power("node1") == power


def test_what_is_so_already_is_left_alone(log: Path) -> None:
    """Switching on what is on does nothing; what is frozen goes on."""
    machines = Machines(Place("a"), private=False)
    machines.switch_on("node1")
    (log.parent / "state").write_text("shut off\n")
    machines.switch_off("node1")
    assert _changes(log) == []
    (log.parent / "state").write_text("paused\n")
    machines.switch_on("node1")
    machines.switch_off("node1")
    assert _changes(log) == ["resume takeover_node1", "destroy takeover_node1"]


def test_a_cable_stays_pulled_while_the_machine_is_off(log: Path) -> None:
    """It is pulled now, and in what the machine is started with."""
    Machines(Place("a"), private=False).connect("node1", CLUSTER_LINKS, up=False)
    told = [line for line in log.read_text().splitlines() if line.startswith("domif-setlink")]
    assert told == [
        "domif-setlink takeover_node1 52:54:00:00:00:02 down --config",
        "domif-setlink takeover_node1 52:54:00:00:00:02 down",
        "domif-setlink takeover_node1 52:54:00:00:00:03 down --config",
        "domif-setlink takeover_node1 52:54:00:00:00:03 down",
    ]


def test_a_snapshot_replaces_the_one_of_its_name(log: Path) -> None:
    """A machine that is put back stands still, until all others are there, too."""
    machines = Machines(Place("a"), private=False)
    machines.save("node1", "clean")
    machines.save("node1", "full")
    machines.restore("node1", "clean")
    assert [line for line in _changes(log) if "list" not in line] == [
        "snapshot-delete takeover_node1 clean",
        "snapshot-create-as takeover_node1 clean",
        "snapshot-create-as takeover_node1 full",
        "snapshot-revert takeover_node1 clean --paused --force",
    ]


def test_a_machine_that_is_off_has_no_memory_to_keep(log: Path) -> None:
    """A snapshot is of all machines, as they are at work."""
    (log.parent / "state").write_text("shut off\n")
    rig = LabRig("a")
    layout = LabLayout(
        name="a", purpose="lab", nodes=2, luns=1, lun_mib=64, release="bookworm", private=False
    )
    rig.place.folder.mkdir(parents=True)
    rig.place.save(layout)
    with pytest.raises(RigError, match=r"^storage is off: a snapshot is of machines that are on$"):
        rig.save("clean")
    assert _changes(log) == []


def test_pulled_cables_are_known(log: Path) -> None:
    """The management network has no cable that can be pulled."""
    assert log.parent.exists()
    assert Machines(Place("a"), private=False).cut_links("node1") == [Link.LINK1]


def test_what_virsh_refuses_is_an_error(log: Path) -> None:
    """With its own words."""
    (log.parent / "state").write_text("shut off\n")
    machines = Machines(Place("a"), private=False)
    with pytest.raises(RigError, match=r"^virsh start takeover_node1: error: cannot do that$"):
        machines.switch_on("node1")


@pytest.mark.usefixtures("log")
def test_where_there_is_no_lab_everything_says_so() -> None:
    """In one line, with the command that starts one."""
    rig = LabRig("none")
    assert not rig.is_up()
    assert rig.replaceable("demo")
    for asked in (rig.status, lambda: rig.power("node1", "off"), lambda: rig.run("node1", "true")):
        with pytest.raises(RigError, match="`script/vagrant-lab up` starts one"):
            asked()


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("sizes", [{"nodes": 1}, {"nodes": 9}, {"luns": 0}, {"lun_mib": 63}])
def test_impossible_labs_are_refused(sizes: dict[str, int]) -> None:
    """Before anything is made."""
    with pytest.raises(RigError, match="a lab has 2 to 8 nodes"):
        LabRig("none").up(**sizes, say=print)  # type: ignore[arg-type]
    assert not place.LABS.exists()
