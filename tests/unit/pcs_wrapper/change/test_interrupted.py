"""Ctrl-C: whether something was changed is said, and what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.change.test_held_up import APPLIED, SERVICE, edited
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover


def interrupt() -> None:
    """Do what Ctrl-C does."""
    raise KeyboardInterrupt


def test_before_the_push_nothing_was_changed(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While it waits for what passes, or prepares."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.when("pcs cluster cib", before=interrupt)
    assert takeover("apply", edited(tmp_path, SERVICE)) == 130
    assert cluster.writes == []
    assert capsys.readouterr().err.strip() == "interrupted: nothing was changed"


def test_in_the_push_nobody_knows(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next command finds out."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.when(PUSH, then=interrupt)
    assert takeover("apply", edited(tmp_path, SERVICE)) == 130
    assert capsys.readouterr().err == (
        "interrupted: it is not known whether this was still done: pushing the changes (checkpoint "
        "1). `takeover status` shows what has become of it; to take it back: takeover rollback 1\n"
    )


def test_in_the_wait_the_change_is_in_the_cluster(
    cluster: Cluster, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was not verified; how to look at it and how to take it back is told."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.when("crm_resource --wait", before=interrupt)
    assert takeover("apply", edited(tmp_path, SERVICE)) == 130
    assert cluster.writes == [PUSH]
    assert capsys.readouterr().err == (
        "interrupted: this was done already: pushing the changes (checkpoint 1). `takeover status` "
        "shows what has become of it; to take it back: takeover rollback 1\n"
    )
    assert takeover.awaited[-1] == ("", 0.0), "no line is left on the terminal"


def test_in_the_automatic_rollback_the_change_may_still_be_there(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was not yet taken back is said, with the command that does it."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    cluster.when(PUSH, state="start-failed", then=lambda: cluster.when(
        "pcs cluster cib", before=interrupt
    ))  # fmt: skip
    assert takeover("apply", EXAMPLE) == 130
    assert "checkpoint 1 is in the cluster" in capsys.readouterr().err


def test_at_the_question_of_a_rollback_nothing_was_changed(
    cluster: Cluster,
    takeover: Takeover,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ctrl-C at the question is an interruption; Enter is none (test_rollback)."""
    cluster.state, cluster.cib = "running", APPLIED
    assert takeover("apply", edited(tmp_path, SERVICE)) == 0
    cluster.writes.clear()

    def asked(_prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.termui.visible_prompt_func", asked)
    assert takeover("rollback") == 130
    assert cluster.writes == []
    assert capsys.readouterr().err.endswith("interrupted: nothing was changed\n")
