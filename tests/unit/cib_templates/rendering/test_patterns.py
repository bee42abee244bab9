"""Each pattern as a CIB: what runs where, and what keeps services together or apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.errors import DescriptionError
from cib_templates.model.description import Description
from cib_templates.rendering.render import render
from tests.unit.cib_templates.rendering.test_render import by_id

Describe = Callable[..., Description]


def service(name: str, pattern: str, nodes: str = '"node1", "node2"', more: str = "") -> str:
    """Return a small service's table."""
    return (
        f'\n[services.{name}]\npattern = "{pattern}"\nnodes = [{nodes}]\n{more}\n'
        f'[services.{name}.app]\ncommand = ["/bin/sleep", "infinity"]\n'
    )


def meta(cib: etree._Element, identity: str) -> dict[str, str]:
    """Return a resource's own meta attributes."""
    pairs = by_id(cib, identity).iterfind("meta_attributes/nvpair")
    return {pair.get("name", ""): pair.get("value", "") for pair in pairs}


def refused(describe: Describe, *replacements: tuple[str, str], more: str = "") -> list[str]:
    """Return the mistakes of a description with their codes, without the file."""
    with pytest.raises(DescriptionError) as caught:
        describe(*replacements, more=more)
    return [
        f"{each.code} {each.key}: {each.message} ({each.hint})" for each in caught.value.findings
    ]


@pytest.mark.parametrize("pattern", ["mutual", "spare"])
def test_services_of_a_pattern_stay_apart_while_they_can(pattern: str, described: Describe) -> None:
    """More than the preference for a node, less than what keeps a service where it is."""
    more = service("one", pattern) + service("two", pattern, '"node2", "node1"')
    cib = render(described(more=more))
    apart = by_id(cib, f"takeover-{pattern}-apart")
    assert [each.get("id") for each in apart.iter("resource_ref")] == ["one", "two"]
    preference = int(by_id(cib, "one-prefers-node1").get("score", ""))
    score = int(apart.get("score", ""))
    assert preference < -score < int(meta(cib, "one")["resource-stickiness"])


def test_one_mutual_service_has_nobody_to_stay_apart_from(described: Describe) -> None:
    """The constraint comes with the second service."""
    cib = render(described(more=service("one", "mutual")))
    assert cib.xpath("//rsc_colocation") == []


def test_failback_goes_home_by_itself(described: Describe) -> None:
    """Without stickiness the preference for the first node decides."""
    cib = render(described(more=service("one", "mutual", more="failback = true")))
    assert meta(cib, "one")["resource-stickiness"] == "0"


def test_everywhere_is_a_clone_with_the_service_s_name(described: Describe) -> None:
    """As many copies as nodes that may run it, and none elsewhere."""
    cib = render(described(more=service("web", "everywhere")))
    assert by_id(cib, "web").tag == "clone"
    assert [each.get("id") for each in by_id(cib, "web")][:1] == ["web-group"]
    found = meta(cib, "web")
    assert found["clone-max"] == "2"
    assert found["interleave"] == "true"
    assert by_id(cib, "web-avoids-node3").get("score") == "-INFINITY"
    assert cib.xpath("//*[@id='web-prefers-node1']") == []


MIRROR = """
[services.db]
pattern = "mirror"
nodes = ["node1", "node2"]
[services.db.mirror]
resource = "db"
device = "/dev/drbd0"
[services.db.filesystem]
device = "/dev/drbd0"
directory = "/srv/db"
type = "ext4"
"""


def test_a_mirror_is_promoted_where_its_service_runs(described: Describe) -> None:
    """DRBD's promotable clone with notifications; the group is with and after its promotion."""
    cib = render(described(more=MIRROR))
    disk = by_id(cib, "db-mirror-disk")
    assert (disk.get("provider"), disk.get("type")) == ("linbit", "drbd")
    found = meta(cib, "db-mirror")
    assert (found["promotable"], found["notify"], found["clone-max"]) == ("true", "true", "2")
    monitors = {op.get("role"): op.get("interval") for op in disk.iterfind(".//op[@role]")}
    assert monitors == {"Promoted": "20s", "Unpromoted": "21s"}
    together = by_id(cib, "db-with-mirror")
    assert together.get("with-rsc-role") == "Promoted"
    assert together.get("score") == "INFINITY"
    order = by_id(cib, "db-after-mirror")
    assert (order.get("first-action"), order.get("then-action")) == ("promote", "start")
    assert by_id(cib, "db-mirror-avoids-node3").get("score") == "-INFINITY"


