"""What leaves a configuration and can be stopped before, and the role that stops it."""

from __future__ import annotations

import pytest
from lxml import etree

from pcs_wrapper.change import stopping

GROUP = '<group id="{0}"><primitive id="{0}-app"/></group>'


def leaving(old: str, new: str, constraints: str = "") -> tuple[str, ...]:
    """Return what leaves, of CIBs that have these resources."""
    text = (
        "<cib><configuration><resources>{}</resources><constraints>{}</constraints>"
        "</configuration></cib>"
    )
    return stopping.stoppable(
        etree.fromstring(text.format(old, constraints)), etree.fromstring(text.format(new, ""))
    )


WEB, STORE = GROUP.format("web"), GROUP.format("store")
PARTLY = "<resource_set><resource_ref id='web'/><resource_ref id='store-app'/></resource_set>"


@pytest.mark.parametrize(
    ("constraint", "found"),
    [
        ("", ("web",)),
        # web depends on what stays, or is kept from it: it can stop.
        ('<rsc_order first="store" then="web"/>', ("web",)),
        ('<rsc_colocation rsc="web" with-rsc="store" score="INFINITY"/>', ("web",)),
        ('<rsc_colocation rsc="store" with-rsc="web" score="-INFINITY"/>', ("web",)),
        (f'<rsc_colocation score="-10000">{PARTLY}</rsc_colocation>', ("web",)),
        ('<rsc_location rsc="web" node="node1" score="5"/>', ("web",)),
        # What stays depends on web, or on a part of it.
        ('<rsc_order first="web" then="store"/>', ()),
        ('<rsc_order first="web-app" then="store-app"/>', ()),
        ('<rsc_colocation rsc="store" with-rsc="web" score="INFINITY"/>', ()),
        (f'<rsc_colocation score="INFINITY">{PARTLY}</rsc_colocation>', ()),
        (f"<rsc_order>{PARTLY}</rsc_order>", ()),
    ],
)
def test_what_something_depends_on_that_stays_is_not_stopped(
    constraint: str, found: tuple[str, ...]
) -> None:
    """Else that would stop, too, whose dependency the same change takes away."""
    assert leaving(WEB + STORE, STORE, constraint) == found


DEPENDS = {
    "order": '<rsc_order first="{0}" then="{1}"/>',
    "colocation": '<rsc_colocation rsc="{1}" with-rsc="{0}"/>',
}


@pytest.mark.parametrize("kind", list(DEPENDS))
def test_what_something_depends_on_by_way_of_another(kind: str) -> None:
    """What stays depends on what leaves, and that on what leaves, too: neither is stopped."""
    wiki = GROUP.format("wiki")
    chain = DEPENDS[kind].format("wiki", "web") + DEPENDS[kind].format("web", "store")
    assert leaving(wiki + WEB + STORE, STORE, chain) == ()


def test_what_would_not_stop_keeps_running_what_it_depends_on() -> None:
    """A service that Pacemaker does not manage leaves: what it needs is not stopped under it."""
    text = f"<cib><configuration><resources>{WEB}{STORE}</resources><constraints>"
    text += DEPENDS["order"].format("web", "store") + "</constraints></configuration></cib>"
    new = etree.fromstring("<cib><configuration><resources/></configuration></cib>")
    old = etree.fromstring(text)
    assert stopping.stoppable(old, new, without={"store"}) == ()
    assert stopping.stoppable(old, new, without={"web"}) == ("store",)


def test_what_leaves_together_may_depend_on_each_other() -> None:
    """Pacemaker stops it in the order that it still knows."""
    assert leaving(WEB + STORE, "", '<rsc_order first="web" then="store"/>') == ("web", "store")


def test_what_is_moved_into_another_does_not_leave() -> None:
    """An adopted primitive becomes a member of a group, a group becomes a clone: it runs on."""
    assert leaving('<primitive id="web-app"/>', WEB) == ()
    assert leaving(WEB, f'<clone id="web">{GROUP.format("web-group")}</clone>'.replace(
        "web-group-app", "web-app")) == ()  # fmt: skip


def test_fencing_devices_are_not_stopped() -> None:
    """A device does not run where it stops: nodes could not be fenced meanwhile."""
    assert leaving('<primitive id="fence-a" class="stonith"/>', "") == ()


@pytest.mark.parametrize(
    "resource",
    [
        '<primitive id="web"/>',
        '<primitive id="web"><meta_attributes id="web-meta_attributes"/></primitive>',
        '<primitive id="web"><meta_attributes id-ref="shared"/></primitive>',
        '<group id="web"><meta_attributes id="m"><nvpair id="r" name="target-role" '
        'value="Started"/></meta_attributes><primitive id="a"><meta_attributes id="n"><nvpair '
        'id="s" name="target-role" value="Started"/></meta_attributes></primitive></group>',
    ],
)
def test_every_part_shall_be_stopped(resource: str) -> None:
    """Where a role is given it is changed, also that of a part; where none is, the whole has it."""
    text = f"<cib><configuration><resources>{resource}</resources></configuration></cib>"
    found = stopping.stopped(etree.fromstring(text), ["web"])
    roles = found.xpath("//meta_attributes/nvpair[@name='target-role']/@value")
    assert set(roles) == {"Stopped"}
    assert found.find("configuration/resources/*/meta_attributes/nvpair[@name='target-role']") \
        is not None  # fmt: skip
