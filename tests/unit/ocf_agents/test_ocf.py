"""The runtime: actions, exit codes, reasons, deadlines."""

from __future__ import annotations

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
