"""A plan that was looked at and saved: it is applied as it was seen, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from pcs_wrapper.change import saved_plan
from pcs_wrapper.errors import ClusterError, UsageError
from tests.unit.fakes.cluster import PUSH, Cluster, configuration
from tests.unit.pcs_wrapper.change.test_plan import answer, change
from tests.unit.pcs_wrapper.conftest import LIVE, Takeover


@pytest.fixture
def plan(
    cluster: Cluster, takeover: Takeover, live: str, description: Path,
    capsys: pytest.CaptureFixture[str],
) -> Path:  # fmt: skip
    """Return a saved plan of a change, made on the live cluster."""
    change(description, ('user = "postgres"', 'user = "pg"'))
    cluster.state, cluster.cib = "running", live
    cluster.scheduled = (answer("nothing"), answer("parameter"))
    file = description.with_name("change.plan")
    assert takeover("plan", description, "--out", file) == 3
    assert cluster.writes == []
    capsys.readouterr()
    return file


def test_only_its_owner_may_read_it(plan: Path) -> None:
    """It has the whole CIB, and that may have a password."""
    assert plan.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in plan.parent.glob("*.plan*")] == ["change.plan"]
    assert saved_plan.is_saved_plan(plan)


def test_it_is_applied_as_it_was_planned(
    plan: Path, cluster: Cluster, takeover: Takeover, live: str, description: Path
) -> None:
    """What the description has become since does not matter; what is compared is what is pushed."""
    description.write_text("not even TOML")
    assert takeover("apply", plan) == 0
    assert cluster.writes == [PUSH]
    [pushed] = cluster.pushes
    assert pushed.before == live
    assert 'name="user" value="pg"' in pushed.after
    assert configuration(pushed.after) == configuration(saved_plan.load(plan).new)


def test_a_change_in_between_is_named_and_kept(
    plan: Path, cluster: Cluster, takeover: Takeover, live: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whoever changed it is not overwritten, and what was looked at is not what would be."""
    edited = live.replace('epoch="', 'epoch="1', 1).replace(
        'name="no-quorum-policy" value="stop"', 'name="no-quorum-policy" value="freeze"'
    )
    cluster.cib = edited
    assert takeover("apply", plan) == 1
    assert cluster.writes == []
    told = capsys.readouterr().err
    assert "the configuration has changed since" in told.replace("cluster's ", "")
    assert "property no-quorum-policy changed. Nothing was changed." in told


def test_a_plan_that_would_make_something_else_now_is_refused(
    plan: Path, cluster: Cluster, takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What is pushed is what was looked at, or nothing."""
    data = json.loads(plan.read_text())
    other = data["description"].replace('user = "pg"', 'user = "root"')
    plan.write_text(json.dumps(data | {"description": other}))
    assert takeover("apply", plan) == 1
    assert cluster.writes == []
    assert "makes another configuration than when the plan was made" in capsys.readouterr().err


def test_the_status_may_change(plan: Path, live: str) -> None:
    """A cluster's status changes all the time; a plan is about the configuration."""
    cib = etree.fromstring(live)
    cib.set("num_updates", "4711")
    cib.set("dc-uuid", "3")
    for state in cib.findall("status/node_state")[1:]:
        state.getparent().remove(state)  # type: ignore[union-attr]
    for element in cib.iter():
        element.tail = None
    found = saved_plan.load(plan)
    new = etree.fromstring(found.new)
    found.check(cib, new)
    cib.find("configuration/resources").append(  # type: ignore[union-attr]
        etree.fromstring('<primitive id="x" class="ocf" provider="heartbeat" type="Dummy"/>')
    )
    with pytest.raises(ClusterError, match="primitive x created"):
        found.check(cib, new)


@pytest.mark.parametrize(
    "text", ["", "{}", "{", '{"format": "takeover-plan-1"}', '{"format": "x"}', "[1]", "{\xff"]
)
def test_what_is_no_plan_is_refused(text: str, tmp_path: Path) -> None:
    """The message says how a plan is made."""
    file = tmp_path / "x.plan"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="make it with: takeover plan FILE --out PLAN"):
        saved_plan.load(file)


def test_values_of_another_kind_are_refused(plan: Path) -> None:
    """A plan that somebody has edited is not half believed."""
    data = json.loads(plan.read_text())
    plan.write_text(json.dumps(data | {"digest": 1}))
    with pytest.raises(UsageError, match="is not a whole plan"):
        saved_plan.load(plan)


def test_a_folder_that_is_not_there(
    cluster: Cluster, takeover: Takeover, description: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It is said that the plan is not saved, not that there is none."""
    change(description, ('user = "postgres"', 'user = "pg"'))
    cluster.cib = (LIVE / "2.1.xml").read_text()
    cluster.scheduled = (answer("nothing"), answer("parameter"))
    out = tmp_path / "nowhere" / "x.plan"
    assert takeover("plan", description, "--cib", LIVE / "2.1.xml", "--out", out) == 2
    assert f"{out}: the plan cannot be written: No such file" in capsys.readouterr().err
