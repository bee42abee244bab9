"""The examples: right, without a warning, valid for editors.

tests/rig/test_scheduler.py shows them to Pacemaker.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cib_templates.cib.text import to_text
from cib_templates.comparing.changes import changed_ids
from cib_templates.merging.merge import merge
from cib_templates.published.json_schema import editor_schema
from cib_templates.reading.reading import read_description, read_with_advice
from cib_templates.rendering.render import render
from tests.unit.cib_templates.conftest import EXAMPLE
from tests.unit.cib_templates.published.json_schema import errors

EXAMPLES = sorted(EXAMPLE.parent.glob("*.toml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_what_an_expert_would_write(example: Path) -> None:
    """No mistake and no warning, and two renderings are the same."""
    description, warnings = read_with_advice(example)
    assert warnings == []
    assert to_text(render(description)) == to_text(render(description))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_fits_the_schema_for_editors(example: Path) -> None:
    """What is right for `check` is not underlined by an editor."""
    schema = editor_schema()
    assert list(errors(tomllib.loads(example.read_text()), schema, schema)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("prefix = 24", "prefiks = 24", ".prefiks: not known"),
        ('"1000ms"', "1000", ".cluster.token: not ['string']"),
        ('"1000ms"', '"1000"', ".cluster.token: does not match"),
        ('"standby"', '"standbye"', ".services.shop.pattern: not in "),
        ("schema = 1", "schema = 2", "schema: not 1"),
        ('name = "shop"', "", ".cluster.name: missing"),
        ('"INT"', '"STOP"', "stop_signal: not in "),
    ],
)
def test_the_schema_finds_what_is_wrong(old: str, new: str, expected: str) -> None:
    """Editors see wrong keys, types, units and words while one types."""
    document = tomllib.loads(EXAMPLE.read_text().replace(old, new, 1))
    schema = editor_schema()
    found = list(errors(document, schema, schema))
    assert len(found) == 1
    assert expected in found[0]


def test_a_large_description_is_itself_again() -> None:
    """100 services with three parts each: merged into their own CIB, nothing is to be changed."""
    description = read_description(EXAMPLE.parent / "large.toml")
    cib = render(description)
    assert not changed_ids(cib, merge(cib, description))
    assert len(description.services) == 100
