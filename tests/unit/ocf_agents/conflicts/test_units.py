"""Units that a resource shall run and somebody else runs, by whatever name."""

from __future__ import annotations

from typing import Any

import pytest

from ocf_agents.conflicts.question import Resource
from ocf_agents.conflicts.units import conflicts
from ocf_agents.runtime import command, systemd
from ocf_agents.runtime.agent import AgentError, Deadline

# What systemd says of each name: an alias leads to the unit itself.
UNITS = {
    "nginx.service": ("nginx.service", "active"),
    "web.service": ("nginx.service", "active"),
    "redis.service": ("redis.service", "inactive"),
}


@pytest.fixture(autouse=True)
def _systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a systemd that knows some units."""

    def show(words: list[str], _deadline: Deadline) -> command.Result:
        identity, state = UNITS.get(words[-1], (words[-1], "inactive"))
        output = f"Id={identity}\nActiveState={state}\n"
        return command.Result(words, 0, output, "", what="systemctl")

    monkeypatch.setattr(systemd, "is_running", lambda: True)
    monkeypatch.setattr(command, "run", show)


def resource(agent: str, service: str = "new", **values: Any) -> Resource:
    """Return a resource without parameters."""
    whole = {"id": f"{service}-app", "service": service, "agent": agent, "parameters": {}}
    return Resource(whole | values, {})


def found(new: Resource, *others: Resource, looks: bool = True) -> list[str]:
    """Return what is found."""
    return [each.message for each in conflicts(new, [*others], Deadline(5), looks=looks)]


@pytest.mark.parametrize("agent", ["systemd:nginx", "systemd:nginx.service", "service:nginx"])
def test_the_unit_of_another_resource(agent: str) -> None:
    """By each of its names, whichever class of agent runs it."""
    site = resource("systemd:web", "site")
    [said] = found(resource(agent), site)
    assert said.endswith("is the unit of site-app of site")


def test_a_unit_that_runs_outside_of_the_cluster() -> None:
    """On a node that may run the resource; one that the change takes away is not in the way."""
    new = resource("systemd:nginx")
    assert found(new) == ["nginx.service runs already, not by the cluster"]
    assert found(new, looks=False) == []
    assert found(new, resource("systemd:nginx", "old", leaves=True)) == []
    assert found(resource("systemd:redis")) == []


def test_what_is_not_new_or_no_unit_is_not_asked_about() -> None:
    """A changed monitor of a unit, or an agent of another kind."""
    assert found(resource("systemd:nginx", was={})) == []
    assert found(resource("ocf:heartbeat:Dummy")) == []


def test_a_systemd_that_does_not_answer_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """But the same name is the same unit."""

    def fail(_words: list[str], _deadline: Deadline) -> command.Result:
        raise AgentError("no answer")

    monkeypatch.setattr(command, "run", fail)
    assert found(resource("systemd:nginx")) == []
    assert len(found(resource("systemd:nginx"), resource("systemd:nginx", "site"))) == 1
