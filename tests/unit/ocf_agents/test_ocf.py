"""The runtime: actions, exit codes, reasons, deadlines."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from ocf_agents.ocf import run
from ocf_agents.runtime.agent import Action, Agent, AgentError, Code
from ocf_agents.runtime.parameters import Choice, Integer, Text
from tests.unit.ocf_agents.conftest import Act


class Example(Agent):
    """An agent that does what its parameter `behaviour` says."""

    name = "example"
    short = "Example"
    long = "An agent for tests."
    actions = (Action("start", timeout=30), Action("monitor", timeout=20, interval=10, depth=0))

    behaviour = Text("Behaviour", "What happens.", required=True)
    count = Integer("Count", "A number.", default="3")
    colour = Choice("Colour", "A word.", options=("red", "green"), default="red")

    def start(self) -> None:
        """Fail in the way asked for."""
        if self.behaviour == "refuse":
            raise AgentError("it would\nnot", Code.ERR_INSTALLED)
        if self.behaviour == "crash":
            raise KeyError(self.behaviour)
        if self.behaviour == "forbidden":
            raise PermissionError(13, "Permission denied")

    def stop(self) -> None:
        """Stop nothing."""

    def monitor(self) -> int:
        """Say that nothing runs."""
        return Code.NOT_RUNNING

    def check_host(self) -> None:
        """Refuse this host if asked to."""
        if self.behaviour == "wrong-host":
            raise AgentError("not here", Code.ERR_ARGS)


def test_unknown_action_exits_3(act: Act) -> None:
    """An action that the agent does not know is "unimplemented"."""
    outcome = act(Example, "dance", behaviour="fine")
    assert outcome.code == Code.ERR_UNIMPLEMENTED
    assert outcome.reason == "ocf-exit-reason:unknown action 'dance'; known: start, monitor\n"


def test_no_action_exits_3() -> None:
    """An agent called without an action says so instead of crashing."""
    assert run(Example, [], {}) == Code.ERR_UNIMPLEMENTED


def test_extra_arguments_are_ignored() -> None:
    """Arguments after the action are for future versions of the API."""
    assert run(Example, ["monitor", "extra"], {"OCF_RESKEY_behaviour": "x"}) == Code.NOT_RUNNING


def test_a_failure_is_one_line_with_the_prefix_of_the_cluster(act: Act) -> None:
    """A reason is written on one line behind $OCF_EXIT_REASON_PREFIX."""
    outcome = act(Example, "start", behaviour="refuse", environ={"OCF_EXIT_REASON_PREFIX": "why:"})
    assert outcome.code == Code.ERR_INSTALLED
    assert outcome.reason == "why:it would not\n"


def test_an_unexpected_exception_is_a_reason_not_a_traceback(act: Act) -> None:
    """A defect in an agent ends in a reason and exit code 1."""
    outcome = act(Example, "start", behaviour="crash")
    assert outcome.code == Code.ERR_GENERIC
    assert outcome.reason == (
        "ocf-exit-reason:start: unexpected KeyError: 'crash' (HA_debug=1 shows where)\n"
    )


def test_debugging_shows_the_traceback(act: Act) -> None:
    """With HA_debug set, the log has the traceback as well."""
    outcome = act(Example, "start", behaviour="crash", environ={"HA_debug": "1"})
    assert "Traceback" in outcome.reason


def test_missing_privilege_exits_4(act: Act) -> None:
    """What only root may do is "insufficient privilege", with the cure."""
    outcome = act(Example, "start", behaviour="forbidden")
    assert outcome.code == Code.ERR_PERM
    assert "agents run as root" in outcome.reason


def test_all_wrong_parameters_are_named_at_once(act: Act) -> None:
    """Parameters that are wrong on every node are "not configured", all in one reason."""
    outcome = act(Example, "start", count="many", colour="blue")
    assert outcome.code == Code.ERR_CONFIGURED
    assert outcome.reason == (
        "ocf-exit-reason:the parameter behaviour is missing; count=many is not a whole number; "
        "colour=blue is not one of red, green\n"
    )


def test_stop_ignores_wrong_parameters(act: Act) -> None:
    """A stop never fails over parameters: a failed stop gets the node fenced."""
    assert act(Example, "stop", count="many").code == Code.SUCCESS


def test_validate_all_looks_at_this_host_from_level_10_on(act: Act) -> None:
    """At level 0 only the syntax counts, so that any host can judge it."""
    assert act(Example, "validate-all", behaviour="wrong-host").code == Code.SUCCESS
    level = {"OCF_CHECK_LEVEL": "10"}
    outcome = act(Example, "validate-all", behaviour="wrong-host", environ=level)
    assert outcome.code == Code.ERR_ARGS


@pytest.mark.parametrize(("interval", "probe"), [("0", True), (None, True), ("10000", False)])
def test_a_monitor_without_interval_is_a_probe(interval: str | None, probe: bool) -> None:
    """A probe is a monitor with interval 0, or none."""
    environ = {} if interval is None else {"OCF_RESKEY_CRM_meta_interval": interval}
    assert Example(environ).probe is probe


def test_parameters_have_types_and_defaults() -> None:
    """A parameter is read as its type, and has its default when absent or empty."""
    agent = Example({"OCF_RESKEY_count": "", "OCF_RESKEY_colour": "green"})
    assert (agent.count, agent.colour, agent.behaviour) == (3, "green", "")


@pytest.mark.parametrize(
    ("timeout", "low", "high"), [("20000", 18, 19.8), ("1000", 0.5, 0.8), (None, 28, 29.8)]
)
def test_the_deadline_is_before_the_clusters(timeout: str | None, low: float, high: float) -> None:
    """An action ends before Pacemaker kills it; without a limit, by the advertised one."""
    environ = {} if timeout is None else {"OCF_RESKEY_CRM_meta_timeout": timeout}
    assert low < Example(environ, "start").deadline.left() < high


ODD_NUMBERS = ["²", "\u0661\u0662", "9" * 5000, "", "-1", "1e3", " 20000", "20000 ", "0x10"]


@pytest.mark.parametrize("timeout", ODD_NUMBERS)
def test_an_odd_time_limit_is_none(act: Act, timeout: str) -> None:
    """Then it is the advertised one: no action fails over the number."""
    environ = {"OCF_RESKEY_CRM_meta_timeout": timeout}
    assert act(Example, "stop", environ=environ).code == Code.SUCCESS
    assert 28 < Example(environ, "start").deadline.left() < 30


@pytest.mark.parametrize("level", ODD_NUMBERS)
def test_an_odd_check_level_is_none(level: str) -> None:
    """As with one that is absent."""
    assert Example({"OCF_CHECK_LEVEL": level}).check_level == 0


@pytest.mark.parametrize("milliseconds", ["2147483648", "99999999999", "9" * 18])
def test_a_very_long_time_limit_can_be_waited_for(milliseconds: str) -> None:
    """Of more than 24.8 days poll(2) takes no number, of more than 292 years nothing does."""
    environ = {"OCF_RESKEY_CRM_meta_timeout": milliseconds}
    left = Example(environ, "stop").deadline.left()
    assert 24 * 3600 < left < (1 << 31) / 1000
    with (Path("/dev/zero")).open("rb") as ready:
        poll = select.poll()
        poll.register(ready, select.POLLIN)
        assert poll.poll(left * 1000)


@pytest.mark.parametrize("count", [*ODD_NUMBERS[:3], "9" * 20])
def test_a_parameter_of_odd_digits_is_a_mistake(act: Act, count: str) -> None:
    """It is named, and nothing else goes wrong."""
    outcome = act(Example, "start", behaviour="fine", count=count)
    assert outcome.code == Code.ERR_CONFIGURED
    assert "is not a whole number" in outcome.reason


def test_a_reason_has_nothing_that_acts_on_a_terminal(act: Act) -> None:
    """What a parameter or a program says comes back as text, on one line."""
    outcome = act(Example, "start", behaviour="fine", colour="\x1b]0;x\x07\x9b\u202e\udcff\n")
    assert outcome.reason == (
        "ocf-exit-reason:colour=\\x1b]0;x\\x07\\x9b\\u202e\\xff is not one of red, green\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be confined")
@pytest.mark.parametrize(
    "confined",
    [["unshare", "--user", "--map-root-user"], ["setpriv", "--bounding-set=-net_admin"]],
    ids=["user namespace", "container"],
)
def test_root_that_lacks_a_right_does_not_ban_the_node(confined: list[str]) -> None:
    """It has failed, and says where; it is not told to run as root."""
    code = (
        "import sys\n"
        "from tests.unit.ocf_agents.test_ocf import Example, run\n"
        "sys.exit(run(Example, ['start'], {'OCF_RESKEY_behaviour': 'forbidden'}))\n"
    )
    done = subprocess.run(
        [*confined, sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == Code.ERR_GENERIC, done.stderr
    assert "container or namespace" in done.stderr
    assert "run as root" not in done.stderr


def test_missing_modules_are_told_to_whoever_can_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be away for the moment of an update: that is no failure yet."""

    def incomplete(_: Example) -> None:
        raise ImportError("No module named 'x'")

    monkeypatch.setattr(Example, "stop", incomplete)
    with pytest.raises(ImportError):
        run(Example, ["stop"], {})
