"""Adopting what others have made changes nothing but marks, whatever it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import tomli_w
from lxml import etree

from cib_templates.cib import ids
from cib_templates.comparing.marks import beyond_marks, without_marks
from cib_templates.errors import DescriptionError
from cib_templates.importing.cluster import Cluster, Document, import_cib
from cib_templates.importing.undescribed import undescribed
from cib_templates.merging.handover import Passed, passed
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from cib_templates.reading.reading import parse_description
from tests.unit.cib_templates.importing.test_importing import PCS

STRANGERS = sorted((Path(__file__).parent / "strangers").glob("*.xml"))
#: What has no fence device that a description can express: the device is in a clone.
UNFENCED = "odd-stonith-clone"


def cluster_of(cib: etree._Element) -> Cluster:
    """Return what Corosync would say of a CIB's nodes."""
    nodes = [
        str(node.get("uname"))
        for node in cib.iterfind("configuration/nodes/node")
        if node.get("type", "member") == "member"
    ]
    links = {name: [f"198.51.100.{number}"] for number, name in enumerate(nodes, start=1)}
    return Cluster("stranger", timedelta(seconds=3), links)


def described(cib: etree._Element) -> tuple[Document, Description]:
    """Return the description of a CIB, as it is written and read again."""
    document = import_cib(cib, cluster_of(cib))
    return document, parse_description(tomli_w.dumps(document), Path("imported"))


def stranger(name: str) -> etree._Element:
    """Return a configuration that somebody else has made."""
    [file] = [each for each in STRANGERS if each.stem == name]
    return etree.fromstring(file.read_bytes())


def told(cib: etree._Element) -> list[str]:
    """Return what is said of a CIB when it is imported."""
    return [str(each) for each in undescribed(cib, described(cib)[1])]


def canonical(cib: etree._Element) -> bytes:
    """Return a configuration as text, without marks and blanks."""
    bare = without_marks(cib)
    for element in bare.iter(etree.Element):
        element.text = element.tail = None
    [configuration] = bare.iterfind("configuration")
    return etree.tostring(configuration, method="c14n")


@pytest.mark.parametrize("file", STRANGERS, ids=lambda file: file.stem)
def test_adopting_what_was_imported_adds_marks_and_changes_nothing(file: Path) -> None:
    """Not an attribute of an object differs, nor is there one more or one less."""
    cib = etree.fromstring(file.read_bytes())
    if file.stem == UNFENCED:
        with pytest.raises(DescriptionError):
            described(cib)
        return
    document, description = described(cib)
    merged = merge(cib, description, adopt=True)
    assert beyond_marks(cib, merged).differences == ()
    assert canonical(merged) == canonical(cib)
    # A second import says the same, and a plan with it changes nothing, not even marks.
    again, description_again = described(merged)
    assert again == document
    assert etree.tostring(merge(merged, description_again)) == etree.tostring(merged)
    assert etree.tostring(merge(merged, description)) == etree.tostring(merged)


def test_the_same_of_what_pcs_makes() -> None:
    """A group, a single resource, a clone, and a fence device."""
    cib = etree.fromstring(PCS)
    document, description = described(cib)
    merged = merge(cib, description, adopt=True)
    assert canonical(merged) == canonical(cib)
    assert described(merged)[0] == document


def test_the_connection_of_a_remote_node_is_left_alone() -> None:
    """In a group Pacemaker would not look for it: the node would leave, and its services move."""
    cib = stranger("remote-move")
    document, description = described(cib)
    assert "remote1" not in document["services"]
    assert "primitive remote1: not in the description; it stays as it is" in told(cib)
    [connection] = merge(cib, description, adopt=True).xpath("//primitive[@id='remote1']")
    assert connection.getparent().tag == "resources"


