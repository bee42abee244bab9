"""Run an agent's action as Pacemaker would, within this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocf_agents.app import App
from ocf_agents.ocf import run
from ocf_agents.program import containment, launch
from ocf_agents.program.files import output
from ocf_agents.runtime import command
from ocf_agents.runtime.agent import Agent, Code
from ocf_agents.runtime.state import State
from tests.unit.fakes.applications import SLEEP


class Outcome:
    """What an action returned and said."""

    def __init__(self, code: int, output: str, reason: str) -> None:
        self.code = code
        self.output = output
        self.reason = reason

    @property
    def kept(self) -> str:
        """What Pacemaker keeps of the reason: its beginning, of the last one."""
        reason = self.reason.rpartition("ocf-exit-reason:")[2]
        return reason.encode()[:120].decode(errors="ignore").rstrip("\n")


Act = Callable[..., Outcome]


@pytest.fixture
def act(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Act:
    """Return a function that performs an action of an agent with parameters."""

    def perform(
        agent: type[Agent],
        action: str,
        /,
        *,
        environ: dict[str, str] | None = None,
        **parameters: str,
    ) -> Outcome:
        variables = {
            "OCF_RESOURCE_INSTANCE": "shop",
            "HA_RSCTMP": str(tmp_path / "rsctmp"),
            **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
            **(environ or {}),
        }
        capsys.readouterr()
        code = run(agent, [action], variables)
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return perform


@pytest.fixture
def bare_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pretend a host with neither systemd, nor its journal, nor a cgroup v2 tree."""
    monkeypatch.setattr(containment, "cgroup_root", lambda: None)
    monkeypatch.setattr(output, "JOURNAL", str(tmp_path / "no-journal"))


@pytest.fixture
def no_process_left(
    act: Act,
    bare_host: None,  # noqa: ARG001 - has to come first
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Leave no process of an application behind, and do not wait long for its start."""
    monkeypatch.setattr(launch, "GRACE", 0.05)
    yield
    assert act(App, "stop", **SLEEP, stop_timeout="0").code == Code.SUCCESS


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Return what the agent remembers of the application."""
    return State({"HA_RSCTMP": str(tmp_path / "rsctmp")}, "shop")


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that puts a shell script in place of a program of the host."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setattr(command, "FOLDERS", (str(folder),))

    def put(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return put
