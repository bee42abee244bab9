"""`takeover witness`: what may be lost is told before and after, and what would harm is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.views.printed import VOTES

AUTH = "pcs host auth witness -u hacluster"
ADD = "pcs quorum device add model net host=witness algorithm=ffsplit"
REMOVE = "pcs quorum device remove"
DEVICE_LINE = "         0          1            Qdevice\n"
_FLAGS = "Flags:            Quorate"
VOTING = (
    VOTES.replace("Expected votes:   3", "Expected votes:   4")
    .replace("Total votes:      3", "Total votes:      4")
    .replace("Quorum:           2", "Quorum:           3")
    + DEVICE_LINE
)
CONFIGURATION = "quorum {\n  device {\n    net {\n      host: witness\n    }\n  }\n}\n"


@pytest.fixture
def shop(cluster: Cluster, takeover: Takeover, live: str, tmp_path: Path) -> Takeover:
    """Return the command line on a node of three that have no witness."""
    cluster.state, cluster.cib, cluster.votes = "running", live, VOTES
    cluster.programs |= {"corosync-quorumtool", "certutil"}
    node = Takeover(replace(takeover.machine, root=tmp_path / "root"), [], [], [])
    node.machine.corosync_conf.touch()
    return node


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """Return a private file with a password."""
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("hunter2\n")
    return file


def votes_with_it(cluster: Cluster, shop: Takeover) -> None:
    """Let the witness vote."""
    cluster.votes = VOTING
    shop.machine.corosync_conf.write_text(CONFIGURATION)


def sbd(cluster: Cluster, shop: Takeover, settings: str) -> None:
    """Let SBD start with the cluster."""
    cluster.enabled.add("sbd")
    file = shop.machine.root / "etc/default/sbd"
    file.parent.mkdir(parents=True)
    file.write_text(settings)


def test_a_witness_is_added_and_votes(
    cluster: Cluster, shop: Takeover, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said what may be lost before and after, and who votes then."""
    cluster.when(ADD, then=lambda: votes_with_it(cluster, shop))
    assert shop("witness", "add", "witness", "--password-file", password_file) == 0
    assert cluster.writes == [AUTH, ADD]
    printed = capsys.readouterr()
    assert "votes now: 3 of 3, 2 needed; one node may be lost" in printed.err
    assert (
        "afterwards: 4 of 4, 3 needed; the witness witness has 1 of them; one node or the witness "
        "may be lost, not both" in printed.err
    )
    assert "the witness witness has 1 of them" in printed.out
    assert "add [quorum.device] to it" in printed.err