def test_what_agents_keep_in_node_attributes_is_never_written_back() -> None:
    """After a failover the other copy is the newest: an old description says nothing of it."""
    cib = stranger("pgsql-status-before")
    document, description = described(cib)
    assert all("attributes" not in node for node in document["nodes"].values())
    assert "node a, pgsql-data-status LATEST: not in the description; it stays as it is" in told(
        cib
    )
    adopted = merge(cib, description, adopt=True)
    for name, value in (("a", "DISCONNECT"), ("b", "LATEST")):
        [pair] = adopted.xpath(f"//node[@uname='{name}']//nvpair[@name='pgsql-data-status']")
        pair.set("value", value)
    assert etree.tostring(merge(adopted, description)) == etree.tostring(adopted)


def test_what_an_older_adoption_wrote_of_an_agents_attribute_stays_as_it_is_now() -> None:
    """It is listed as the description's: it is neither written back nor taken away."""
    cib = stranger("pgsql-status-after-failover")
    document, description = described(cib)
    assert all("attributes" not in node for node in document["nodes"].values())
    merged = merge(cib, description)
    values = merged.xpath("//node//nvpair[@name='pgsql-data-status']/@value")
    assert values == ["DISCONNECT", "LATEST"]
    # Its resources keep the IDs that no name makes.
    assert document["fencing"]["fa"]["id"] == "fa"
    assert document["services"]["d-service"]["app"]["id"] == "d"


def test_an_agents_attribute_in_a_description_is_a_mistake() -> None:
    """Whoever has such a description from before is told."""
    document, _ = described(stranger("pgsql-status-before"))
    document["nodes"]["a"]["attributes"] = {"pgsql-data-status": "LATEST"}
    with pytest.raises(DescriptionError, match="an agent keeps this"):
        parse_description(tomli_w.dumps(document), Path("old"))


SILENT = [
    "property no-quorum-policy freeze: not in the description; it stays as it is, though "
    "Takeover's is stop",
    "f, timeout of off 600s: the description says 60s; it stays as it is",
    "db, start timeout INFINITY: the description says 3600s; it stays as it is",
    "db, start on-fail block: not in the description; it stays as it is",
    "db, stop on-fail block: not in the description; it stays as it is",
    "db, monitor on-fail standby: not in the description; it stays as it is",
    "db, monitor (2) 600s: not in the description; it stays as it is",
    "db, monitor timeout (2) 300s: not in the description; it stays as it is",
    "db, monitor OCF_CHECK_LEVEL 20: not in the description; it stays as it is",
    "db, migrate_to timeout 1800s: not in the description; it stays as it is",
]


def test_nothing_is_left_out_without_a_word() -> None:
    """What to do when an action fails, other monitors, times of all actions, the quorum policy."""
    assert told(stranger("silent-whole")) == SILENT


def test_parameters_under_a_rule_keep_it() -> None:
    """What holds in any case is said; what a rule or a reference says stays as it is."""
    cib = stranger("odd-meta-two-sets")
    document, _ = described(cib)
    assert document["services"]["g"]["stickiness"] == 5
    assert "g, meta resource-stickiness (2) 500: not in the description; it stays as it is" in told(
        cib
    )
    for name in ("odd-idref-attrs", "odd-idref-op"):
        assert any("id-ref" in each for each in told(stranger(name)))


def test_utilization_that_does_not_count_does_not_begin_to() -> None:
    """It would, if the description had it: placement-strategy would become balanced."""
    cib = stranger("vm-utilization-state")
    document, description = described(cib)
    assert "properties" not in document
    assert all("utilization" not in service["app"] for service in document["services"].values())
    merged = merge(cib, description, adopt=True)
    assert not merged.xpath("//nvpair[@name='placement-strategy']")
    [properties] = cib.xpath("//cluster_property_set[@id='cib-bootstrap-options']")
    etree.SubElement(properties, "nvpair", id="ps", name="placement-strategy", value="utilization")
    assert described(cib)[0]["services"]["VM1"]["app"]["utilization"]


def with_levels(cib: etree._Element) -> etree._Element:
    """Let a CIB have a level of its device for each node."""
    topology = "".join(
        f'<fencing-level id="fl-{node}-1" target="{node}" index="1" devices="f"/>'
        for node in ("a", "b")
    )
    [configuration] = cib.xpath("configuration")
    configuration.append(etree.fromstring(f"<fencing-topology>{topology}</fencing-topology>"))
    return cib


