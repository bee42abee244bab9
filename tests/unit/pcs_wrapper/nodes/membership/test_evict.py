"""`takeover node evict`: a node that cannot be reached, and only when it is surely off."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.conftest import node_is
from tests.unit.pcs_wrapper.nodes.membership.conftest import gone, killed, well
from tests.unit.pcs_wrapper.nodes.running.conftest import without

OFF = "stonith_admin --fence=node3 --timeout=300"
CONFIRM = "stonith_admin --confirm=node3"
REMOVE = "pcs cluster node remove node3 --skip-offline --force"
AWAY = without(well(), "node3")
UNCLEAN = node_is(AWAY, "node3", unclean='"true"')


@pytest.fixture
def lost(shop: Cluster) -> Cluster:
    """Return a cluster that waits for node3 to be fenced, of which nobody hears anything."""
    shop.state = UNCLEAN
    shop.pcsd["node3"] = "Offline"
    shop.dead_links = {(0, 3), (1, 3)}
    shop.machines["node3"] = "connection refused"
    return shop


def types(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let somebody type something."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_node_whose_power_no_device_knows_is_evicted_by_its_name(
    lost: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """crmsh#1814: it is confirmed to be off, then forgotten; its return is thought of."""
    types(monkeypatch, "node3\n")
    lost.when(CONFIRM, state=AWAY)
    lost.when(REMOVE, state=gone(well()))
    assert takeover("node", "evict", "node3") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[:2] == [
        "node3 is evicted from the cluster shop, when it is surely off",
        "node3 is UNCLEAN (offline). What is known of it:",
    ]
    assert "NOTHING PROVES THAT node3 IS OFF" in captured.err
    assert captured.out.splitlines()[0] == (
        "node3 is no node of the cluster any more; it has node1, node2"
    )
    assert "pcs cluster destroy" in captured.out.splitlines()[-1]
    assert lost.writes == [CONFIRM, REMOVE]


