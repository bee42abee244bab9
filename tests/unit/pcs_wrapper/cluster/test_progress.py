"""A creation that was interrupted goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.killed import Killed, kill
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import EXAMPLE, LIVE, Takeover

_MORE = """
[sbd]
devices = ["/dev/disk/by-id/wwn-0x6001405aaaa"]

[quorum.device]
host = "witness"
"""
_SETUP, _START = "pcs cluster setup shop", "pcs cluster start --all"
_DISK, _SBD = "pcs stonith sbd device setup", "pcs stonith sbd enable"
_WITNESS, _DEVICE = "pcs host auth witness", "pcs quorum device add"
_ALL = ["pcs host auth node1", _SETUP, _WITNESS, _DEVICE, _SBD, _DISK, _START, PUSH]
_BOOT = "pcs cluster enable --all"


@pytest.fixture
def description(tmp_path: Path) -> Path:
    """Return a description with SBD's disk and a witness."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text() + _MORE)
    return file


@pytest.fixture
def password(tmp_path: Path, cluster: Cluster) -> Path:
    """Return the file with hacluster's password."""
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text(f"{cluster.password}\n")
    return file


@pytest.fixture
def create(cluster: Cluster, takeover: Takeover, description: Path, password: Path) -> list[object]:
    """Return the command line; what pcs sets up is set up."""
    cluster.state, cluster.cib = "disconnected", (LIVE / "2.1.xml").read_text()
    cluster.when(_SETUP, then=takeover.machine.corosync_conf.touch)
    return ["cluster", "create", description, "--password-file", password]


def begins(writes: list[str]) -> list[str]:
    """Return how each of some commands begins, in the words of this file."""
    known = [*_ALL, _BOOT]
    return [next(word for word in known if write.startswith(word)) for write in writes]


@pytest.mark.parametrize(
    ("killed_at", "rest"),
    [
        (_DEVICE, [_WITNESS, _DEVICE, _SBD, _DISK, _START, _BOOT, PUSH]),
        (_SBD, [_SBD, _DISK, _START, _BOOT, PUSH]),
        (_DISK, [_DISK, _START, _BOOT, PUSH]),
        (_START, [_START, _BOOT, PUSH]),
    ],
)
def test_the_next_create_does_the_rest(
    killed_at: str, rest: list[str], cluster: Cluster, takeover: Takeover, create: list[str | Path]
) -> None:
    """The witness is added, and SBD enabled, before the start: neither was, once, after a kill."""
    cluster.when(killed_at, before=kill)
    with pytest.raises(Killed):
        takeover(*create)
    done = _ALL[: _ALL.index(killed_at)]
    assert begins(cluster.writes) == [*done, killed_at]
    if _DEVICE in done:
        cluster.config["quorum_device"] = {"model": "net"}
    cluster.writes.clear()
    cluster.when(_START, state="cluster-only")
    takeover(*create, "--dry-run")
    assert cluster.writes == []
    assert takeover(*create) == 0
    assert begins(cluster.writes) == rest


def test_a_complete_creation_leaves_nothing_to_do(
    cluster: Cluster, takeover: Takeover, create: list[str | Path]
) -> None:
    """The next one only starts what is there."""
    cluster.when(_START, state="cluster-only")
    assert takeover(*create) == 0
    assert begins(cluster.writes) == _ALL
    cluster.writes.clear()
    assert takeover(*create) == 0
    assert begins(cluster.writes) == [_START, _BOOT]
    assert not list(takeover.machine.state.glob("creation*"))


def test_a_witness_that_was_added_is_not_added_again(
    cluster: Cluster, takeover: Takeover, create: list[str | Path]
) -> None:
    """The command was killed when pcs had just done it: Corosync's configuration tells."""
    cluster.when(_START, state="cluster-only")
    cluster.when(_DEVICE, before=kill)
    with pytest.raises(Killed):
        takeover(*create)
    cluster.config["quorum_device"] = {"model": "net"}
    cluster.writes.clear()
    assert takeover(*create) == 0
    assert begins(cluster.writes) == [_SBD, _DISK, _START, _BOOT, PUSH]


def test_what_is_no_progress_is_as_good_as_none(
    cluster: Cluster, takeover: Takeover, description: Path
) -> None:
    """Of a damaged note, or another cluster's, nothing is believed."""
    create = ("cluster", "create", description)
    cluster.cib = (LIVE / "2.1.xml").read_text()
    cluster.state = "cluster-only"
    takeover.machine.corosync_conf.touch()
    takeover.machine.state.mkdir()
    for text in ("", "[]", '{"cluster": "other", "done": []}', '{"cluster": "shop"}'):
        (takeover.machine.state / "creation.json").write_text(text)
        cluster.writes.clear()
        assert takeover(*create) == 0
        assert begins([each for each in cluster.writes if each != PUSH]) == [_START, _BOOT]