def test_fencing_levels_are_not_doubled() -> None:
    """They are said, and nothing is added beside them; changed, the new ones take their place."""
    cib = with_levels(stranger("odd-op-ms"))
    document, description = described(cib)
    assert document["nodes"]["a"]["fencing_levels"] == [["f"]]
    merged = merge(cib, description, adopt=True)
    assert canonical(merged) == canonical(cib)
    assert described(merged)[0] == document
    del document["nodes"]["a"]["fencing_levels"]
    without = merge(merged, parse_description(tomli_w.dumps(document), Path("changed")))
    assert [level.get("target") for level in without.iter("fencing-level")] == ["b"]


def test_a_level_that_cannot_be_said_stays() -> None:
    """One of a pattern of nodes."""
    cib = stranger("odd-level-pattern")
    document, _ = described(cib)
    assert "fencing_levels" not in document["nodes"]["a"]
    assert "fencing-level l1: not in the description; it stays as it is" in told(cib)


def test_where_nothing_is_allowed_nothing_begins_to_be() -> None:
    """With symmetric-cluster=false, a service may run on the nodes that are named alone."""
    cib = stranger("odd-opt-in")
    document, description = described(cib)
    assert document["services"]["g"]["nodes"] == ["a"]
    merged = merge(cib, description, adopt=True)
    assert [each.get("id") for each in merged.iter("rsc_location")] == ["l"]


def test_a_preference_without_end_is_the_first_node() -> None:
    """What `pcs constraint … prefers` makes; and without stickiness a service goes back."""
    service = described(stranger("odd-loc-inf"))[0]["services"]["g"]
    assert service["nodes"] == ["b", "a"]
    assert service["failback"] is True
    assert "stickiness" not in service


@pytest.mark.parametrize(
    ("change", "constraints"),
    [
        # Another order: the constraint of others gives way to those that say it.
        ({"nodes": ["a", "b"]}, {"g-prefers-a", "g-prefers-b"}),
        ({"priority": 7}, {"l"}),
    ],
)
def test_what_the_description_changes_afterwards_is_changed_and_nothing_else(
    change: Document, constraints: set[str]
) -> None:
    """What was taken over is Takeover's: whoever edits the description changes it."""
    cib = stranger("odd-loc-inf")
    document, description = described(cib)
    adopted = merge(cib, description, adopt=True)
    document["services"]["g"] |= change
    merged = merge(adopted, parse_description(tomli_w.dumps(document), Path("changed")))
    assert {each.get("id") for each in merged.iter("rsc_location")} == constraints
    again, _ = described(merged)
    assert again["services"]["g"] == document["services"]["g"]
    [before], [after] = (each.xpath("//primitive[@id='w']") for each in (adopted, merged))
    assert etree.tostring(after, method="c14n") == etree.tostring(before, method="c14n")


def test_a_time_that_the_description_changes_leaves_the_rest_of_the_action() -> None:
    """A longer timeout; what to do at a failure stays as it was."""
    cib = stranger("silent-whole")
    document, description = described(cib)
    adopted = merge(cib, description, adopt=True)
    document["services"]["db"]["app"]["monitor_timeout"] = "90s"
    document["services"]["db"]["app"]["parameters"]["sid"] = "Y"
    merged = merge(adopted, parse_description(tomli_w.dumps(document), Path("changed")))
    [change] = beyond_marks(adopted, merged).differences
    assert {(each.name, each.old, each.new) for each in change.attributes} == {
        ("monitor timeout", "60s", "90s"),
        ("sid", "X", "Y"),
    }


