"""`takeover fence confirm`: a human is believed only where nothing says otherwise."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover
from tests.unit.pcs_wrapper.fencing.conftest import away, lost, state

CONFIRMED = ["stonith_admin --confirm=node3"]


@pytest.fixture
def dead(fenced: Cluster) -> Cluster:
    """Return a cluster that waits for node3 to be fenced, of which nobody hears anything."""
    fenced.state = lost()
    fenced.dead_links = {(0, 3), (1, 3)}
    fenced.machines["node3"] = "connection refused"
    return fenced


def _types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_node_that_is_silent_everywhere_is_confirmed_by_its_name(
    dead: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Everything that was asked is shown, what a wrong answer costs, and then what runs."""
    _types(monkeypatch, "node3\n")
    dead.when("stonith_admin --confirm=node3", arrives=True, then=lambda: None, state=away())
    assert takeover("fence", "confirm", "node3") == 0
    assert dead.writes == CONFIRMED
    shown = capsys.readouterr()
    assert shown.err.startswith(
        "node3 is UNCLEAN (offline). What is known of it:\n"
        "  silent     it is no member of the cluster (membership)\n"
        "  silent     Corosync's link 0 to it is down (link 0)\n"
        "  silent     Corosync's link 1 to it is down (link 1)\n"
        "  silent     198.51.100.13 does not answer (ping 198.51.100.13)\n"
        "  silent     203.0.113.13 does not answer (ping 203.0.113.13)\n"
        "  NOT KNOWN  the device does not know: connection refused (fence-rig)\n"
        "NOTHING PROVES THAT node3 IS OFF: a node whose network is dead is silent, too, and may "
        "still write to its disks.\n"
        "If node3 is on, the services below will run twice: two nodes write to the same "
        "filesystem, its data is destroyed, and only a backup brings it back.\n"
    )
    assert shown.out.startswith("node3 is confirmed to be off.")


def test_a_device_that_says_off_is_a_proof(dead: Cluster, told_json: Any) -> None:
    """The only one that there is."""
    dead.machines["node3"] = "off"
    code, found = told_json("fence", "confirm", "node3", "--dry-run")
    assert code == 0
    assert (found["needed"], found["proven"], found["findings"]) == (True, True, [])
    assert found["steps"][1]["commands"] == CONFIRMED
    assert dead.writes == []


PAIR = (
    '<primitive id="fence-b" class="stonith" type="fence_takeover_rig"><instance_attributes '
    'id="b-i"><nvpair id="b-m" name="pcmk_host_map" value="node3:psu-b"/></instance_attributes>'
    "</primitive></resources>"
)
TOGETHER = (
    '<fencing-topology><fencing-level id="l" target="node3" index="1" '
    'devices="fence-rig,fence-b"/></fencing-topology></configuration>'
)


@pytest.mark.parametrize(
    ("other", "proven"), [("off", True), ("connection refused", False), ("on", False)]
)
def test_a_machine_with_two_power_supplies_is_off_when_both_are(
    *, other: str, proven: bool, dead: Cluster, told_json: Any
) -> None:
    """All devices of a fencing level are needed: with one of them it still has power."""
    pair = dead.cib.replace("</resources>", PAIR).replace("</configuration>", TOGETHER)
    assert "fence-rig,fence-b" in pair
    dead.cib = pair
    dead.machines |= {"node3": "off", "psu-b": other}
    _, found = told_json("fence", "confirm", "node3", "--dry-run")
    assert {each["witness"]: each["verdict"] for each in found["evidence"]}["fence-rig"] == "off"
    assert found["proven"] is proven


@pytest.mark.parametrize("agent", ["any that unfences", "fence_sbd"])
def test_a_device_that_switches_no_power_proves_nothing(
    agent: str, *, dead: Cluster, told_json: Any
) -> None:
    """fence_scsi has taken its disk away, SBD has left it a message: it runs all the same."""
    dead.machines["node3"] = "off"
    if agent == "fence_sbd":
        dead.programs.add(agent)
        dead.cib = dead.cib.replace("fence_takeover_rig", agent)
    else:
        dead.cuts_off = True
    code, found = told_json("fence", "confirm", "node3", "--dry-run")
    last = next(each for each in found["evidence"] if each["witness"] == "fence-rig")
    assert (code, last["verdict"], found["proven"]) == (0, "silent", False)
    assert "it switches no power" in last["says"]


