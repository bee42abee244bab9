"""A description that is edited in place, by whatever its author wrote around what is changed."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cib_templates.reading.editing import (
    with_new_name,
    with_node,
    with_other_node,
    without_node,
)
from cib_templates.reading.reading import parse_description, read_description

EXAMPLES = Path(__file__).parents[4] / "examples"


def changed(before: str, after: str) -> list[str]:
    """Return the lines that differ."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


def words(value: Any) -> Iterator[str]:
    """Yield every key and every string of a document."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            # One of the examples calls a node what a pattern is called.
            if key != "pattern":
                yield from words(each)
    elif isinstance(value, list):
        for each in value:
            yield from words(each)
    elif isinstance(value, str):
        yield value


def test_a_node_goes_and_every_comment_stays() -> None:
    """Nothing else in the file is touched, not even how it is laid out."""
    text = (EXAMPLES / "postgresql.toml").read_text()
    edited = without_node(text, "node3")
    assert changed(text, edited.text) == [
        "- [nodes.node3]",
        '- links = ["198.51.100.13", "203.0.113.13"]',
        "- ",
        '- plugs = { node1 = "1", node2 = "2", node3 = "3" }',
        '+ plugs = { node1 = "1", node2 = "2" }',
        '- nodes = ["node1", "node2", "node3"]',
        '+ nodes = ["node1", "node2"]',
    ]
    assert edited.what == (
        "the table [nodes.node3]",
        "fencing.power.plugs.node3",
        "node3 in services.shop.nodes",
    )
    description = parse_description(edited.text, EXAMPLES / "postgresql.toml")
    assert list(description.nodes) == ["node1", "node2"]


def test_layouts_of_every_kind() -> None:
    """Lists over several lines with comments, dotted keys, inline tables, tables of a node."""
    text = """\
schema = 1 # the first
cluster.name = "shop"

[nodes]
node1.links = ["198.51.100.11"] # one
node2.links = ["198.51.100.12"]
node3 = { links = ["198.51.100.13"] }

[fencing.power]
agent = "fence_apc"
nodes = [
    "node1", # left
    "node3", # the one that goes
    "node2",
]

[fencing.power.plugs]
node1 = "1"
node3 = "3"
node2 = "2"

[services.shop]
never_on = ["node3"]
preferences.node3 = 5
preferences.node1 = 7
"""
    edited = without_node(text, "node3")
    assert "node3" not in edited.text.replace("# the one that goes", "")
    for comment in ("# the first", "# one", "# left"):
        assert comment in edited.text
    assert len(edited.what) == 5


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_what_names_no_node_of_that_name_stays_as_it_is(file: Path) -> None:
    """Byte for byte."""
    text = file.read_text()
    assert without_node(text, "node99") == type(without_node(text, "node99"))(text, ())


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_no_name_is_left_in_any_example(file: Path) -> None:
    """Whatever its pattern: what is left says nothing of the node."""
    node = list(read_description(file).nodes)[-1]
    left = without_node(file.read_text(), node).text
    assert node not in set(words(tomllib.loads(left)))


_TWO = """\
# Two services.
[services.shop]  # the first one
pattern = "standby"

[services.'shop'.app]
command = ["/usr/bin/shop"]

[[services.shop.addresses]]
ip = "198.51.100.1"

