"""`takeover service prepare` on a real disk: empty, filled, emptied again when something fails."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.rig.conftest import RELEASES
from vagrant.demo.shop import Administrator
from vagrant.description import DESCRIPTION, description, postgres_programs
from vagrant.one_machine.rig import OneMachineRig


@pytest.fixture(scope="module", params=RELEASES)
def rig(request: pytest.FixtureRequest) -> Iterator[OneMachineRig]:
    """A rig of one node, with the description that a rig prints when it comes up."""
    rig = OneMachineRig(f"test-disk-{request.param}")
    rig.down()
    try:
        rig.up(nodes=1, luns=1, lun_mib=256, release=request.param, say=print)
        rig.write("node1", DESCRIPTION, description(rig))
        yield rig
    finally:
        rig.down()


def prepare(rig: OneMachineRig, *command: str) -> subprocess.CompletedProcess[str]:
    """Prepare the service's disk, and see that nothing is mounted or attached afterwards."""
    words = ("takeover", "service", "prepare", "shop", DESCRIPTION, "--", *command)
    done = rig.run("node1", *words)
    print(done.stdout, done.stderr)
    assert rig.run("node1", "findmnt", "/srv/shop").returncode == 1
    assert not rig.status()["disks"]["mounted"]
    return done


def test_what_fails_leaves_the_disk_empty_and_what_is_there_stays(rig: OneMachineRig) -> None:
    """A command that fails, then the database, then once more: it is not made anew."""
    failed = prepare(rig, "sh", "-c", "touch half && exit 3")
    assert failed.returncode == 1
    assert "exit code 3" in failed.stderr
    initdb = (f"{postgres_programs(rig)}/initdb", "-D", "data", "--auth-host=scram-sha-256")
    made = prepare(rig, *initdb)
    assert made.returncode == 0
    assert "has a new ext4 that belongs to postgres" in made.stdout
    again = prepare(rig, *initdb)
    assert again.returncode == 1
    assert "it has ext4. Nothing was changed" in again.stderr


def test_a_rig_describes_a_cluster_that_check_accepts(rig: OneMachineRig) -> None:
    """On its first node, as it is."""
    admin = Administrator(rig, print, lambda line: print(line, end=""))
    assert "no mistakes. Cluster shop; nodes: node1" in admin.types(
        "node1", "takeover", "check", DESCRIPTION
    )
