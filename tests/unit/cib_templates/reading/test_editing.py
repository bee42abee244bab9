"""A description that is edited in place, by whatever its author wrote around what is changed."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cib_templates.reading.editing import with_new_name, with_node, without_node
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