[services.shopping]
after = [
    "shop",  # its database
]
with = ["shop", "other"]
note = "[services.shop] is named here"
"""


def test_a_service_gets_another_name_and_every_comment_stays() -> None:
    """Its tables, and where other services name it; nothing that is only alike."""
    edited = with_new_name(_TWO, "shop", "store")
    assert edited is not None
    assert changed(_TWO, edited.text) == [
        "- [services.shop]  # the first one",
        "+ [services.store]  # the first one",
        "- [services.'shop'.app]",
        "+ [services.'store'.app]",
        "- [[services.shop.addresses]]",
        "+ [[services.store.addresses]]",
        '-     "shop",  # its database',
        '+     "store",  # its database',
        '- with = ["shop", "other"]',
        '+ with = ["store", "other"]',
    ]
    assert edited.what == (
        "the table [services.shop] → [services.store] and those in it",
        "shop → store in services.shopping.after",
        "shop → store in services.shopping.with",
    )


@pytest.mark.parametrize(
    "text",
    [
        'services = { shop = { pattern = "standby" } }\n',
        'services.shop.pattern = "standby"\n',
        '[services]\nshop.pattern = "standby"\n',
        '[services.shop]\nnote = """\n[services.shop]\n"""\n',
    ],
)
def test_what_cannot_be_renamed_in_place_is_left(text: str) -> None:
    """Rather than another description is written."""
    assert with_new_name(text, "shop", "store") is None


def test_a_node_comes_after_the_others() -> None:
    """Nothing else in the file is touched."""
    text = (EXAMPLES / "postgresql.toml").read_text()
    edited = with_node(text, "node4", ("198.51.100.14", "203.0.113.14"))
    assert changed(text, edited.text) == [
        "+ ",
        "+ [nodes.node4]",
        '+ links = ["198.51.100.14", "203.0.113.14"]',
    ]
    assert edited.what == ("the table [nodes.node4]",)
    assert list(tomllib.loads(edited.text)["nodes"]) == ["node1", "node2", "node3", "node4"]
    assert with_node(edited.text, "node4", ()).what == ()


@pytest.mark.parametrize(
    "text",
    [
        '[nodes.a]\nlinks = ["198.51.100.1"]',
        '[nodes.a]\nlinks = ["198.51.100.1"] # the first\n# the end\n',
        '[nodes]\na = { links = ["198.51.100.1"] }\n\n[fencing.x]\nagent = "y"\n',
        '[nodes]\na.links = ["198.51.100.1"]\n',
        'nodes = { a = { links = ["198.51.100.1"] } }\n',
        'nodes.a.links = ["198.51.100.1"]\nschema = 1\n',
        '[nodes.a]\nlinks = ["198.51.100.1"]\n[nodes.a.attributes]\nrack = 1\n[cluster]\n',
    ],
)
def test_a_node_comes_however_the_others_are_written(text: str) -> None:
    """Inline, with dots, with tables of their own, or at the end of the file."""
    edited = tomllib.loads(with_node(text, "b", ("198.51.100.2",)).text)
    assert edited["nodes"].pop("b") == {"links": ["198.51.100.2"]}
    assert edited == tomllib.loads(text)


def test_a_node_takes_the_place_of_another_one_and_every_comment_stays() -> None:
    """Its table, its plug and every list that names it; where they stood."""
    text = (EXAMPLES / "postgresql.toml").read_text()
    edited = with_other_node(text, "node3", "node9", ("198.51.100.19", "203.0.113.13"))
    assert edited is not None
    assert changed(text, edited.text) == [
        "- [nodes.node3]",
        "+ [nodes.node9]",
        '- links = ["198.51.100.13", "203.0.113.13"]',
        '+ links = ["198.51.100.19", "203.0.113.13"]',
        '- plugs = { node1 = "1", node2 = "2", node3 = "3" }',
        '+ plugs = { node1 = "1", node2 = "2", node9 = "3" }',
        '- nodes = ["node1", "node2", "node3"]',
        '+ nodes = ["node1", "node2", "node9"]',
    ]
    assert edited.what == (
        "the table [nodes.node3] → [nodes.node9]",
        "fencing.power.plugs.node3 → fencing.power.plugs.node9",
        "node3 → node9 in services.shop.nodes",
        "198.51.100.13, 203.0.113.13 → 198.51.100.19, 203.0.113.13 in nodes.node9.links",
    )


def test_another_machine_of_the_same_name_has_only_other_addresses() -> None:
    """If it has the same ones, nothing is changed."""
    text = """\
[nodes.node3] # the third
links = [
    "198.51.100.13", # in the rack
]
"""
    edited = with_other_node(text, "node3", "node3", ("198.51.100.23",))
    assert edited is not None
    assert changed(text, edited.text) == [
        '-     "198.51.100.13", # in the rack',
        '+     "198.51.100.23", # in the rack',
    ]
    assert with_other_node(edited.text, "node3", "node3", ("198.51.100.23",)) == type(edited)(
        edited.text, ()
    )


def test_who_is_described_already_stays_so() -> None:
    """Whoever has described the new node has also said what fences it."""
    text = (EXAMPLES / "postgresql.toml").read_text()
    links = ("198.51.100.19", "203.0.113.19")
    both = with_node(text, "node9", links).text
    assert with_other_node(both, "node3", "node9", links) == without_node(both, "node3")
    neither = without_node(text, "node3").text
    assert with_other_node(neither, "node3", "node9", links) == with_node(neither, "node9", links)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_no_old_name_is_left_in_any_example(file: Path) -> None:
    """And what is left is the same, but for the name."""
    text = file.read_text()
    description = read_description(file)
    node = list(description.nodes)[-1]
    links = tuple(str(link) for link in description.nodes[node].links)
    edited = with_other_node(text, node, "node99", links)
    assert edited is not None
    assert node not in set(words(tomllib.loads(edited.text)))
    back = with_other_node(edited.text, "node99", node, links)
    assert back is not None
    assert tomllib.loads(back.text) == tomllib.loads(text)
    assert edited.text.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        '[nodes]\na.links = ["198.51.100.1"] # a = one\nab.links = ["198.51.100.2"]\n',
        'nodes = { a = { links = ["198.51.100.1"] } }\n',
        'nodes.a.links = ["198.51.100.1"]\n',
        '[nodes."a"]\nlinks = ["198.51.100.1"]\n[nodes."a".attributes]\nrack = "a"\n',
        '[nodes.a]\nlinks = ["198.51.100.1"]\n[fencing.x.plugs]\na = "a"\nb = "2"\n',
        '[nodes.a]\nlinks = ["198.51.100.1"]\n[services.s]\npreferences.a = 5\n',
    ],
)
def test_a_node_is_replaced_however_it_is_written(text: str) -> None:
    """Inline, with dots, quoted, with tables of its own; values and comments stay."""
    edited = with_other_node(text, "a", "c", ("198.51.100.1",))
    assert edited is not None
    for after, before in zip(edited.text.splitlines(), text.splitlines(), strict=True):
        assert after.partition("#")[2] == before.partition("#")[2]
    assert "c" in tomllib.loads(edited.text)["nodes"]
    assert with_other_node(edited.text, "c", "a", ("198.51.100.1",)) is not None


def test_what_cannot_be_found_for_sure_is_left() -> None:
    """Rather than another description is written."""
    text = '[nodes.a]\nlinks = ["198.51.100.1"]\n[services.a.preferences]\na = 1\n'
    assert with_other_node(text, "a", "c", ("198.51.100.1",)) is not None
    text = '[nodes.a]\nlinks = ["198.51.100.1"]\n[services]\na.preferences.a = 1\n'
    assert with_other_node(text, "a", "c", ("198.51.100.1",)) is None