def test_a_dry_run_ends_as_the_command_would_in_every_form(dead: Cluster, told_json: Any) -> None:
    """A program that looks at the exit code is refused, too."""
    dead.machines["node3"] = "on"
    code, found = told_json("fence", "confirm", "node3", "--dry-run")
    assert code == 1
    assert [each["code"] for each in found["findings"]] == ["node-is-on"]
    assert dead.writes == []


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("link", "node3 may be on: Corosync's link 1 to it is up"),
        ("ping", "node3 may be on: 203.0.113.13 answers"),
        ("device", "node3 may be on: the device says that it is on"),
    ],
)
def test_any_sign_of_life_refuses(
    *, what: str, says: str, dead: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """One is enough, nothing is asked, and the way out is named."""
    if what == "link":
        dead.dead_links = {(0, 3)}
    elif what == "ping":
        dead.answering = {"203.0.113.13"}
    else:
        dead.machines["node3"] = "on"
    _types(monkeypatch, "node3\n")
    assert takeover("fence", "confirm", "node3") == 1
    assert dead.writes == []
    err = capsys.readouterr().err
    assert says in err
    assert "pull its power cable" in err
    assert "--even-so" in err


def test_even_so_believes_who_has_seen_it(
    dead: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine may have its address; the name has to be typed all the same."""
    dead.answering = {"203.0.113.13"}
    _types(monkeypatch, "\n")
    assert takeover("fence", "confirm", "node3", "--even-so") == 1
    assert dead.writes == []
    _types(monkeypatch, "node3\n")
    dead.when("stonith_admin --confirm=node3", state=away())
    assert takeover("fence", "confirm", "node3", "--even-so") == 0
    assert dead.writes == CONFIRMED


@pytest.mark.parametrize("answer", ["", "y\n", "node2\n", "NODE3\n"])
def test_another_answer_than_the_name_changes_nothing(
    answer: str, dead: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Nobody confirms out of habit."""
    _types(monkeypatch, answer)
    assert takeover("fence", "confirm", "node3") == 1
    assert dead.writes == []
    assert capsys.readouterr().err.endswith("nothing was changed\n")


def test_a_node_that_comes_to_life_while_its_name_is_typed_is_not_confirmed(
    dead: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whoever types may take long: everything is asked once more."""

    class Slow(io.StringIO):
        def readline(self, *arguments: int) -> str:  # type: ignore[override]
            dead.answering = {"203.0.113.13"}
            return super().readline(*arguments)

    monkeypatch.setattr("sys.stdin", Slow("node3\n"))
    assert takeover("fence", "confirm", "node3") == 1
    assert dead.writes == []
    assert "node3 may be on: 203.0.113.13 answers" in capsys.readouterr().err


def test_a_member_is_never_confirmed(
    fenced: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Not even so: its services would run twice for certain."""
    _types(monkeypatch, "node3\n")
    assert takeover("fence", "confirm", "node3", "--even-so") == 1
    assert fenced.writes == []
    assert "A node that is a member of the cluster is on" in capsys.readouterr().err


def test_a_node_that_is_cleanly_off_needs_no_confirmation(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing waits for it, so nothing is asked."""
    fenced.state = away()
    assert takeover("fence", "confirm", "node3") == 0
    assert "nothing has to be confirmed" in capsys.readouterr().err
    assert fenced.writes == []


@pytest.mark.usefixtures("dead")
@pytest.mark.parametrize(
    ("node", "code", "says"),
    [
        ("node9", 2, "the cluster has no node node9; its nodes are node1, node2, node3"),
        ("node1", 1, "node1 is the node that this runs on"),
    ],
)
def test_a_node_that_cannot_be_meant_is_refused(
    node: str, code: int, says: str, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    """A mistyped name, or the node itself."""
    assert takeover("fence", "confirm", node) == code
    assert says in capsys.readouterr().err


def test_a_partition_without_quorum_confirms_nothing(
    fenced: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other part may be running what this one would start."""
    fenced.state = state("no-quorum")
    assert takeover("fence", "confirm", "node3") == 1
    assert "no quorum" in capsys.readouterr().err
    assert fenced.writes == []


def test_what_cannot_be_asked_is_told_as_not_known(dead: Cluster, told_json: Any) -> None:
    """A witness that is missing says nothing, in favour of neither."""
    dead.programs -= {"ping", "fence_takeover_rig", "corosync-cfgtool"}
    code, found = told_json("fence", "confirm", "node3", "--dry-run")
    assert code == 0
    verdicts = {each["witness"]: each["verdict"] for each in found["evidence"]}
    assert verdicts == {
        "membership": "silent",
        "Corosync": "unknown",
        "ping 198.51.100.13": "unknown",
        "ping 203.0.113.13": "unknown",
        "fence-rig": "unknown",
    }
    assert found["proven"] is False


def test_an_interruption_says_what_is_known(
    dead: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whether the cluster was told is looked up, not guessed."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    _types(monkeypatch, "node3\n")
    dead.when("stonith_admin", before=interrupt)
    assert takeover("fence", "confirm", "node3") == 130
    err = capsys.readouterr().err
    assert "it is not known whether this was still done: telling the cluster that node3" in err
    assert "takeover fence history" in err
