"""docs/reference/json.md says what the outputs are."""

from __future__ import annotations

from pathlib import Path

from pcs_wrapper.views.contract.reference import reference
from tests.unit.pcs_wrapper.views.printed import examples

_PAGE = Path(__file__).parents[4] / "docs" / "reference" / "json.md"


def test_the_page_is_what_the_models_say() -> None:
    """Whoever changes an output runs script/reference."""
    assert _PAGE.read_text() == reference(examples())
