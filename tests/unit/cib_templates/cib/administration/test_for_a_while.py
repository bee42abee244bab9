"""Meta attributes that end by themselves."""

from __future__ import annotations

from datetime import UTC, datetime

from lxml import etree

from cib_templates.cib.administration.for_a_while import (
    ForAWhile,
    sets_for_a_while,
    with_for_a_while,
    without_for_a_while,
)

ENDS = datetime(2026, 11, 24, 20, 17, 20, tzinfo=UTC)
CIB = etree.fromstring(
    '<cib><configuration><resources><group id="shop"><primitive id="shop-app">'
    '<meta_attributes id="m"><nvpair id="n" name="is-managed" value="false"/></meta_attributes>'
    '</primitive><primitive id="shop-address"/></group></resources></configuration></cib>'
)


def test_there_and_back() -> None:
    """What a part has of its own would be stronger than its group's: it gets the same."""
    values = {"is-managed": "true", "target-role": "Stopped"}
    new = with_for_a_while(CIB, ["shop"], values, ENDS)
    assert list(sets_for_a_while(CIB)) == []
    assert list(sets_for_a_while(new)) == [
        ForAWhile("shop", "shop-app", ENDS),
        ForAWhile("shop", "shop", ENDS),
    ]
    other = with_for_a_while(new, ["shop-address"], {"target-role": "Stopped"}, ENDS)
    assert [each.resource for each in sets_for_a_while(other)] == ["shop-address"]
    assert etree.tostring(without_for_a_while(other)) == etree.tostring(CIB)
