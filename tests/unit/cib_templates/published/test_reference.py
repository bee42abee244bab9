"""The reference page of descriptions says what the model takes."""

from __future__ import annotations

from cib_templates.published.reference import reference
from tests.unit.cib_templates.conftest import EXAMPLE

PAGE = EXAMPLE.parents[1] / "docs" / "reference" / "description.md"


def test_the_page_is_up_to_date() -> None:
    """Whoever changes the model runs script/reference."""
    assert PAGE.read_text() == reference()


def test_every_row_has_three_cells() -> None:
    """Every key says what is right; nothing in it breaks the table."""
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 90
    for row in rows:
        _, key, meaning, _, _ = row.replace("\\|", "").split("|")
        assert key.strip()
        assert meaning.strip(), row
