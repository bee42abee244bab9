"""Every description that is accepted makes a valid CIB and comes back from it; others are refused.

tests/rig/test_scheduler.py shows a sample to crm_verify.

`TAKEOVER_EXAMPLES` sets how many descriptions each of `SHARES` tests tries; of wrong ones a fourth.
"""

from __future__ import annotations

import copy
import datetime
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.errors import DescriptionError
from cib_templates.importing.cluster import Cluster, import_cib
from cib_templates.model.description import Description
from cib_templates.rendering.render import render
from tests.properties.documents import Document, documents
from tests.properties.reading import accepted, check_by_rng, read

SHARES = 4  # so that several processors have something to do
EXAMPLES = int(os.environ.get("TAKEOVER_EXAMPLES", "500"))
TRIED = settings(
    max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)  # fmt: skip
# Tables whose keys are names: of tables, and of values.
FREE = ("nodes", "fencing", "services")
AMOUNTS = ("parameters", "plugs", "utilization", "attributes", "meta", "preferences")


def imported(cib: etree._Element, of: Description) -> Description:
    """Return what comes back from a CIB."""
    links = {name: node.links for name, node in of.nodes.items()}
    return read(import_cib(cib, Cluster(of.cluster.name, of.cluster.token, links)))


@pytest.mark.parametrize("share", range(SHARES))
def test_what_is_accepted_is_valid_and_comes_back(share: int) -> None:
    """By the RNG; rendered twice, the same bytes; imported and rendered again, too."""

    @settings(TRIED)
    @given(document=documents())
    def holds(document: Document) -> None:
        document["cluster"]["name"] = f"{document['cluster']['name']}-{share}"
        description = accepted(document)
        cib = render(description)
        text = to_text(cib)
        check_by_rng(cib)
        assert to_text(render(read(document))) == text
        assert to_text(render(imported(cib, description))) == text

    holds()


def _leaves(table: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value."""
    if isinstance(table, dict):
        for key, value in table.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(table, list) and table and isinstance(table[0], dict):
        for index, value in enumerate(table):
            yield from _leaves(value, (*path, index))
    else:
        yield path


def _tables(table: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each table whose keys are known."""
    if isinstance(table, dict):
        if not path or path[-1] not in FREE:
            yield path
        for key, value in table.items():
            if key not in AMOUNTS:
                yield from _tables(value, (*path, key))
    elif isinstance(table, list):
        for index, value in enumerate(table):
            yield from _tables(value, (*path, index))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@pytest.mark.parametrize("share", range(SHARES))
def test_what_is_wrong_is_refused(share: int) -> None:
    """One value of another type, or one key too many: a message with its line, and no traceback."""

    @settings(TRIED, max_examples=EXAMPLES // 4)
    @given(data=st.data(), document=documents())
    def holds(data: st.DataObject, document: Document) -> None:
        wrong = copy.deepcopy(document)
        if share % 2:
            path = data.draw(st.sampled_from(list(_leaves(wrong))))
            _at(wrong, path[:-1])[path[-1]] = datetime.date(2026, 11, 24)
        else:
            path = data.draw(st.sampled_from(list(_tables(wrong))))
            _at(wrong, path)["mistyped"] = 1
        with pytest.raises(DescriptionError) as caught:
            read(wrong)
        assert any(each.place and each.place.line for each in caught.value.findings)

    holds()
