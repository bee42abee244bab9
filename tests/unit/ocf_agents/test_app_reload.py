"""What changes without a restart of the application, and how it is told."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ocf_agents.app import App
from ocf_agents.runtime.agent import Code
from ocf_agents.runtime.state import State
from tests.unit.fakes.applications import HEALTH, RECURRING, SLEEP, shell, wait_for
from tests.unit.ocf_agents.conftest import Act

pytestmark = pytest.mark.usefixtures("no_process_left")


def test_the_application_reads_its_configuration_again(
    act: Act, tmp_path: Path, state: State
) -> None:
    """reload-agent sends the signal that the application knows for it, and nothing restarts."""
    ready, told = tmp_path / "ready", tmp_path / "told"
    script = f"trap 'echo again > {told}' HUP\necho > {ready}\nwhile :; do sleep 0.05; done"
    parameters = shell(tmp_path, script)
    act(App, "start", **parameters)
    wait_for(ready)
    pid = state.read()["pid"]
    assert act(App, "reload-agent", **parameters).code == Code.SUCCESS
    assert not told.exists()
    assert act(App, "reload-agent", **parameters, reload_signal="HUP").code == Code.SUCCESS
    assert wait_for(told) == "again\n"
    assert state.read()["pid"] == pid


def test_an_application_that_does_not_know_the_signal_is_a_failure(act: Act) -> None:
    """Most signals end a program that does not expect them: said at once, not by a monitor."""
    act(App, "start", **SLEEP)
    outcome = act(App, "reload-agent", **SLEEP, reload_signal="HUP")
    assert (outcome.code, outcome.kept) == (Code.ERR_GENERIC, "sleep ended on SIGHUP")


def test_what_does_not_run_cannot_be_reloaded(act: Act) -> None:
    """The cluster then restarts it: 7 is for monitors (OCF RA API 1.1, "Exit Status Codes")."""
    outcome = act(App, "reload-agent", **SLEEP)
    assert (outcome.code, outcome.kept) == (Code.ERR_GENERIC, "sleep does not run")


def test_a_revision_without_a_signal_is_a_mistake(act: Act) -> None:
    """A change of it would do nothing."""
    outcome = act(App, "validate-all", **SLEEP, revision="2")
    assert (outcome.code, outcome.kept) == (Code.ERR_CONFIGURED, "revision needs reload_signal")
    given = {**SLEEP, "revision": "2", "reload_signal": "HUP"}
    assert act(App, "validate-all", **given).code == Code.SUCCESS


def test_what_is_reloadable_takes_effect_without_a_restart(act: Act, state: State) -> None:
    """Nothing of it is remembered from the start: each action reads it anew."""
    act(App, "start", **SLEEP, health="command:/bin/true", stop_timeout="60")
    values = state.read()
    assert set(values) == {"pid", "started", "mark"}
    changed = {
        **SLEEP,
        "health": "command:/bin/sleep 60",
        "health_timeout": "1",
        "stop_signal": "KILL",
        "stop_timeout": "1",
        "watch": "false",
    }
    assert act(App, "reload-agent", **changed).code == Code.SUCCESS
    assert state.read() == values
    began = time.monotonic()
    outcome = act(App, "monitor", **changed, environ=HEALTH)
    assert outcome.code == Code.ERR_GENERIC
    assert time.monotonic() - began < 10
    changed["monitor_hook"] = "/bin/false"
    assert act(App, "monitor", **changed, environ=RECURRING).code == Code.ERR_GENERIC


def test_what_needs_a_restart_is_not_reloadable() -> None:
    """What the running process was started with cannot change under it."""
    assert {each.name for each in App.parameters() if not each.reloadable} == {
        "binfile",
        "cmdline_options",
        "user",
        "workdir",
        "environment_file",
        "limits",
        "umask",
        "logfile",
        "errlogfile",
        "pidfile",
    }
