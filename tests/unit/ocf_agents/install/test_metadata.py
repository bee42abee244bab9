"""The agents' meta-data, judged by the rules of the OCF RA API 1.1."""

from __future__ import annotations

import pytest
from lxml import etree

from ocf_agents.app import App
from ocf_agents.filesystem import Filesystem
from ocf_agents.install.metadata import metadata
from ocf_agents.ip import Ip
from ocf_agents.ocf import run
from ocf_agents.runtime.agent import Action, Agent
from ocf_agents.runtime.parameters import Text
from ocf_agents.survey import Survey

AGENTS = (App, Filesystem, Ip, Survey)


def document(agent: type[Agent]) -> etree._Element:
    return etree.fromstring(metadata(agent).encode())


@pytest.mark.parametrize("agent", AGENTS)
def test_meta_data_needs_no_environment(
    agent: type[Agent], capsys: pytest.CaptureFixture[str]
) -> None:
    """meta-data works without any variable and is the whole document."""
    assert run(agent, ["meta-data"], {}) == 0
    assert capsys.readouterr().out == metadata(agent)


@pytest.mark.parametrize("agent", AGENTS)
def test_elements_come_in_the_order_of_the_schema(agent: type[Agent]) -> None:
    """The 1.1 schema fixes the order of elements, and the version is that of the API."""
    root = document(agent)
    assert [child.tag for child in root] == [
        "version",
        "longdesc",
        "shortdesc",
        "parameters",
        "actions",
    ]
    assert root.findtext("version") == "1.1"
    for parameter in root.iterfind("parameters/parameter"):
        assert [child.tag for child in parameter] == ["longdesc", "shortdesc", "content"]


@pytest.mark.parametrize("agent", AGENTS)
def test_the_mandatory_actions_are_advertised(agent: type[Agent]) -> None:
    """start, stop, monitor, meta-data and validate-all are there, with time limits."""
    actions = document(agent).findall("actions/action")
    assert {action.get("name") for action in actions} == {
        "start",
        "stop",
        "monitor",
        "reload-agent",
        "meta-data",
        "validate-all",
    }
    assert all(str(action.get("timeout")).endswith("s") for action in actions)


def test_app_has_a_monitor_for_each_level() -> None:
    """The health check is a monitor of its own, with another interval (else Pacemaker refuses)."""
    monitors = document(App).findall("actions/action[@name='monitor']")
    assert [(m.get("depth"), m.get("interval")) for m in monitors] == [("0", "10s"), ("10", "30s")]


def test_no_two_resources_may_have_the_same_address() -> None:
    """The addresses are unique together with their interface."""
    parameters = document(Ip).findall("parameters/parameter[@unique-group='address']")
    assert [parameter.get("name") for parameter in parameters] == ["ip", "addresses", "nic"]


def test_a_choice_lists_its_options() -> None:
    """Tools can offer the words that a parameter takes."""
    [content] = document(App).findall("parameters/parameter[@name='stop_signal']/content")
    assert content.get("type") == "select"
    assert content.get("default") == "TERM"
    assert "INT" in [option.get("value") for option in content]


def test_text_is_escaped() -> None:
    """Descriptions may contain what is special in XML."""

    class Odd(Agent):
        name = "odd"
        short = "a < b"
        long = "a & b"
        actions = (Action("start", timeout=1),)
        text = Text('a "b"', "<none>", default="'\"&<>")

    root = document(Odd)
    assert root.findtext("shortdesc") == "a < b"
    assert root.findtext("longdesc") == "a & b"
    [content] = root.findall("parameters/parameter/content")
    assert content.get("default") == "'\"&<>"
