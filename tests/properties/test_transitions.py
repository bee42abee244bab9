"""From any description to any other: merging does what is asked, and then no more."""

from __future__ import annotations

from hypothesis import given, settings
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from cib_templates.merging.merge import merge
from cib_templates.published.json_schema import editor_schema
from cib_templates.rendering.render import render
from tests.properties.documents import Document, documents
from tests.properties.reading import accepted, check_by_rng
from tests.properties.test_descriptions import EXAMPLES, TRIED
from tests.unit.cib_templates.published.json_schema import errors

#: Fewer than elsewhere: each is two descriptions, and four merges.
PAIRS = EXAMPLES // 4


@settings(TRIED, max_examples=PAIRS)
@given(first=documents(3, 3), second=documents(3, 3))
def test_whatever_it_was_before(first: Document, second: Document) -> None:
    """The same as rendered anew, valid, and a second time nothing is left to change."""
    before, after = render(accepted(first)), accepted(second)
    merged = merge(before, after)
    check_by_rng(merged)
    assert not changed_ids(merged, merge(merged, after))
    assert etree.tostring(merge(merged, after)) == etree.tostring(merged)
    assert not changed_ids(merged, merge(render(after), after))


@settings(TRIED, max_examples=PAIRS)
@given(document=documents())
def test_what_is_accepted_is_right_for_editors(document: Document) -> None:
    """And each of its resources has an ID of its own."""
    schema = editor_schema()
    cib = render(accepted(document))
    assert list(errors(document, schema, schema)) == []
    identities = [each.get("id") for each in cib.iter("primitive", "group", "clone")]
    assert len(identities) == len(set(identities))
