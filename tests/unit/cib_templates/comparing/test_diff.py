"""What differs between a live CIB and what it shall be, in the description's words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from cib_templates.comparing.changes import changed_ids
from cib_templates.comparing.diff import Diff, diff
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description

SECOND = """
[services.wiki]
pattern = "standby"
nodes = ["node2", "node1"]

[services.wiki.app]
command = ["/usr/bin/wiki", "--motto=a b"]

[services.wiki.address]
ip = "198.51.100.101"
"""


def summary(found: Diff) -> list[tuple[str, str, str]]:
    """Return what differs, without what it says."""
    return [(each.change, each.what, each.name) for each in found.differences]


def facts_of(found: Diff, name: str) -> dict[str, tuple[str | None, str | None]]:
    """Return what an object says otherwise."""
    [each] = [each for each in found.differences if each.name == name]
    return {fact.name: (fact.old, fact.new) for fact in each.attributes}


@pytest.fixture
def applied(live: etree._Element, described: Callable[..., Description]) -> etree._Element:
    """Return the CIB of a cluster that runs the example and another service."""
    return merge(live, described(more=SECOND))


def test_nothing_differs_after_an_apply(
    applied: etree._Element, described: Callable[..., Description]
) -> None:
    """The same description says nothing new, however the XML is indented."""
    again = etree.fromstring(etree.tostring(merge(applied, described(more=SECOND))))
    for element in again.iter():
        element.tail = None
    found = diff(applied, again)
    assert not found
    assert found.unchanged == ("shop", "wiki")


def test_a_parameter_is_told_with_both_values_in_the_descriptions_words(
    applied: etree._Element, described: Callable[..., Description]
) -> None:
    """An administrator reads the keys that he wrote, not the agent's parameters."""
    wanted = described(
        ('type = "ext4"', 'type = "xfs"'),
        ('workdir = "/srv/shop/data"\n', ""),
        ('"-D", "/srv/shop/data"]', '"-D", "/srv/shop/data", "-c", "work_mem=8 MB"]'),
        ("prefix = 24", 'prefix = 25\ninterface = "eth1"'),
        more=SECOND,
    )
    found = diff(applied, merge(applied, wanted))
    assert summary(found) == [
        ("changed", "filesystem", "shop-filesystem"),
        ("changed", "app", "shop-app"),
        ("changed", "address", "shop-address"),
    ]
    postgres = "/usr/lib/postgresql/15/bin/postgres -D /srv/shop/data"
    assert facts_of(found, "shop-filesystem") == {"type": ("ext4", "xfs")}
    assert facts_of(found, "shop-app") == {
        "command": (postgres, f"{postgres} -c 'work_mem=8 MB'"),
        "workdir": ("/srv/shop/data", None),
    }
    assert facts_of(found, "shop-address") == {
        "prefix": ("24", "25"),
        "interface": (None, "eth1"),
    }
    assert {each.service for each in found.differences} == {"shop"}
    assert found.unchanged == ("wiki",)


def test_times_are_told_with_their_operation(
    applied: etree._Element, described: Callable[..., Description]
) -> None:
    """An interval is the description's `monitor`, a timeout is that of its operation."""
    wanted = described(
        ("prefix = 24", 'prefix = 24\nmonitor = "15s"\ntimeout = "40s"'), more=SECOND
    )
    found = diff(applied, merge(applied, wanted))
    assert facts_of(found, "shop-address") == {
        "monitor": ("10s", "15s"),
        "start timeout": ("20s", "40s"),
        "stop timeout": ("20s", "40s"),
    }


def test_nodes_are_told_in_the_order_of_preference(
    applied: etree._Element, described: Callable[..., Description]
) -> None:
    """Constraints and scores are what nodes become; what is read is the list."""
    wanted = described(
        ('nodes = ["node1", "node2", "node3"]', 'nodes = ["node3", "node1"]'), more=SECOND
    )
    found = diff(applied, merge(applied, wanted))
    assert summary(found) == [("changed", "service", "shop")]
    assert facts_of(found, "shop") == {
        "nodes": ("node1, node2, node3", "node3, node1"),
        "never on": (None, "node2"),
    }


def test_a_score_that_others_changed_is_put_right(
    applied: etree._Element, described: Callable[..., Description]
) -> None:
    """Where the order of the nodes is the same, the score itself is told."""
    [preference] = applied.iterfind(".//rsc_location[@id='shop-prefers-node1']")
    preference.set("score", "35")
    found = diff(applied, merge(applied, described(more=SECOND)))
    assert facts_of(found, "shop") == {"score on node1": ("35", "30")}


def test_a_new_service_comes_with_its_parts_and_all_they_say(
    live: etree._Element, described: Callable[..., Description]
) -> None:
    """What is created is told whole, also properties and the fencing device."""
    found = diff(live, merge(live, described()))
    assert summary(found) == [
        ("changed", "property", "stonith-enabled"),
        ("created", "property", "no-quorum-policy"),
        ("created", "fencing device", "fence-power"),
        ("created", "service", "shop"),
        ("created", "filesystem", "shop-filesystem"),
        ("created", "app", "shop-app"),
        ("created", "address", "shop-address"),
    ]
    assert facts_of(found, "stonith-enabled") == {"value": ("false", "true")}
    assert facts_of(found, "shop")["nodes"] == (None, "node1, node2, node3")
    assert facts_of(found, "fence-power")["plugs"] == (None, "node1:1;node2:2;node3:3")
    assert facts_of(found, "shop-filesystem")["agent"] == (None, "ocf:takeover:filesystem")
    assert "meta takeover" not in facts_of(found, "shop")
    assert found.unchanged == ()


