"""A description merged into a live CIB: ours is put right, everything else is left alone."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable

import pytest
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from cib_templates.errors import OwnershipError
from cib_templates.merging.handover import passed
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from tests.unit.cib_templates.conftest import LIVE

Describe = Callable[..., Description]


def add(cib: etree._Element, parent: str, element: str, index: int | None = None) -> None:
    """Do as an administrator does with pcs: add an element to a live CIB."""
    (found,) = cib.xpath(parent)
    new = etree.fromstring(element)
    found.insert(len(found) if index is None else index, new)


def test_only_what_is_ours_is_added(live: etree._Element, described: Describe) -> None:
    """Lines of the live CIB stay byte for byte, but for the property that is put right."""
    merged = etree.tostring(merge(live, described()), encoding="unicode") + "\n"
    difference = difflib.ndiff(LIVE.splitlines(), merged.splitlines())
    removed = [line for line in difference if line.startswith("- ")]
    assert len(removed) == 1
    assert "stonith-enabled" in removed[0]


def test_the_live_cib_is_not_modified(live: etree._Element, described: Describe) -> None:
    """The CIB that was read stays what the difference is made against."""
    before = etree.tostring(live)
    merge(live, described())
    assert etree.tostring(live) == before


def test_versions_stay_the_live_cib_s(live: etree._Element, described: Describe) -> None:
    """Epochs are the cluster's to count (pcs#243, pcs#241)."""
    assert dict(merge(live, described()).attrib) == dict(live.attrib)


def test_a_second_merge_changes_nothing(live: etree._Element, described: Describe) -> None:
    """Applying the same description again is byte-identical."""
    once = merge(live, described())
    assert etree.tostring(merge(once, described())) == etree.tostring(once)
    assert not changed_ids(once, merge(once, described()))


def test_changes_name_what_differs(live: etree._Element, described: Describe) -> None:
    """Created, changed and removed are told by ID."""
    once = merge(live, described())
    assert changed_ids(live, once).changed == ("cib-bootstrap-options-stonith-enabled",)
    assert changed_ids(live, once).created == (
        "cib-bootstrap-options-no-quorum-policy",
        "fence-power",
        "shop",
        "shop-prefers-node1",
        "shop-prefers-node2",
        "shop-prefers-node3",
    )
    other = described(("prefix = 24", "prefix = 25"), ('"node2", "node3"]', '"node2"]'))
    found = changed_ids(once, merge(once, other))
    assert found.changed == ("shop", "shop-prefers-node1", "shop-prefers-node2")
    assert found.created == ("shop-avoids-node3",)
    assert found.removed == ("shop-prefers-node3",)


def test_what_the_description_no_longer_has_is_removed(
    live: etree._Element, described: Describe
) -> None:
    """A service that left the description leaves the CIB, with its constraints."""
    more = (
        '[services.web]\npattern = "standby"\nnodes = ["node1"]\n'
        '[services.web.address]\nip = "198.51.100.101"\n'
    )
    both = merge(live, described(more=more))
    assert changed_ids(both, merge(both, described())).removed == (
        "web",
        "web-prefers-node1",
        "web-avoids-node2",
        "web-avoids-node3",
    )


def test_a_parameter_that_is_no_longer_written_is_removed(
    live: etree._Element, described: Describe
) -> None:
    """Parameters of our resources are exactly the description's."""
    once = merge(live, described())
    twice = merge(once, described(('options = "noatime"\n', "")))
    assert twice.xpath("//*[@id='shop-filesystem']//nvpair[@name='options']") == []


def test_a_disabled_service_stays_disabled(live: etree._Element, described: Describe) -> None:
    """`pcs resource disable shop` is an administrator's, and no drift."""
    once = merge(live, described())
    pair = '<nvpair id="shop-meta_attributes-target-role" name="target-role" value="Stopped"/>'
    add(once, "//meta_attributes[@id='shop-meta_attributes']", pair, 0)
    assert not changed_ids(once, merge(once, described()))
    changed = merge(once, described(("prefix = 24", "prefix = 25")))
    assert changed.xpath("//nvpair[@name='target-role']/@value") == ["Stopped"]


def test_the_order_in_which_pcs_writes_is_no_change(
    live: etree._Element, described: Describe
) -> None:
    """Pairs and attributes in another order mean the same."""
    once = merge(live, described())
    shuffled = copy.deepcopy(once)
    (pairs,) = shuffled.xpath("//*[@id='shop-app-instance_attributes']")
    pairs[:] = list(reversed(pairs))
    assert not changed_ids(shuffled, merge(shuffled, described()))


