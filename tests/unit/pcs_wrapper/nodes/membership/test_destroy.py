"""`takeover cluster destroy`: only when it is meant, on every node, and with a new history then."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from pcs_wrapper.change.history.checkpoints import Checkpoints
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import Takeover, commands_of
from tests.unit.pcs_wrapper.nodes.membership.conftest import well

DESTROY = "pcs cluster destroy --all"


@pytest.fixture
def doomed(shop: Cluster, takeover: Takeover) -> Cluster:
    """Return a cluster whose configuration goes when it is destroyed."""
    shop.when(DESTROY, then=takeover.machine.corosync_conf.unlink)
    return shop


def test_whoever_types_its_name_destroys_it(
    doomed: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What stops is told before."""
    monkeypatch.setattr("sys.stdin", io.StringIO("shop\n"))
    assert takeover("cluster", "destroy") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[2:4] == [
        "  shop STOPS on node1, and runs nowhere then",
        "  to keep its configuration, first: takeover import > cluster.toml",
    ]
    assert captured.out == "the cluster shop is destroyed on node1, node2, node3\n"
    assert doomed.writes == [DESTROY]


@pytest.mark.parametrize("answer", ["", "yes\n", "shops\n"])
def test_whoever_types_something_else_does_not(
    answer: str, *, shop: Cluster, takeover: Takeover, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """No answer is no."""
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert takeover("cluster", "destroy") == 1
    assert capsys.readouterr().err.endswith("nothing was changed\n")
    assert shop.writes == []


def test_it_can_be_looked_at_first(
    shop: Cluster, takeover: Takeover, told_json: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is changed."""
    assert takeover("cluster", "destroy", "--dry-run") == 0
    assert commands_of(capsys.readouterr().out)[-1] == DESTROY
    code, shown = told_json("cluster", "destroy", "--dry-run")
    assert (code, shown["nodes"]) == (0, ["node1", "node2", "node3"])
    assert [each["kind"] for each in shown["leaving"]["effects"]] == ["stops"]
    assert shop.writes == []


def test_the_next_cluster_begins_with_a_new_history(
    doomed: Cluster, takeover: Takeover, description: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What this node has kept of the old one is put aside, and named."""
    doomed.state = well()
    description.write_text(description.read_text().replace('user = "postgres"', 'user = "pg"'))
    assert takeover("apply", description) == 0
    assert Checkpoints(takeover.machine.state).all()
    (takeover.machine.state / "creation.json").write_text('{"cluster": "shop", "done": []}')
    capsys.readouterr()
    assert takeover("cluster", "destroy", "--yes") == 0
    place = takeover.machine.state / "checkpoints-of-shop-2026-11-24T200000Z"
    assert f"the changes that this node has kept of it are in {place}" in capsys.readouterr().out
    assert (place / "1.json").exists()
    assert Checkpoints(takeover.machine.state).next_number() == 1
    assert not (takeover.machine.state / "creation.json").exists()
    assert doomed.writes == [PUSH, DESTROY]


def test_a_node_that_cannot_be_reached_would_keep_it(
    shop: Cluster, takeover: Takeover, told_json: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused; and told what to do there if it is done all the same."""
    shop.pcsd["node3"] = "Offline"
    assert takeover("cluster", "destroy", "--yes") == 1
    err = capsys.readouterr().err
    assert "pcsd does not answer on node3" in err
    assert "To destroy it on the others all the same: --even-so" in err
    assert shop.writes == []
    code, done = told_json("cluster", "destroy", "--yes", "--even-so")
    assert (code, done["nodes"]) == (1, ["node1", "node2"])
    [harm] = done["harm"]
    assert harm.startswith("the configuration of the cluster is still on node3")


def test_a_destruction_that_fails_ends_no_history(
    shop: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What pcs says is told."""
    (takeover.machine.state / "checkpoints").mkdir(parents=True)
    shop.when(DESTROY, exit_code=1, stderr="Error: unable to destroy cluster\n")
    assert takeover("cluster", "destroy", "--yes") == 1
    assert "Error: unable to destroy cluster" in capsys.readouterr().err
    assert (takeover.machine.state / "checkpoints").is_dir()


def test_a_cluster_that_is_off_is_destroyed_too(
    doomed: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a stop; and when that is interrupted, it is said where to go on."""
    doomed.state = "disconnected"
    assert takeover("cluster", "destroy", "--yes") == 0
    assert "so it is not known what stops with it elsewhere" in capsys.readouterr().err
    assert takeover("cluster", "destroy", "--yes") == 1
    assert "this machine belongs to no cluster" in capsys.readouterr().err