def test_a_service_that_goes_is_removed_with_its_parts(
    applied: etree._Element, described: Callable[..., Description]
) -> None:
    """What is removed is named; what it said does not matter any more."""
    found = diff(applied, merge(applied, described()))
    assert summary(found) == [
        ("removed", "service", "wiki"),
        ("removed", "app", "wiki-app"),
        ("removed", "address", "wiki-address"),
    ]
    assert all(each.attributes == () for each in found.differences)


GENERIC = {
    "constraints": '<rsc_order id="o" first="shop" then="wiki" kind="Mandatory"/>',
    "fencing-topology": '<fencing-level id="f" target="node1" index="1" devices="a,b"/>',
    "tags": '<tag id="t"><obj_ref id="shop"/></tag>',
    "alerts": '<alert id="a" path="/usr/bin/alert"><recipient id="r" value="x"/></alert>',
    "acls": '<acl_role id="r2"><acl_permission id="p" kind="read" xpath="/cib"/></acl_role>',
    "resources": '<clone id="c"><primitive id="d" class="ocf" provider="heartbeat" type="Dummy">'
    '<instance_attributes id="d-i"><nvpair id="d-n" name="state" value="/x"/>'
    "</instance_attributes></primitive></clone>",
}


@pytest.mark.parametrize("section", GENERIC)
def test_whatever_else_is_in_a_cib_is_told_by_the_cibs_own_names(
    applied: etree._Element, section: str
) -> None:
    """What there are no words for is created, changed and removed visibly all the same."""
    wanted = etree.fromstring(etree.tostring(applied))
    [configuration] = wanted.iterfind("configuration")
    place = configuration.find(section)
    if place is None:
        place = etree.SubElement(configuration, section)
    place.append(etree.fromstring(GENERIC[section]))
    created = diff(applied, wanted)
    assert created.differences[0].change == "created"
    assert created.differences[0].attributes or section == "resources"
    assert diff(wanted, applied).differences[0].change == "removed"
    changed = etree.fromstring(etree.tostring(wanted))
    for name, value in (("first", "wiki"), ("devices", "b"), ("path", "/y"), ("kind", "write")):
        for element in changed.iterfind(f"configuration/{section}//*[@{name}]"):
            element.set(name, value)
    for element in changed.iterfind(f"configuration/{section}//nvpair[@name='state']"):
        element.set("value", "/y")
    for element in changed.iterfind(f"configuration/{section}//obj_ref"):
        element.set("id", "wiki")
    assert [each.change for each in diff(wanted, changed).differences] == ["changed"]


def test_a_secret_is_never_shown(applied: etree._Element) -> None:
    """That a password differs is told, and neither of the two."""
    wanted = etree.fromstring(etree.tostring(applied))
    for cib, secret in ((applied, "one-secret"), (wanted, "other-secret")):
        [parameters] = cib.iterfind(".//primitive[@id='fence-power']/instance_attributes")
        etree.SubElement(parameters, "nvpair", id="x", name="passwd", value=secret)
    found = diff(applied, wanted)
    assert facts_of(found, "fence-power") == {"passwd": ("(a secret)", "(another secret)")}
    without = etree.fromstring(etree.tostring(wanted).replace(b'name="passwd"', b'name="x"'))
    assert facts_of(diff(without, wanted), "fence-power")["passwd"] == (None, "(a secret)")
    assert facts_of(diff(wanted, without), "fence-power")["passwd"] == ("(a secret)", None)


def test_a_group_tells_the_order_of_its_members(applied: etree._Element) -> None:
    """The order in which they start is a difference of the group."""
    wanted = etree.fromstring(etree.tostring(applied))
    [group] = wanted.iterfind(".//group[@id='wiki']")
    group.insert(0, group[1])
    assert facts_of(diff(applied, wanted), "wiki") == {
        "members": ("wiki-app, wiki-address", "wiki-address, wiki-app")
    }


def test_other_ids_alone_are_a_difference(applied: etree._Element) -> None:
    """What apply would push is never told as nothing."""
    wanted = etree.fromstring(etree.tostring(applied))
    [pair] = wanted.iterfind(".//nvpair[@id='shop-address-instance_attributes-ip']")
    pair.set("id", "other")
    assert changed_ids(applied, wanted).changed == ("shop",)
    [each] = diff(applied, wanted).differences
    assert [fact.name for fact in each.attributes] == ["XML IDs"]


def test_an_empty_live_cib_is_compared_too(described: Callable[..., Description]) -> None:
    """A new cluster's CIB has hardly anything."""
    live = etree.fromstring("<cib><configuration/><status/></cib>")
    assert diff(live, live) == Diff((), ())
    found = diff(live, merge(live, described()))
    assert {each.change for each in found.differences} == {"created"}


def test_a_service_that_runs_everywhere_is_one_service(
    live: etree._Element, described: Callable[..., Description]
) -> None:
    """Its clone has a group in it, which has the service's mark, too."""
    table = '\n[services.front]\npattern = "everywhere"\n\n[services.front.app]\ncommand = ["/x"]\n'
    found = diff(live, merge(live, described(more=table))).differences
    assert [each.name for each in found if each.what == "service"] == ["shop", "front"]
    assert {each.what for each in found if each.service == "front"} == {"service", "group", "app"}