def test_members_that_others_added_to_a_group_stay_where_they_are(
    live: etree._Element, described: Describe
) -> None:
    """An administrator's resource in our group keeps its place behind the same member."""
    once = merge(live, described())
    mine = '<primitive id="mine" class="ocf" provider="pacemaker" type="Dummy"/>'
    add(once, "//group[@id='shop']", mine, 1)
    assert not changed_ids(once, merge(once, described()))
    changed = merge(once, described(("prefix = 24", "prefix = 25")))
    assert changed.xpath("//group[@id='shop']/primitive/@id") == [
        "shop-filesystem",
        "mine",
        "shop-app",
        "shop-address",
    ]


def test_a_constraint_of_others_stays(live: etree._Element, described: Describe) -> None:
    """The ban that `pcs resource move` leaves is not ours to remove."""
    once = merge(live, described())
    ban = '<rsc_location id="cli-ban-shop-on-node1" rsc="shop" node="node1" score="-INFINITY"/>'
    add(once, "//constraints", ban)
    assert merge(once, described()).xpath("//*[@id='cli-ban-shop-on-node1']")


def test_an_id_that_others_use_is_not_taken(live: etree._Element, described: Describe) -> None:
    """A resource of the same name that Takeover did not make stops the merge."""
    add(live, "//resources", '<primitive id="shop" class="systemd" type="shop"/>')
    with pytest.raises(OwnershipError, match="already has shop, which Takeover did not make"):
        merge(live, described())


@pytest.mark.parametrize(
    ("parent", "element", "named"),
    [
        ("//constraints", '<rsc_order id="o" first="shop" then="printer"/>', "rsc_order 'o'"),
        (
            "//constraints",
            '<rsc_colocation id="c"><resource_set id="s"><resource_ref id="shop-app"/>'
            "</resource_set></rsc_colocation>",
            "rsc_colocation 'c'",
        ),
        ("//configuration", '<tags><tag id="t"><obj_ref id="shop"/></tag></tags>', "tag 't'"),
    ],
)
def test_a_resource_that_others_refer_to_is_not_removed(
    live: etree._Element, described: Describe, parent: str, element: str, named: str
) -> None:
    """A reference into nowhere would be a broken CIB."""
    once = merge(live, described())
    add(once, parent, element)
    merge(once, described())
    renamed = described(("services.shop", "services.store"))
    with pytest.raises(OwnershipError, match=named):
        merge(once, renamed)


def test_a_group_with_others_members_is_not_removed(
    live: etree._Element, described: Describe
) -> None:
    """What an administrator put into our group would be lost with it."""
    once = merge(live, described())
    mine = '<primitive id="mine" class="ocf" provider="pacemaker" type="Dummy"/>'
    add(once, "//group[@id='shop']", mine)
    with pytest.raises(OwnershipError, match="pcs resource group remove shop mine"):
        merge(once, described(("services.shop", "services.store")))


@pytest.mark.parametrize(
    ("replacement", "what"),
    [
        (("services.shop", "services.store"), {"filesystem", "address"}),
        (
            ("[services.shop.filesystem]", "[[services.shop.filesystem]]\nname = 'd'"),
            {"filesystem"},
        ),
    ],
)
def test_a_disk_that_passes_to_another_resource_is_found(
    live: etree._Element, described: Describe, replacement: tuple[str, str], what: set[str]
) -> None:
    """Renaming a service or a part is a stop and a start that nothing orders."""
    once = merge(live, described())
    renamed = merge(once, described(replacement))
    assert {found.old.removeprefix("shop-") for found in passed(once, renamed)} == what
    assert passed(once, merge(once, described(("lun = 1", "lun = 2")))) == []


def test_a_disk_that_passes_under_another_name_is_found(
    live: etree._Element, described: Describe
) -> None:
    """A description that also writes the target in another case still means the same disk."""
    once = merge(live, described())
    other = described(
        ("services.shop", "services.store"),
        ("example.com:shop", "example.com:SHOP"),
        ("203.0.113.129", "203.0.113.130"),
        ("/srv/shop", "/srv/store"),
        ("198.51.100.100", "198.51.100.101"),
    )
    (found,) = passed(once, merge(once, other))
    assert (found.what, found.old) == ("iqn.2026-11.example.com:SHOP 1", "shop-filesystem")


def test_the_cluster_part_leaves_services_alone(live: etree._Element, described: Describe) -> None:
    """Creating a cluster again, or for the first time, merges properties and fencing only."""
    first = merge(live, described(), services=False)
    assert changed_ids(live, first).created == (
        "cib-bootstrap-options-no-quorum-policy",
        "fence-power",
    )
    once = merge(live, described())
    renamed = described(("services.shop", "services.store"))
    assert not changed_ids(once, merge(once, renamed, services=False))
