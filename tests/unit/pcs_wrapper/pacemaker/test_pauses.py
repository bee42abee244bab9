"""Pauses of nodes in the CIB: written, read, replaced, and taken away."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.pacemaker.pauses import Pause, pause_of, with_pause, without_pause

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def cib(live: str) -> etree._Element:
    """Return a live CIB."""
    return etree.fromstring(live)


def paused(cib: etree._Element, pause: Pause, *kept: str) -> etree._Element:
    """Return the CIB in which node2 is paused."""
    return with_pause(cib, "node2", pause, kept=kept, is_remote=False)


@pytest.mark.parametrize(
    "pause", [Pause(), Pause(keeps=True), Pause(until=LATER), Pause(keeps=True, until=LATER)]
)
def test_what_is_written_is_read(cib: etree._Element, pause: Pause) -> None:
    """Of that node alone, and taken away it is as before."""
    before = etree.tostring(cib)
    new = paused(cib, pause, "shop")
    assert pause_of(new, "node2", NOW) == pause
    assert pause_of(new, "node1", NOW) is None
    assert etree.tostring(cib) == before
    assert not changed_ids(cib, without_pause(new, "node2"))
    assert not changed_ids(new, paused(paused(cib, Pause(keeps=True)), pause, "shop"))


def test_the_end_is_in_utc_wherever_it_was_typed(cib: etree._Element) -> None:
    """Pacemaker compares it with its own clock."""
    there = LATER.astimezone(timezone(timedelta(hours=9)))
    new = paused(cib, Pause(until=there))
    [date] = new.iter("date_expression")
    assert (date.get("operation"), date.get("end")) == ("lt", "2026-11-24T22:00:00Z")


@pytest.mark.parametrize("date", ["tomorrow", "", "2026-11-24"])
def test_an_end_that_somebody_edited_is_none(cib: etree._Element, date: str) -> None:
    """The pause is there as long as the constraint is."""
    new = paused(cib, Pause(until=LATER))
    next(new.iter("date_expression")).set("end", date)
    assert pause_of(new, "node2", NOW) == Pause()


@pytest.mark.parametrize(
    ("kept", "stays", "goes"),
    [
        ((), ["fence-rig"], ["shop", "fence-rig2", "xfence-rig"]),
        (("shop", "a.b"), ["shop", "a.b", "fence-rig"], ["shops", "axb", "shop-2", ""]),
    ],
)
def test_the_pattern_leaves_out_what_may_stay(
    cib: etree._Element, kept: tuple[str, ...], stays: list[str], goes: list[str]
) -> None:
    """Whole IDs, and every fencing device."""
    new = paused(cib, Pause(keeps=True), *kept)
    pattern = new.findall("configuration/constraints/rsc_location")[-1].get("rsc-pattern") or ""
    assert pattern.startswith("!")
    matches = re.compile(pattern[1:]).search
    assert all(matches(name) for name in stays)
    assert not any(matches(name) for name in goes)


def test_without_a_device_the_pattern_is_everything(cib: etree._Element) -> None:
    """An empty list would leave out nothing, or everything."""
    for device in cib.findall("configuration/resources/primitive"):
        device.getparent().remove(device)  # type: ignore[union-attr]
    new = paused(cib, Pause(until=LATER))
    found = new.findall("configuration/constraints/rsc_location")[-1]
    assert found.get("rsc-pattern") == ".*"


def test_the_stronger_of_two_pauses_counts(cib: etree._Element) -> None:
    """An administrator may have added the one to the other with pcs."""
    new = paused(cib, Pause(keeps=True))
    [node] = [each for each in new.iter("node") if each.get("uname") == "node2"]
    pairs = etree.SubElement(node, "instance_attributes", id="nodes-2")
    etree.SubElement(pairs, "nvpair", id="x", name="standby", value="true")
    assert pause_of(new, "node2", NOW) == Pause()
    assert pause_of(without_pause(new, "node2"), "node2", NOW) is None


def test_a_node_that_is_told_to_be_no_standby_is_none(cib: etree._Element) -> None:
    """crm_attribute writes `off`."""
    new = paused(cib, Pause())
    [pair] = [each for each in new.iter("nvpair") if each.get("name") == "standby"]
    pair.set("value", "off")
    assert pause_of(new, "node2", NOW) is None
