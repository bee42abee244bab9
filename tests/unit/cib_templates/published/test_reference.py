"""The reference page of descriptions says what the model takes."""

from __future__ import annotations

from cib_templates.model.cluster import Quorum
from cib_templates.model.description import Description
from cib_templates.model.table import Table
from cib_templates.published.reference import _TABLES, reference
from tests.unit.cib_templates.conftest import EXAMPLE

PAGE = EXAMPLE.parents[1] / "docs" / "reference" / "description.md"


def test_the_page_is_up_to_date() -> None:
    """Whoever changes the model runs script/reference."""
    assert PAGE.read_text() == reference()


def test_every_table_is_on_the_page() -> None:
    """Whoever adds a table to the model names it in the list of the page."""
    # Quorum has no keys of its own, only a table.
    assert {table for _, table in _TABLES} == within(Description) - {Quorum}


def within(table: type[Table]) -> set[type[Table]]:
    """Return a table and all that are in it."""
    inner = {each for key in table.model_fields for each in table.types_of(key)}
    tables = [within(each) for each in inner if issubclass(each, Table)]
    return {table}.union(*tables)


def test_every_row_has_three_cells() -> None:
    """Every key says what is right; nothing in it breaks the table."""
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 90
    for row in rows:
        _, key, meaning, _, _ = row.replace("\\|", "").split("|")
        assert key.strip()
        assert meaning.strip(), row
