"""`script/rig`: what it prints and leaves on the first node when a rig is up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from cib_templates.reading.reading import parse_with_advice
from vagrant import cli
from vagrant.common.disks import TARGET
from vagrant.one_machine.layout import Layout
from vagrant.one_machine.rig import OneMachineRig


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """The files that are written on nodes of a rig that comes up at once."""
    files: dict[tuple[str, str], str] = {}
    shape: dict[str, Any] = {"nodes": 3, "luns": 2, "lun_mib": 64, "release": "bookworm"}
    layout = Layout(name="rig", purpose="lab", tree="", wheel="", loop_base=64, **shape)

    class Ready(OneMachineRig):
        @property
        def layout(self) -> Layout:
            return layout

        def up(self, **_given: Any) -> None:
            pass

        def write(self, node: str, path: str, content: str) -> None:
            files[node, path] = content

        def command(self, node: str, *command: str) -> list[str]:
            return ["on", node, *command]

    monkeypatch.setattr(cli, "named", lambda _kind, name: Ready(name))
    return files


def test_a_rig_that_comes_up_describes_a_cluster_of_itself(
    written: dict[tuple[str, str], str],
) -> None:
    """With the target, without mistakes; the description is printed, and is on the first node."""
    done = CliRunner().invoke(cli.cli, ["up"])
    assert done.exit_code == 0, done.output
    [((node, path), text)] = written.items()
    assert (node, path) == ("node1", "/root/shop.toml")
    assert text in done.output
    described, warnings = parse_with_advice(text, Path(path))
    assert list(described.nodes) == ["node1", "node2", "node3"]
    assert f'target = "{TARGET}"' in text
    assert not warnings
    assert "docs/first-day.md" in done.output


def test_two_dashes_may_tell_a_command_from_the_rig_s_options(
    written: dict[tuple[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`exec NODE -- COMMAND` is `exec NODE COMMAND`."""
    ran: list[list[str]] = []
    monkeypatch.setattr(cli, "os", SimpleNamespace(execvp=lambda _file, line: ran.append(line)))
    for words in (["--", "ls", "-l"], ["ls", "-l"]):
        assert CliRunner().invoke(cli.cli, ["exec", "node1", *words]).exit_code == 0
    assert ran == [["on", "node1", "ls", "-l"]] * 2
    assert not written