PATTERN_MISTAKES = [
    (MIRROR.replace('device = "/dev/drbd0"\ndirectory', 'device = "/dev/sdb"\ndirectory'),
     'mirror-other-disk '
     'services.db.filesystem: is on another disk than the mirror (device = "/dev/drbd0")'),
    (re.sub(r"\[services.db.mirror\]\n.*\n.*\n", "", MIRROR),
     "mirror-missing "
     "services.db: has no mirror"),
    (MIRROR.replace(', "node2"', ""),
     "mirror-not-two-nodes "
     "services.db.nodes: a mirror has two nodes, not 1"),
    (MIRROR.replace('"mirror"', '"standby"'),
     "mirror-of-other-pattern "
     "services.db.mirror: belongs to the pattern mirror"),
    (service("one", "mutual", '"node1"'),
     "pattern-needs-two-nodes "
     "services.one.nodes: mutual needs another node"),
    (service("one", "everywhere") + '[services.one.address]\nip = "198.51.100.9"\n',
     "address-everywhere services.one.address: would be on several nodes at once"),
    (service("one", "everywhere") + '[services.one.filesystem]\ndevice = "/dev/sdb"\n'
     'directory = "/srv/one"\ntype = "ext4"\n',
     "filesystem-on-several-nodes "
     "services.one.filesystem.type: ext4 mounted on several nodes at once is destroyed"),
    (service("one", "standby", more="failback = true\nstickiness = 5"),
     "stickiness-and-failback "
     "services.one.stickiness: keeps the service where it is, but failback moves it back"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), PATTERN_MISTAKES)
def test_what_a_pattern_cannot_have_is_refused(
    more: str, expected: str, described: Describe
) -> None:
    """A mistake names the key, and what the pattern needs."""
    (found,) = refused(described, more=more)
    assert found.startswith(expected)


def test_relations_are_constraints(described: Describe) -> None:
    """`after`, `with` and `apart_from` are an order and two colocations."""
    more = service("web", "standby", more='after = ["shop"]\nwith = ["shop"]')
    cib = render(described(more=more + service("log", "standby", more='apart_from = ["web"]')))
    order = by_id(cib, "web-after-shop")
    assert (order.get("first"), order.get("then"), order.get("kind")) == (
        "shop", "web", "Mandatory",
    )  # fmt: skip
    assert by_id(cib, "web-with-shop").get("score") == "INFINITY"
    apart = by_id(cib, "log-apart-from-web")
    assert (apart.get("rsc"), apart.get("with-rsc"), apart.get("score")) == (
        "log", "web", "-INFINITY",
    )  # fmt: skip


RELATION_MISTAKES = [
    (service("a", "standby", more='after = ["a"]'),
     "relation-to-itself "
     "services.a.after[0]: is the service itself"),
    (service("a", "standby", more='after = ["shp"]'),
     "service-unknown services.a.after[0]: there is no service 'shp' (did you mean 'shop'?)"),
    (service("a", "standby", more='after = ["b"]') + service("b", "standby", more='after = ["a"]'),
     "relation-circle services.a.after: goes round in a circle: a → b → a"),
    (service("a", "standby", more='with = ["b"]') + service("b", "standby", more='with = ["a"]'),
     "relation-circle services.a.with: goes round in a circle: a → b → a"),
    (service("a", "standby", more='with = ["shop"]\napart_from = ["shop"]'),
     "together-and-apart "
     "services.a.apart_from[0]: must run on the node of shop, and must never run there"),
    (service("a", "standby", more='with = ["shop"]')
     + service("b", "standby", more='with = ["shop"]\napart_from = ["a"]'),
     "together-and-apart "
     "services.b.apart_from[0]: must run on the node of a, and must never run there"),
    (service("a", "standby", '"node1"') + service("b", "standby", '"node2"', 'with = ["a"]'),
     "together-without-node services.b.with[0]: a may run on none of its nodes"),
    (service("a", "standby", '"node1"') + service("b", "standby", '"node1"', 'apart_from = ["a"]'),
     "apart-on-one-node services.b.apart_from[0]: both may run on node1 only"),
    (service("a", "mutual") + service("b", "mutual", more='with = ["a"]'),
     "together-apart-by-pattern "
     "services.b.with[0]: services of the pattern mutual run on different nodes"),
    (service("a", "everywhere", more='with = ["shop"]'),
     "together-with-everywhere services.a.with[0]: runs on several nodes, and shop on one"),
    (service("a", "standby", more='never_on = ["node1"]'),
     "node-allowed-and-forbidden services.a.never_on[0]: 'node1' is also in nodes"),
    (service("a", "standby", more="preferences = { node3 = 5 }"),
     "preference-of-other-node services.a.preferences.node3: may not run it"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), RELATION_MISTAKES)
