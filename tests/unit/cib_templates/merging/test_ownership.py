"""What the description no longer says goes; what others set stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from cib_templates.errors import OwnershipError
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from tests.unit.cib_templates.checks.test_cluster_tables import BOARDS, LEVELS
from tests.unit.cib_templates.merging.test_merge import add
from tests.unit.cib_templates.rendering.test_patterns import MIRROR, service

Describe = Callable[..., Description]

FRAGMENT = """
[[fragments]]
xml = '''<configuration><acls><acl_role id="reader">
<acl_permission id="reader-all" kind="read" xpath="/cib"/></acl_role></acls>
<resources><bundle id="box"><podman image="box"/></bundle></resources></configuration>'''
"""
EVERYTHING = (
    BOARDS + MIRROR + FRAGMENT + "\n[properties]\nbatch-limit = 10\n"
    + service("a", "mutual") + service("b", "mutual", more='after = ["shop"]')
    + service("c", "spare", more="priority = 5\nenabled = false") + service("d", "spare")
    + service("web", "everywhere", more='apart_from = ["shop"]\nutilization = { memory = 1 }')
)  # fmt: skip
NODE = '"203.0.113.11"]'


def everything(described: Describe) -> Description:
    """Return a description that uses all words for the CIB."""
    more = LEVELS[1] + '\nutilization = { memory = 9 }\nattributes = { rack = "a" }'
    return described((NODE, more), more=EVERYTHING)


def test_all_words_merge_twice_to_the_same(live: etree._Element, described: Describe) -> None:
    """Byte for byte, and without a change."""
    once = merge(live, everything(described))
    again = merge(once, everything(described))
    assert etree.tostring(again) == etree.tostring(once)
    assert not changed_ids(once, again)


def test_what_is_no_longer_said_goes(live: etree._Element, described: Describe) -> None:
    """Back from all words to few, nothing of them is left."""
    few = merge(live, described())
    back = merge(merge(few, everything(described)), described())
    assert not changed_ids(few, back)
    assert changed_ids(few, back).removed == ()


def test_a_wish_that_is_taken_back_goes_and_an_administrator_s_stays(
    live: etree._Element, described: Describe
) -> None:
    """`enabled = false` was the description's; a priority of pcs's is not."""
    plain = described(more=service("web", "standby"))
    once = merge(live, described(more=service("web", "standby", more="enabled = false")))
    theirs = '<nvpair id="web-meta_attributes-priority" name="priority" value="3"/>'
    add(once, "//meta_attributes[@id='web-meta_attributes']", theirs)
    pairs = "//meta_attributes[@id='web-meta_attributes']/nvpair/@name"
    back = merge(once, plain).xpath(pairs)
    assert "target-role" not in back
    assert "takeover-sets" not in back
    assert "priority" in back


def test_node_attributes_of_others_stay(live: etree._Element, described: Describe) -> None:
    """`pcs node standby` is an administrator's, before and after the description's own."""
    standby = '<nvpair id="nodes-1-standby" name="standby" value="on"/>'
    add(
        live,
        "//node[@id='1']",
        f'<instance_attributes id="nodes-1">{standby}</instance_attributes>',
    )
    once = merge(live, described((NODE, NODE + '\nattributes = { rack = "a" }')))
    names = "//node[@id='1']/instance_attributes/nvpair/@name"
    assert sorted(once.xpath(names)) == ["rack", "standby", "takeover-sets"]
    assert merge(once, described()).xpath(names) == ["standby"]


def test_properties_of_others_stay(live: etree._Element, described: Describe) -> None:
    """What pcs set and the description never named is not touched."""
    theirs = '<nvpair id="cib-bootstrap-options-x" name="cluster-delay" value="30s"/>'
    add(live, "//cluster_property_set", theirs)
    once = merge(live, described(more="\n[properties]\nbatch-limit = 10\n"))
    names = merge(once, described()).xpath("//cluster_property_set/nvpair/@name")
    assert "cluster-delay" in names
    assert "batch-limit" not in names


def test_a_fragment_s_resource_may_be_disabled(live: etree._Element, described: Describe) -> None:
    """`pcs resource disable box` stays; anything else is as in the fragment."""
    once = merge(live, described(more=FRAGMENT))
    theirs = '<nvpair id="{0}" name="{0}" value="Stopped"/>'
    both = theirs.format("target-role") + theirs.format("priority")
    add(once, "//bundle", f'<meta_attributes id="m">{both}</meta_attributes>')
    again = merge(once, described(more=FRAGMENT))
    assert again.xpath("//bundle//nvpair/@name") == ["target-role"]


def test_a_fragment_s_group_is_the_description_s_as_a_whole(
    live: etree._Element, described: Describe
) -> None:
    """Its members come and go with the fragment's text."""
    member = '<primitive id="{}" class="ocf" provider="pacemaker" type="Dummy"/>'
    text = "\n[[fragments]]\nxml = '''<resources><group id=\"pair\">{}</group></resources>'''\n"
    both = text.format(member.format("left") + member.format("right"))
    once = merge(live, described(more=both))
    one = merge(once, described(more=text.format(member.format("left"))))
    assert one.xpath("//group[@id='pair']/primitive/@id") == ["left"]
    assert merge(one, described()).xpath("//group[@id='pair']") == []
    add(live, "//resources", member.format("right"))
    with pytest.raises(OwnershipError, match="already has right"):
        merge(live, described(more=both))


def test_a_fragment_does_not_take_the_id_of_another(
    live: etree._Element, described: Describe
) -> None:
    """What others made under the fragment's ID is in the way."""
    add(live, "//configuration", '<acls><acl_role id="reader"/></acls>')
    with pytest.raises(OwnershipError, match="already has reader"):
        merge(live, described(more=FRAGMENT))


@pytest.mark.parametrize(("one", "other"), [("standby", "everywhere"), ("everywhere", "standby")])
def test_a_service_may_change_its_pattern(
    one: str, other: str, live: etree._Element, described: Describe
) -> None:
    """The same as if it had always been so."""
    wanted = described(more=service("web", other))
    changed = merge(merge(live, described(more=service("web", one))), wanted)
    assert not changed_ids(merge(live, wanted), changed)


def test_a_constraint_that_others_extended_is_in_the_way(
    live: etree._Element, described: Describe
) -> None:
    """A foreign resource in our set is not lost silently."""
    text = service("a", "mutual") + service("b", "mutual")
    once = merge(live, described(more=text))
    add(once, "//resource_set", '<resource_ref id="printer"/>')
    with pytest.raises(OwnershipError, match="takeover-mutual-apart"):
        merge(once, described(more=text))


def test_the_cluster_part_takes_levels_and_bans_along(
    live: etree._Element, described: Describe
) -> None:
    """Fencing is complete before any service is there, and services are left alone."""
    both = described(LEVELS, more=BOARDS + EVERYTHING.replace(BOARDS, ""))
    first = merge(live, both, services=False)
    assert len(first.xpath("//fencing-level")) == 2
    assert len(first.xpath("//rsc_location[@rsc='fence-ipmi1']")) == 1
    assert first.xpath("//group | //tag") == []
    whole = merge(first, both)
    assert not changed_ids(whole, merge(whole, both, services=False))
