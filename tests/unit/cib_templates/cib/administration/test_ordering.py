"""Orders that contradict the order of a group."""

from __future__ import annotations

import pytest
from lxml import etree

from cib_templates.cib.administration.ordering import contradictions

GROUP = '<group id="g"><primitive id="a"/><primitive id="b"/><primitive id="c"/></group>'


def found(constraint: str, resources: str = GROUP) -> list[tuple[str, str, str]]:
    """Return the group and the parts of the contradictions in a CIB with one constraint."""
    cib = etree.fromstring(
        f"<cib><configuration><resources>{resources}</resources>"
        f"<constraints>{constraint}</constraints></configuration></cib>"
    )
    return [(each.group, each.first, each.then) for each in contradictions(cib)]


SETS = '<resource_set id="1"><resource_ref id="{}"/><resource_ref id="{}"/></resource_set>'
ONE = '<resource_set id="{}" sequential="false"><resource_ref id="{}"/></resource_set>'


@pytest.mark.parametrize(
    "constraint",
    [
        '<rsc_order id="o" first="c" then="a"/>',
        '<rsc_order id="o" first="c" then="a" kind="Mandatory" first-action="start"/>',
        '<rsc_order id="o" first="c" then="a" score="INFINITY"/>',
        f'<rsc_order id="o">{SETS.format("c", "a")}</rsc_order>',
        f'<rsc_order id="o">{ONE.format("1", "c")}{ONE.format("2", "a")}</rsc_order>',
    ],
)
def test_an_order_against_the_groups_is_found(constraint: str) -> None:
    """pcs#509: as `pcs constraint order` and `pcs constraint order set` write it."""
    assert found(constraint) == [("g", "c", "a")]
    assert found(constraint, f'<clone id="x">{GROUP}</clone>') == [("g", "c", "a")]


@pytest.mark.parametrize(
    "constraint",
    [
        '<rsc_order id="o" first="a" then="c"/>',
        '<rsc_order id="o" first="c" then="a" kind="Optional"/>',
        '<rsc_order id="o" first="c" then="a" score="0"/>',
        '<rsc_order id="o" first="c" then="a" first-action="stop" then-action="start"/>',
        '<rsc_order id="o" first="c" then="other"/>',
        '<rsc_order id="o" first="other" then="elsewhere"/>',
        '<rsc_order id="o"><resource_set id="1" sequential="false"><resource_ref id="c"/>'
        '<resource_ref id="a"/></resource_set></rsc_order>',
    ],
)
def test_other_orders_are_none_of_it(constraint: str) -> None:
    """What says the same as the group, is no must, or is about something else."""
    assert found(constraint) == []


def test_a_group_without_an_order_takes_any() -> None:
    """Its parts start at once."""
    unordered = GROUP.replace('id="g"', 'id="g" ordered="false"')
    assert found('<rsc_order id="o" first="c" then="a"/>', unordered) == []
