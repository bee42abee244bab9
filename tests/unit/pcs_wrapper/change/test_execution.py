"""The steps of a change: what is shown is run, and what was interrupted is gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.killed import Killed, kill
from tests.unit.fakes.programs import PUSH
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

APPLIED = to_text(merge(etree.fromstring(LIVE), read_description(EXAMPLE)))
FAILURE = "fail-count-shop-app#monitor_5000"
DELETE_FAILURE = f"attrd_updater --delete '--name={FAILURE}' --node=node2"


def write(folder: Path, text: str) -> Path:
    """Write a description."""
    file = folder / "cluster.toml"
    file.write_text(text)
    return file


@pytest.fixture
def emptied(tmp_path: Path) -> Path:
    """Return the example's description without its service."""
    text = EXAMPLE.read_text()
    return write(tmp_path, text[: text.index("[services.shop]")])


@pytest.fixture
def other_fencing(tmp_path: Path) -> Path:
    """Return the example's description with another agent for its fencing device."""
    return write(tmp_path, EXAMPLE.read_text().replace("fence_apc", "fence_apc_snmp"))


def with_a_failure(cib: str) -> str:
    """Return a CIB with a failure that Pacemaker remembers, as the attribute manager writes it."""
    root = etree.fromstring(cib)
    [status] = root.iterfind("status")
    for state in status.iterfind("node_state"):
        status.remove(state)
    state = etree.SubElement(status, "node_state", id="2", uname="node2")
    transient = etree.SubElement(state, "transient_attributes", id="2")
    pairs = etree.SubElement(transient, "instance_attributes", id="status-2")
    etree.SubElement(pairs, "nvpair", id="status-2-failure", name=FAILURE, value="1")
    return to_text(root)


def writes(commands: list[str]) -> list[str]:
    """Return those of the shown commands that change something, as the cluster records them."""
    reads = ("pcs cluster cib ", "crm_diff ", "crm_resource --wait")
    # A survey is put there and taken out again (`asked` of the fake cluster has it).
    changes = [
        command
        for command in commands
        if not command.startswith(reads) and "takeover-survey" not in command
    ]
    return [PUSH if command.startswith(PUSH) else command for command in changes]


def shown(
    takeover: Takeover, capsys: pytest.CaptureFixture[str], *command: str | Path
) -> list[str]:
    """Return the commands that a dry run shows, and see that its two forms agree."""
    capsys.readouterr()
    takeover(*command, "--dry-run", "--json")
    told = json.loads(capsys.readouterr().out)
    takeover(*command, "--dry-run")
    lines = capsys.readouterr().out.splitlines()
    steps = [line for step in told["steps"] for line in (f"# {step['what']}", *step["commands"])]
    assert lines[len(lines) - len(steps) :] == steps
    assert told["commands"] == [line for step in told["steps"] for line in step["commands"]]
    return list(told["commands"])


@pytest.mark.parametrize(
    ("description", "options", "program"),
    [
        ("emptied", [], "stop.xml"),
        ("emptied", ["--confirm", "5m"], "systemd-run"),
        ("other_fencing", [], "pcs stonith cleanup fence-power"),
        ("other_fencing", ["--confirm", "5m"], "systemd-run"),
    ],
)
def test_an_apply_and_its_rollback_run_what_was_shown(  # noqa: PLR0917 - fixtures
    description: str,
    options: list[str],
    program: str,
    cluster: Cluster,
    takeover: Takeover,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    """Every write of it, in its order: pushes, timers, cleanups, what is deleted."""
    file = request.getfixturevalue(description)
    cluster.state, cluster.cib = "running", with_a_failure(APPLIED)
    cluster.programs.add("attrd_updater")
    commands = shown(takeover, capsys, "apply", *options, file)
    assert any(program in command for command in commands)
    assert (DELETE_FAILURE in commands) == (description == "emptied")
    assert cluster.writes == []
    if description == "emptied":
        cluster.when(PUSH, state="disabled")
        cluster.when(PUSH, state="cluster-only")
    assert takeover("apply", *options, file) == 0
    assert cluster.writes == writes(commands)
    cluster.writes.clear()
    back = shown(takeover, capsys, "rollback")
    assert any("systemctl stop" in command for command in back) == bool(options)
    takeover("rollback", "--yes")
    assert cluster.writes == writes(back)
    assert bool(cluster.asked) == any("takeover-survey" in command for command in back)


def test_the_next_apply_goes_on_after_the_push(
    cluster: Cluster,
    takeover: Takeover,
    other_fencing: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A command was killed between push and cleanup: the next one cleans up, and it alone."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.when("pcs stonith cleanup", before=kill)
    with pytest.raises(Killed):
        takeover("apply", other_fencing)
    cleanup = "pcs stonith cleanup fence-power"
    cluster.writes.clear()
    takeover("status")  # which resolves what was interrupted, and changes nothing
    assert cluster.writes == []
    assert writes(shown(takeover, capsys, "apply", other_fencing)) == [cleanup]
    assert takeover("apply", other_fencing) == 0
    assert cluster.writes == [cleanup]
    assert "recording that all steps of checkpoint 1 have been run now" in takeover.said
    assert takeover("apply", other_fencing) == 0
    assert cluster.writes == [cleanup]


def test_what_is_left_is_only_done_where_it_still_makes_sense(
    cluster: Cluster, takeover: Takeover, other_fencing: Path
) -> None:
    """A fencing device that somebody has removed since is not cleaned up."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.when("pcs stonith cleanup", before=kill)
    with pytest.raises(Killed):
        takeover("apply", other_fencing)
    root = etree.fromstring(cluster.cib)
    for device in root.findall("configuration/resources/primitive[@class='stonith']"):
        parent = device.getparent()
        assert parent is not None
        parent.remove(device)
    cluster.cib = to_text(root)
    cluster.writes.clear()
    takeover("apply", other_fencing)
    assert cluster.writes == [PUSH]


def test_a_removal_that_is_repeated_is_rolled_back_with_its_stop(
    cluster: Cluster, takeover: Takeover, emptied: Path
) -> None:
    """Killed between stop and removal, repeated, rolled back: the service runs as before."""
    cluster.state, cluster.cib = "running", APPLIED
    cluster.when(PUSH, state="disabled", then=kill)
    with pytest.raises(Killed):
        takeover("apply", emptied)
    assert 'value="Stopped"' in cluster.cib
    cluster.when(PUSH, state="cluster-only")
    assert takeover("apply", emptied) == 0
    assert 'id="shop"' not in cluster.cib
    cluster.when(PUSH, state="running")
    assert takeover("rollback", "--yes") == 0
    assert 'id="shop"' in cluster.cib
    assert 'value="Stopped"' not in cluster.cib
