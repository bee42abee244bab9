"""Where a resource runs because an administrator said so, in the form of crm_resource(8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from cib_templates.cib.administration.placement import placements, with_ban, with_pin, without
from tests.unit.cib_templates.conftest import LIVE

CIB = etree.fromstring(LIVE)
ENDS = datetime(2026, 11, 24, 20, 17, 20, tzinfo=UTC)


def ids(cib: etree._Element) -> list[str]:
    """Return the IDs of what administrators said in a CIB."""
    return [each.id for each in placements(cib)]


def test_what_is_written_is_read_again() -> None:
    """A pin, one with an end, and a ban; the CIB that was given stays as it was."""
    pinned = with_pin(CIB, "shop", "node2")
    moved = with_pin(CIB, "shop", "node2", ENDS)
    banned = with_ban(pinned, "shop", "node1")
    assert ids(CIB) == []
    [pin, ban] = placements(banned, "shop")
    assert (pin.kind, pin.node, pin.ends) == ("pin", "node2", None)
    assert (ban.id, ban.kind, ban.node) == ("cli-ban-shop-on-node1", "ban", "node1")
    [move] = placements(moved)
    assert (move.kind, move.node, move.ends) == ("pin", "node2", ENDS)
    assert not move.has_ended(ENDS - timedelta(seconds=1))
    assert move.has_ended(ENDS)
    assert ids(without(banned, pin)) == ["cli-ban-shop-on-node1"]
    assert list(placements(banned, "site")) == []


def test_there_is_one_pin() -> None:
    """Another one takes its place."""
    again = with_pin(with_pin(CIB, "shop", "node2", ENDS), "shop", "node3")
    [pin] = placements(again)
    assert (pin.node, pin.ends) == ("node3", None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-24 20:17:20Z", ENDS),
        # As crm_resource writes it: in its own time zone.
        ("2026-11-24 21:17:20 +01:00", ENDS),
        ("soon", None),
    ],
)
def test_the_end_of_a_move_by_crm_resource(written: str, read: datetime | None) -> None:
    """In whatever time zone; what cannot be read is no end."""
    moved = with_pin(CIB, "shop", "node2", ENDS)
    [end] = moved.iter("date_expression")
    end.set("end", written)
    assert [each.ends for each in placements(moved)] == [read]