@pytest.mark.parametrize("answer", ["", "yes\n", "node2\n"])
def test_whoever_types_something_else_evicts_nothing(
    answer: str, *, lost: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """--yes is no answer to that."""
    types(monkeypatch, answer)
    assert takeover("node", "evict", "node3", "--yes") == 1
    assert capsys.readouterr().err.endswith("nothing was changed\n")
    assert lost.writes == []


def test_a_node_that_a_device_can_switch_off_is_switched_off(
    lost: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a reboot by which it was fenced, and after which it is not reached."""
    lost.state, lost.machines["node3"] = AWAY, "on"
    lost.when(REMOVE, state=gone(well()))
    assert takeover("node", "evict", "node3", "--yes") == 0
    assert "It is fenced first, and stays off: IT LOSES ITS POWER" in capsys.readouterr().err
    assert lost.writes == [OFF, REMOVE]


def test_a_fencing_that_fails_evicts_nothing(
    lost: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What to do then is told."""
    lost.machines["node3"] = "on"
    lost.when(OFF, exit_code=1, stderr="No route to host\n")
    assert takeover("node", "evict", "node3", "--yes") == 1
    assert "cut its power; then the same command asks you" in capsys.readouterr().err
    assert lost.writes == [OFF]


def test_a_node_that_is_still_unclean_is_not_forgotten(
    lost: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its services would be started elsewhere while it may run them."""
    lost.machines["node3"] = "on"
    assert takeover("node", "evict", "node3", "--yes") == 1
    out = capsys.readouterr().out
    assert "node3 is UNCLEAN (offline), and was not removed" in out
    assert "the same command goes on: takeover node evict node3" in out
    assert lost.writes == [OFF]


def test_a_node_that_a_device_says_to_be_off_needs_no_name(lost: Cluster, told_json: Any) -> None:
    """It is the only proof that there is."""
    lost.state, lost.machines["node3"] = AWAY, "off"
    code, shown = told_json("node", "evict", "node3", "--dry-run")
    assert (code, shown["way"], shown["proven"]) == (0, "proven", True)
    lost.when(REMOVE, state=gone(well()))
    code, done = told_json("node", "evict", "node3", "--yes")
    assert (code, done["destroyed"], done["harm"]) == (0, False, [])
    assert lost.writes == [REMOVE]


@pytest.mark.parametrize("what", ["link", "ping"])
def test_a_sign_of_life_refuses(
    what: str, *, lost: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Unless a device can switch it off, or somebody has seen it with his own eyes."""
    if what == "link":
        lost.dead_links = {(0, 3)}
    else:
        lost.answering = {"203.0.113.13"}
    types(monkeypatch, "node3\n")
    assert takeover("node", "evict", "node3") == 1
    err = capsys.readouterr().err
    assert "node3 may be on" in err
    assert "--even-so" in err
    assert lost.writes == []
    types(monkeypatch, "node3\n")
    lost.when(CONFIRM, state=AWAY)
    lost.when(REMOVE, state=gone(well()))
    assert takeover("node", "evict", "node3", "--even-so") == 0


@pytest.mark.parametrize(
    ("state", "pcsd", "says"),
    [(well(), "Offline", "is a member"), (AWAY, "Online", "can be reached by pcsd")],
)
def test_a_node_that_can_be_reached_is_removed_and_not_evicted(
    *, state: str, pcsd: str, says: str, lost: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Its configuration can then be destroyed."""
    lost.state = state
    lost.pcsd = {} if pcsd == "Online" else {"node3": pcsd}
    assert takeover("node", "evict", "node3", "--yes", "--even-so") == 1
    err = capsys.readouterr().err
    assert says in err
    assert "takeover node remove node3" in err
    assert lost.writes == []


def test_what_is_not_well_with_the_others_refuses(
    lost: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their pcsd must answer, as they get a new configuration."""
    lost.pcsd["node2"] = "Offline"
    assert takeover("node", "evict", "node3", "--yes") == 1
    assert "pcsd does not answer on node2" in capsys.readouterr().err
    assert lost.writes == []


def test_it_can_be_looked_at_first(
    lost: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed, not in the description either."""
    before = description.read_text()
    assert takeover("node", "evict", "node3", "--dry-run", "--description", description) == 0
    out = capsys.readouterr().out
    waits = "crm_resource --wait --timeout=490"
    assert commands_of(out)[-4:] == [CONFIRM, waits, REMOVE, "pcs cluster node clear node3"]
    assert f"to be taken out of {description}:" in out
    assert lost.writes == []
    assert description.read_text() == before


def test_an_eviction_that_was_killed_goes_on(
    lost: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once confirmed, the cluster takes it for off; whether it is, is asked once more."""
    types(monkeypatch, "node3\n")
    lost.when(CONFIRM, state=AWAY, then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "evict", "node3")
    types(monkeypatch, "node3\n")
    lost.when(REMOVE, state=AWAY, then=killed)
    with pytest.raises(SystemExit):
        takeover("node", "evict", "node3")
    types(monkeypatch, "node3\n")
    clear = "pcs cluster node clear node3"
    lost.when(clear, state=gone(well()))
    assert takeover("node", "evict", "node3") == 0
    finish = ["pcs cluster sync corosync", "pcs cluster reload corosync", clear]
    assert lost.writes == [CONFIRM, REMOVE, *finish]


def test_a_node_that_came_back_while_it_was_asked_is_not_forgotten(
    lost: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whoever types its name may take long for it, and it runs services again meanwhile."""
    lost.state = AWAY

    def typed(*_: object) -> bool:
        lost.state = well()
        return True

    monkeypatch.setattr("pcs_wrapper.commands.node.evict.typed", typed)
    assert takeover("node", "evict", "node3") == 1
    assert "node3 is online, and was not removed" in capsys.readouterr().out
    assert lost.writes == []
