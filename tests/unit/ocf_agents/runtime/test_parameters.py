"""Parameters: what is read from the environment, and what is wrong with it."""

from __future__ import annotations

import pytest
from lxml import etree

from ocf_agents.install.metadata import metadata
from ocf_agents.runtime.agent import Action, Agent
from ocf_agents.runtime.parameters import Boolean, Choice, Integer, Text


class Base(Agent):
    """An agent that others inherit a parameter from."""

    common = Boolean("Common", "Inherited.", default=True, reloadable=True)


class Example(Base):
    """An agent with a parameter of each type."""

    name = "example"
    short = "Example"
    long = "An agent for tests."
    actions = (Action("start", timeout=30),)

    old = Text("Old name", "Deprecated.", replaced_with="word")
    word = Text("Word", "Any text.")
    port = Integer("Port", "A port.", minimum=1, maximum=65535)
    nice = Integer("Niceness", "May be negative.", default="0", minimum=-20, maximum=19)
    many = Integer("Many", "One or more.", default="1", minimum=1)
    force = Boolean("Force", "Off by default.", default=False)
    colour = Choice("Colour", "A word.", options=("red", "green"), default="red")


def example(**values: str) -> Example:
    return Example({f"OCF_RESKEY_{name}": value for name, value in values.items()})


@pytest.mark.parametrize("word", ["true", "YES", "On", "y", "1"])
def test_true_in_all_of_the_clusters_words(word: str) -> None:
    """What Pacemaker takes for true is true here."""
    assert example(force=word).force is True


@pytest.mark.parametrize("word", ["false", "No", "off", "n", "0"])
def test_false_in_all_of_the_clusters_words(word: str) -> None:
    """What Pacemaker takes for false is false here."""
    assert example(common=word).common is False


def test_a_boolean_that_is_neither_has_its_default_and_is_a_mistake() -> None:
    """A stop with a wrong value goes on with the default; a start refuses it."""
    agent = example(force="maybe", common="maybe")
    assert (agent.force, agent.common) == (False, True)
    with pytest.raises(Exception, match="force=maybe is not true or false"):
        agent.validate()


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("65535", 65535), ("", None)])
def test_a_number_in_its_range(text: str, value: int | None) -> None:
    """The ends of a range belong to it."""
    assert example(port=text).port == value


@pytest.mark.parametrize("text", ["0", "65536", "-1", "1.5", "ten", "٣", "--1", "-"])
def test_a_number_out_of_its_range_is_a_mistake(text: str) -> None:
    """The mistake names the range, and reading the value gives nothing."""
    agent = example(port=text)
    assert agent.port is None
    with pytest.raises(Exception, match=f"port={text} is not a whole number from 1 to 65535"):
        agent.validate()


def test_a_range_may_be_negative() -> None:
    """Niceness is the example."""
    assert example(nice="-20").nice == -20


def test_a_lower_end_is_told() -> None:
    """Without an upper end, the message has the lower one."""
    with pytest.raises(Exception, match="many=0 is not a whole number of at least 1"):
        example(many="0").validate()


def test_inherited_parameters_come_last() -> None:
    """What an agent declares itself is what its users look for first."""
    names = [parameter.name for parameter in Example.parameters()]
    assert names == ["old", "word", "port", "nice", "many", "force", "colour", "common"]


def test_the_meta_data_says_what_is_reloadable_and_what_is_deprecated() -> None:
    """OCF RA API 1.1: the attribute `reloadable`, the elements `deprecated` and `replaced-with`."""
    document = etree.fromstring(metadata(Example).encode())
    reloadable = document.findall("parameters/parameter[@reloadable='1']")
    assert [parameter.get("name") for parameter in reloadable] == ["common"]
    [replaced] = document.findall("parameters/parameter[@name='old']/deprecated/replaced-with")
    assert replaced.get("name") == "word"