def test_times_are_given_to_corosync_in_milliseconds(
    cluster: Cluster, shop: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the other algorithm has a vote for each node but one."""
    times = ("--algorithm", "lms", "--timeout", "3s", "--sync-timeout", "10s")
    assert shop("witness", "add", "--dry-run", "witness", *times) == 0
    shown = capsys.readouterr().out
    assert (
        "pcs quorum device add timeout=3000 sync_timeout=10000 model net host=witness "
        "algorithm=lms" in shown
    )
    assert "afterwards: 5 of 5, 3 needed; the witness witness has 2 of them" in shown
    assert cluster.writes == []


def test_who_cannot_authenticate_changes_nothing(
    cluster: Cluster, shop: Takeover, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """pcs#112: with what to look at."""
    password_file.write_text("wrong\n")
    assert shop("witness", "add", "witness", "--password-file", password_file) == 1
    assert cluster.writes == [AUTH]
    assert "the same password of the user hacluster" in capsys.readouterr().err


def test_a_witness_that_does_not_vote_is_an_error(
    cluster: Cluster, shop: Takeover, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a minute, with where to look."""
    assert shop("witness", "add", "witness", "--password-file", password_file) == 1
    assert "witness does not vote after 60 s. Is its TCP port 5403 open" in capsys.readouterr().err
    assert cluster.seconds >= 60


def test_it_may_be_there_already(
    cluster: Cluster, shop: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then there is nothing to do; another one is refused."""
    votes_with_it(cluster, shop)
    configured(cluster, shop)
    assert shop("witness", "add", "witness") == 0
    assert "witness is the witness already: there is nothing to do" in capsys.readouterr().err
    assert shop("witness", "add", "other") == 1
    assert "the cluster has the witness witness" in capsys.readouterr().err
    assert cluster.writes == []


def test_other_settings_of_it_are_changed_and_the_rest_of_them_stay(
    cluster: Cluster, shop: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """No password is asked for, and the witness votes on."""
    votes_with_it(cluster, shop)
    configured(cluster, shop)
    assert shop("witness", "add", "witness", "--timeout", "3s") == 0
    assert "is the witness already: there is nothing to do" in capsys.readouterr().err
    assert cluster.writes == []
    assert shop("witness", "add", "witness", "--timeout", "9s", "--algorithm", "lms") == 0
    assert cluster.writes == ["pcs quorum device update timeout=9000"]
    assert "afterwards: 5 of 5, 3 needed" in capsys.readouterr().err
    assert shop("witness", "add", "witness", "--algorithm", "ffsplit", "--dry-run") == 0
    assert "pcs quorum device update model algorithm=ffsplit" in capsys.readouterr().out


def configured(cluster: Cluster, shop: Takeover) -> None:
    """Let Corosync's configuration have the witness, with settings of its own."""
    cluster.config_files[str(shop.machine.corosync_conf)] = {
        "quorum_device": {
            "model": "net",
            "generic_options": {"timeout": "3000"},
            "model_options": {"host": "witness", "algorithm": "lms"},
            "heuristics_options": {},
        }
    }


def test_a_witness_that_does_not_vote_is_added_anew(
    cluster: Cluster, shop: Takeover, password_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ha_cluster PR#262: its certificates were made anew, and the nodes have the old ones.

    pcs makes the nodes' only when the device is added. No vote is lost by that: it has none.
    """
    votes_with_it(cluster, shop)
    cluster.votes = VOTING.replace("Total votes:      4", "Total votes:      3").replace(
        DEVICE_LINE, "         0          0            Qdevice (votes 1)\n"
    )
    configured(cluster, shop)
    add = "pcs quorum device add timeout={} model net host=witness algorithm=lms"
    assert shop("witness", "add", "witness", "--dry-run", "--timeout", "9s") == 0
    assert add.format(9000) in capsys.readouterr().out
    cluster.when(add.format(3000), then=lambda: votes_with_it(cluster, shop))
    arguments = ("witness", "add", "witness", "--password-file", password_file)
    assert shop(*arguments) == 0
    assert cluster.writes == [AUTH, REMOVE, add.format(3000)]
    assert "does not vote: it is added anew, with new certificates" in capsys.readouterr().err
    assert shop(*arguments) == 0
    assert cluster.writes == [AUTH, REMOVE, add.format(3000)], "now it votes"


@pytest.mark.parametrize("host", ["node2", "203.0.113.12"])
def test_a_node_is_no_witness(
    host: str, cluster: Cluster, shop: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its vote would be lost together with its own, whatever it is called."""
    assert shop("witness", "add", host) == 1
    assert f"{host} is a node of the cluster" in capsys.readouterr().err
    assert cluster.writes == []


def test_every_node_has_to_be_there(
    cluster: Cluster, shop: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """It gets a certificate of its own."""
    cluster.state = cluster.state.replace('online="true"', 'online="false"', 1)
    assert shop("witness", "add", "witness") == 1
    assert "is not there, and would not learn of it" in capsys.readouterr().err
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ("SBD_WATCHDOG_TIMEOUT=5\n", True),
        ("# it's SBD\nSBD_WATCHDOG_TIMEOUT=35\n", False),
        ("SBD_DEVICE=/dev/sdb\nSBD_WATCHDOG_TIMEOUT=5\n", False),
    ],
)
def test_a_watchdog_that_would_not_wait_for_the_vote(
    settings: str,
    refused: bool,
    cluster: Cluster,
    shop: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """crmsh#735, crmsh#1991: a quorum device with diskless SBD resets nodes."""
    sbd(cluster, shop, settings)
    assert shop("witness", "add", "--dry-run", "--json", "witness") == 0
    found = [each["code"] for each in json.loads(capsys.readouterr().out)["obstacles"]]
    assert found == (["sbd-too-fast"] if refused else [])
    if refused:
        assert shop("witness", "add", "witness") == 1
        assert "let SBD wait at least 35 s" in capsys.readouterr().err
        assert cluster.writes == []


def test_a_witness_is_removed(
    cluster: Cluster, shop: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The nodes alone vote then; without one there is nothing to do."""
    votes_with_it(cluster, shop)

    def leave() -> None:
        cluster.votes = VOTES
        shop.machine.corosync_conf.write_text("")

    cluster.when(REMOVE, then=leave)
    assert shop("witness", "remove", "--json") == 0
    assert json.loads(capsys.readouterr().out)["votes"]["witness"] is None
    assert cluster.writes == [REMOVE]
    assert shop("witness", "remove") == 0
    assert "the cluster has no witness: there is nothing to do" in capsys.readouterr().err


def test_a_witness_that_is_needed_stays(
    cluster: Cluster, shop: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """One node of three, and a witness that lets the last node go on."""
    votes_with_it(cluster, shop)
    lines = [
        line
        for line in VOTING.splitlines(keepends=True)
        if "node2" not in line and "node3" not in line
    ]
    cluster.votes = "".join(lines).replace("Total votes:      4", "Total votes:      2")
    assert shop("witness", "remove") == 1
    said = capsys.readouterr().err
    assert "1 of 3 votes would be left, and 2 are needed: all services would stop" in said
    assert cluster.writes == []


@pytest.mark.parametrize("arguments", [("no host",), ("witness", "--timeout", "soon")])
def test_what_is_no_host_or_no_time_is_told(
    arguments: tuple[str, ...], shop: Takeover, cluster: Cluster
) -> None:
    """Before anything is asked."""
    assert shop("witness", "add", *arguments) == 2
    assert cluster.calls == []
