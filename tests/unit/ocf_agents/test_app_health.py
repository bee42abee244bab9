"""What a monitor says of an application that runs: healthy, degraded, or neither."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ocf_agents.app import App
from ocf_agents.runtime.agent import Code
from tests.unit.fakes.applications import HEALTH, RECURRING, SLEEP, shell
from tests.unit.ocf_agents.conftest import Act

pytestmark = pytest.mark.usefixtures("no_process_left")


def test_a_degraded_application_is_no_failure(act: Act) -> None:
    """A health check that exits with 190 is passed on, with its words; nothing is recovered."""
    parameters = {**SLEEP, "health": "command:/bin/sh -c 'echo one disk of two; exit 190'"}
    act(App, "start", **parameters)
    outcome = act(App, "monitor", **parameters, environ=HEALTH)
    assert (outcome.code, outcome.kept) == (Code.DEGRADED, "one disk of two; sleep is degraded")
    assert act(App, "monitor", **parameters, environ=RECURRING).code == Code.SUCCESS


def test_a_degraded_application_is_ready(act: Act) -> None:
    """It serves: a start that waited for more would end in a failure."""
    parameters = {**SLEEP, "ready": "command:/bin/sh -c 'echo one disk of two; exit 190'"}
    outcome = act(App, "start", **parameters)
    assert outcome.code == Code.SUCCESS
    assert outcome.reason == "one disk of two; sleep is degraded\n"


def test_a_failure_counts_more_than_what_is_degraded(act: Act) -> None:
    """Whichever of the two checks says it."""
    act(App, "start", **SLEEP)
    degraded, failed = "/bin/sh -c 'exit 190'", "/bin/sh -c 'exit 1'"
    for hook, health in ((degraded, failed), (failed, degraded)):
        given = {**SLEEP, "monitor_hook": hook, "health": f"command:{health}"}
        assert act(App, "monitor", **given, environ=HEALTH).code == Code.ERR_GENERIC


def test_a_health_check_has_its_own_limit(act: Act) -> None:
    """It is over before the monitor's time is."""
    act(App, "start", **SLEEP)
    given = {**SLEEP, "health": "command:/bin/sleep 60", "health_timeout": "1"}
    began = time.monotonic()
    outcome = act(App, "monitor", **given, environ=HEALTH)
    assert outcome.kept == "sleep did not finish in time and was killed; sleep is not healthy"
    assert 1 <= time.monotonic() - began < 10


def test_a_ready_check_has_its_own_limit(act: Act) -> None:
    """A start fails when it is over, not at the end of the action's time."""
    began = time.monotonic()
    given = {**SLEEP, "ready": "command:/bin/sh -c 'echo no; exit 1'", "ready_timeout": "1"}
    outcome = act(App, "start", **given)
    assert outcome.kept == "no (sh failed with 1); sleep did not become ready in time"
    assert 1 <= time.monotonic() - began < 10


def test_a_monitor_never_bans_the_node_over_its_check(act: Act) -> None:
    """A program of a check that has vanished is a failure here, from which the service moves."""
    act(App, "start", **SLEEP)
    given = {**SLEEP, "health": "command:/nowhere/check", "user": "no-such-user"}
    assert act(App, "monitor", **given, environ=HEALTH).code == Code.ERR_GENERIC
    given = {**SLEEP, "monitor_hook": "no-such-check"}
    assert act(App, "monitor", **given, environ=RECURRING).code == Code.ERR_GENERIC


def test_the_hook_runs_at_every_monitor(act: Act) -> None:
    """As the stock agent's does, whatever the level; also on a probe."""
    given = {**SLEEP, "monitor_hook": "sh -c 'echo no disk; exit 1'"}
    assert act(App, "monitor", **given).code == Code.NOT_RUNNING
    act(App, "start", **SLEEP)
    for environ in ({}, RECURRING, HEALTH):
        outcome = act(App, "monitor", **given, environ=environ)
        assert outcome.code == Code.ERR_GENERIC
        assert outcome.kept == "no disk (sh failed with 1); sleep is not healthy"


def test_the_hook_knows_the_resource(act: Act, tmp_path: Path) -> None:
    """It has the environment of the agent, as in the stock agent."""
    seen = tmp_path / "seen"
    act(App, "start", **SLEEP)
    hook = shell(tmp_path, f'echo "$OCF_RESOURCE_INSTANCE $OCF_RESKEY_port" > {seen}')["binfile"]
    given = {**SLEEP, "monitor_hook": hook, "port": "5432"}
    assert act(App, "monitor", **given, environ=RECURRING).code == Code.SUCCESS
    assert seen.read_text() == "shop 5432\n"


def test_a_start_waits_until_the_hook_passes(act: Act, tmp_path: Path) -> None:
    """The stock agent asks once, at once; here it is the ready check if there is no other."""
    done = tmp_path / "done"
    parameters = shell(tmp_path, f"sleep 0.3; touch {done}; exec sleep 300")
    given = {**parameters, "monitor_hook": f"/usr/bin/test -e {done}"}
    assert act(App, "start", **given).code == Code.SUCCESS
    assert done.exists()


def test_a_hook_that_needs_a_shell_is_refused_before_the_start(act: Act) -> None:
    """With the cure, and on no node: it is exit 6."""
    outcome = act(App, "start", **SLEEP, monitor_hook="check | grep well")
    assert outcome.code == Code.ERR_CONFIGURED
    assert "needs a shell, and gets none: put it into a script" in outcome.reason
    assert act(App, "monitor", **SLEEP).code == Code.NOT_RUNNING


def test_a_watcher_that_died_is_started_again_while_degraded(
    act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that is degraded runs, and its failures are to be told at once."""
    seen = []
    monkeypatch.setattr(App, "after_monitor", lambda _: seen.append("monitored"))
    given = {**SLEEP, "health": "command:/bin/sh -c 'exit 190'"}
    act(App, "start", **given)
    assert act(App, "monitor", **given, environ=HEALTH).code == Code.DEGRADED
    assert seen == ["monitored"]