def test_what_cannot_be_between_services_is_refused(
    more: str, expected: str, described: Describe
) -> None:
    """Circles, contradictions and unknown names are found before Pacemaker is asked."""
    (found,) = refused(described, more=more)
    assert found.startswith(expected)


def test_an_unreadable_service_is_still_a_service(described: Describe) -> None:
    """A mistake in a service's table does not make its name unknown elsewhere."""
    more = service("web", "standby", more='after = ["shop"]')
    (found,) = refused(described, ("lun = 1", "lun = true"), more=more)
    assert found.startswith("type-wrong services.shop.filesystem.lun")


def test_without_nodes_a_service_may_run_on_all_but_some(described: Describe) -> None:
    """`never_on` takes nodes out of all."""
    text = service("web", "standby", more='never_on = ["node2"]')
    text = text.replace('nodes = ["node1", "node2"]\n', "")
    description = described(more=text)
    assert description.services["web"].nodes == ["node1", "node3"]
    assert by_id(render(description), "web-avoids-node2").get("score") == "-INFINITY"


def test_wishes_become_meta_attributes(described: Describe) -> None:
    """What a service says of itself replaces the default, and is listed as the description's."""
    wishes = (
        'enabled = false\nmaintenance = true\nmigration_threshold = 3\nfailure_timeout = "60s"\n'
        "stickiness = 50\npriority = 7\npreferences = { node2 = 77 }"
    )
    cib = render(described(more=service("web", "standby", more=wishes)))
    assert meta(cib, "web") == {
        "takeover": "services.web",
        "resource-stickiness": "50",
        "migration-threshold": "3",
        "failure-timeout": "60s",
        "priority": "7",
        "maintenance": "true",
        "target-role": "Stopped",
        "takeover-sets": "maintenance priority target-role",
    }
    assert by_id(cib, "web-prefers-node2").get("score") == "77"


def test_a_folder_of_the_description_s_is_where_fragments_are(
    described: Describe, tmp_path: Path
) -> None:
    """A file is named relative to the description."""
    (tmp_path / "acls.xml").write_text('<acls><acl_role id="reader"/></acls>')
    cib = render(described(more='\n[[fragments]]\nfile = "acls.xml"\n'))
    assert by_id(cib, "reader").getparent().tag == "acls"  # type: ignore[union-attr]
    assert cib.xpath("//tag[@id='takeover-fragments']/obj_ref/@id") == ["reader"]


FRAGMENT_MISTAKES = [
    ('file = "none.xml"',
     "fragment-unreadable "
     "fragments[0].file: 'none.xml' cannot be read: No such file"),
    ("xml = '<acls>'", "fragment-unusable fragments[0]: is not well-formed XML"),
    ("xml = '<status/>'",
     "fragment-unusable "
     "fragments[0]: has <status>, which is no section for a fragment"),
    ("xml = '<acls/>'", "fragment-empty fragments[0]: is empty"),
    ("xml = '<acls><acl_role/></acls>'",
     "fragment-unusable "
     "fragments[0]: has a <acl_role> without an id"),
    ('xml = \'<tags><tag id="shop"><obj_ref id="shop-app"/></tag></tags>\'',
     "fragment-id-taken fragments[0]: its ID 'shop' is also that of services.shop"),
    ("", "fragment-not-one-source fragments[0]: needs a file or xml, and not both"),
    ("file = 'a.xml'\nxml = '<acls/>'",
     "fragment-not-one-source "
     "fragments[0]: needs a file or xml, and not both"),
]  # fmt: skip


@pytest.mark.parametrize(("more", "expected"), FRAGMENT_MISTAKES)
def test_a_fragment_that_is_none_is_refused(more: str, expected: str, described: Describe) -> None:
    """It is a section, well-formed, and its IDs are its own."""
    (found,) = refused(described, more=f"\n[[fragments]]\n{more}\n")
    assert found.startswith(expected)