def test_what_pcs_sets_for_a_while_on_what_was_taken_over_stays() -> None:
    """`pcs resource disable`, `move` and a note of somebody's: as on Takeover's own."""
    cib = stranger("odd-loc-inf")
    _, description = described(cib)
    adopted = merge(cib, description, adopt=True)
    [group] = adopted.xpath("//group[@id='g']")
    [pairs] = group.xpath("meta_attributes")
    etree.SubElement(pairs, "nvpair", id="g-role", name="target-role", value="Stopped")
    [constraints] = adopted.xpath("configuration/constraints")
    moved = {"id": "cli-prefer-g", "rsc": "g", "node": "a", "score": "INFINITY"}
    etree.SubElement(constraints, "rsc_location", moved)
    assert canonical(merge(adopted, description)) == canonical(adopted)


def test_what_is_no_longer_described_is_removed() -> None:
    """What was taken over is Takeover's, with what came with it."""
    cib = stranger("odd-loc-inf")
    document, description = described(cib)
    adopted = merge(cib, description, adopt=True)
    del document["services"]["g"]
    merged = merge(adopted, parse_description(tomli_w.dumps(document), Path("without")))
    assert [each.get("id") for each in merged.iter("group", "rsc_location")] == []


def test_a_quorum_policy_of_ones_own_stays_until_somebody_changes_it() -> None:
    """It is told; set to Takeover's by hand, it is Takeover's from then on."""
    cib = stranger("silent-whole")
    _, description = described(cib)
    adopted = merge(cib, description, adopt=True)
    [policy] = adopted.xpath("//nvpair[@name='no-quorum-policy']")
    assert policy.get("value") == "freeze"
    policy.set("value", "ignore")
    [policy] = merge(adopted, description).xpath("//nvpair[@name='no-quorum-policy']")
    assert policy.get("value") == "stop"


def test_a_mirror_beside_the_clone_that_there_is_would_be_a_second_one() -> None:
    """The usual clone of DRBD stays, and the description's would have the same resource."""
    cib = stranger("odd-op-ms")
    [resources] = cib.xpath("configuration/resources")
    resources.append(
        etree.fromstring(
            '<clone id="drbd-clone"><primitive id="drbd" class="ocf" provider="linbit" type="drbd">'
            '<instance_attributes id="drbd-i"><nvpair id="drbd-1" name="drbd_resource" value="r0"/>'
            "</instance_attributes></primitive></clone>"
        )
    )
    document, _ = described(cib)
    document["services"]["shop"] = {
        "pattern": "mirror",
        "nodes": ["a", "b"],
        "mirror": {"resource": "r0", "device": "/dev/drbd0"},
        "app": {"agent": "systemd:shop"},
    }
    merged = merge(cib, parse_description(tomli_w.dumps(document), Path("mirror")), adopt=True)
    assert passed(cib, merged) == [Passed("r0", "drbd", "shop-mirror-disk", stays=True)]


def test_a_mark_has_an_id_that_nobody_else_has() -> None:
    """Another resource has a set with the ID that the mark's would have."""
    cib = stranger("odd-op-ms")
    [device] = cib.xpath("//primitive[@id='f']")
    pairs = etree.SubElement(device, "meta_attributes", id="d-meta_attributes")
    etree.SubElement(pairs, "nvpair", id="d-meta_attributes-x", name="x", value="y")
    merged = merge(cib, described(cib)[1], adopt=True)
    identities = merged.xpath("//*[not(self::obj_ref)]/@id")
    assert len(identities) == len(set(identities))
    assert canonical(merged) == canonical(cib)


def test_marks_are_where_pcs_takes_them_away() -> None:
    """In the first set of meta attributes, which is the only one that pcs changes."""
    cib = stranger("odd-meta-two-sets")
    merged = merge(cib, described(cib)[1], adopt=True)
    [first, _] = merged.xpath("//group[@id='g']/meta_attributes")
    assert first.get("id") == "gm"
    assert first.xpath("nvpair/@name") == ["resource-stickiness", ids.MARK, ids.ADOPTED]
    ruled, plain = cib.xpath("//group[@id='g']/meta_attributes")
    ruled.addprevious(plain)
    merged = merge(cib, described(cib)[1], adopt=True)
    first = merged.xpath("//group[@id='g']/meta_attributes")[0]
    assert first.xpath("nvpair/@name") == [ids.MARK, ids.ADOPTED]
    assert canonical(merged) == canonical(cib)
