"""A cluster that others have made, as a description."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import tomli_w
from lxml import etree

from cib_templates.cib.nvset import value_of
from cib_templates.comparing.changes import changed_ids
from cib_templates.importing.cluster import Cluster, import_cib
from cib_templates.importing.undescribed import undescribed
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from cib_templates.reading.reading import read_description
from cib_templates.rendering.render import render

CLUSTER = Cluster(
    "web", timedelta(seconds=3), {"node1": ["198.51.100.11"], "node2": ["198.51.100.12"]}
)
# As pcs makes it.
PCS = """
<cib validate-with="pacemaker-3.9" epoch="9" num_updates="0" admin_epoch="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="cib-bootstrap-options-dc-version" name="dc-version" value="2.1.5"/>
        <nvpair id="cib-bootstrap-options-cluster-delay" name="cluster-delay" value="90s"/>
      </cluster_property_set>
    </crm_config>
    <nodes><node id="1" uname="node1"/><node id="2" uname="node2"/></nodes>
    <resources>
      <primitive id="power" class="stonith" type="fence_apc">
        <instance_attributes id="power-instance_attributes">
          <nvpair id="power-ip" name="ip" value="198.51.100.9"/>
          <nvpair id="power-map" name="pcmk_host_map" value="node1:1;node2:2"/>
        </instance_attributes>
      </primitive>
      <group id="web">
        <primitive id="web.fs" class="ocf" provider="heartbeat" type="Filesystem">
          <instance_attributes id="web.fs-instance_attributes">
            <nvpair id="web.fs-device" name="device" value="/dev/vg/web"/>
            <nvpair id="web.fs-directory" name="directory" value="/srv/web"/>
          </instance_attributes>
          <operations>
            <op id="web.fs-monitor" name="monitor" interval="20s" timeout="40s"/>
            <op id="web.fs-start" name="start" interval="0s" timeout="60s"/>
            <op id="web.fs-stop" name="stop" interval="0s" timeout="90s"/>
          </operations>
        </primitive>
        <primitive id="web.server" class="systemd" type="nginx">
          <meta_attributes id="mine">
            <nvpair id="mine-n" name="note" value="Alice"/>
          </meta_attributes>
        </primitive>
        <primitive id="web.ip" class="ocf" provider="heartbeat" type="IPaddr2">
          <instance_attributes id="web.ip-instance_attributes">
            <nvpair id="web.ip-ip" name="ip" value="198.51.100.100"/>
          </instance_attributes>
        </primitive>
      </group>
      <primitive id="cups" class="systemd" type="cups"/>
      <clone id="ping-clone">
        <primitive id="ping" class="ocf" provider="pacemaker" type="ping"/>
      </clone>
    </resources>
    <constraints>
      <rsc_location id="location-web" rsc="web" node="node2" score="100"/>
      <rsc_location id="location-cups" rsc="cups" node="node2" score="-INFINITY"/>
    </constraints>
  </configuration>
  <status/>
</cib>
"""


@pytest.fixture
def cib() -> etree._Element:
    return etree.fromstring(PCS)


@pytest.fixture
def imported(cib: etree._Element, tmp_path: Path) -> Description:
    """Return the description, as it is when it was written and read again."""
    file = tmp_path / "cluster.toml"
    file.write_text(tomli_w.dumps(import_cib(cib, CLUSTER)))
    return read_description(file)


def test_groups_and_single_resources_are_services(imported: Description) -> None:
    """With their members in order, and where they prefer to run."""
    assert list(imported.services) == ["web", "cups"]
    web, cups = imported.services.values()
    assert [(part.id, part.agent) for part in web.app] == [
        ("web.fs", "ocf:heartbeat:Filesystem"),
        ("web.server", "systemd:nginx"),
        ("web.ip", "ocf:heartbeat:IPaddr2"),
    ]
    assert web.nodes == ["node2", "node1"]
    assert web.preferences == {"node2": 100}
    assert cups.nodes == ["node1"]
    assert imported.properties == {"cluster-delay": "90s"}
    assert imported.fencing["power"].plugs == {"node1": "1", "node2": "2"}


def test_adopting_changes_no_resource(cib: etree._Element, imported: Description) -> None:
    """The same resources with the same parameters go on; what others noted there stays."""
    merged = merge(cib, imported, adopt=True)
    assert changed_ids(cib, merged).removed == ()
    for old in cib.iterfind("configuration/resources//primitive"):
        [new] = merged.xpath(f"configuration/resources//primitive[@id='{old.get('id')}']")
        assert dict(new.attrib) == dict(old.attrib)
        if old.get("id") != "power":
            assert value_of(new, "instance_attributes", "ip") == value_of(
                old, "instance_attributes", "ip"
            )
    [server] = merged.xpath("//primitive[@id='web.server']")
    assert value_of(server, "meta_attributes", "note") == "Alice"
    assert value_of(server, "meta_attributes", "takeover") == "services.web.app.web-server"
    again = merge(merged, imported)
    assert not changed_ids(merged, again)


def test_what_cannot_be_said_is_listed(cib: etree._Element, imported: Description) -> None:
    """Each object that stays as it is, and each action whose times would be others."""
    told = [str(each) for each in undescribed(cib, imported)]
    stays = "not in the description; it stays as it is"
    assert f"clone ping-clone: {stays}" in told
    assert "web.fs, start timeout 60s: the description says 90s; it stays as it is" in told
    # That the service prefers this node is said by the order of its nodes, and their preferences.
    assert not any("location-web" in each for each in told)
    assert not any("web.ip" in each for each in told)


def with_nvpair(cib: etree._Element, resource: str, kind: str, name: str, value: str) -> None:
    """Add a pair to a resource's set of one kind."""
    [element] = cib.xpath(f"//*[@id='{resource}']")
    pairs = etree.SubElement(element, kind, id=f"{resource}-{name}-set")
    etree.SubElement(pairs, "nvpair", id=f"{resource}-{name}", name=name, value=value)


def test_secrets_stay_behind_and_are_told(cib: etree._Element, tmp_path: Path) -> None:
    """A password is neither in the description nor in what is said of it."""
    with_nvpair(cib, "power", "instance_attributes", "passwd", "hunter2")
    file = tmp_path / "cluster.toml"
    file.write_text(tomli_w.dumps(import_cib(cib, CLUSTER)))
    assert "hunter2" not in file.read_text()
    told = [str(each) for each in undescribed(cib, read_description(file))]
    assert "power, parameter passwd: a secret is not copied; it stays as it is" in " ".join(told)
    assert not any("hunter2" in each for each in told)


def test_what_is_said_of_a_resource_is_said_of_its_service(
    cib: etree._Element, tmp_path: Path
) -> None:
    """A single resource that is disabled is a disabled service."""
    with_nvpair(cib, "cups", "meta_attributes", "target-role", "Stopped")
    with_nvpair(cib, "web.server", "meta_attributes", "priority", "7")
    file = tmp_path / "cluster.toml"
    file.write_text(tomli_w.dumps(import_cib(cib, CLUSTER)))
    description = read_description(file)
    assert description.services["cups"].enabled is False
    told = [str(each) for each in undescribed(cib, description)]
    stays = "not in the description; it stays as it is"
    assert f"web.server, meta priority 7: {stays}" in told
    assert not any("note" in each or "target-role" in each for each in told)


def test_nodes_and_names_that_a_description_does_not_know(
    cib: etree._Element, tmp_path: Path
) -> None:
    """A remote node that is fenced, and an attribute of Pacemaker's own."""
    [plugs] = cib.xpath("//nvpair[@id='power-map']")
    plugs.set("value", "node1:1;node2:2;remote1:3")
    with_nvpair(cib, "1", "instance_attributes", "#health-disk", "red")
    file = tmp_path / "cluster.toml"
    file.write_text(tomli_w.dumps(import_cib(cib, CLUSTER)))
    description = read_description(file)
    assert description.nodes["node1"].attributes == {}
    assert description.fencing["power"].plugs == {"node1": "1", "node2": "2"}


def test_what_cannot_be_a_service_is_left_alone(cib: etree._Element, tmp_path: Path) -> None:
    """A resource made of a template, and a relation to what is no service."""
    [resources] = cib.xpath("configuration/resources")
    resources.append(etree.fromstring('<template id="t" class="ocf" provider="x" type="y"/>'))
    resources.append(etree.fromstring('<primitive id="made" template="t"/>'))
    [constraints] = cib.xpath("configuration/constraints")
    constraints.append(
        etree.fromstring('<rsc_order id="web-after-ping-clone" first="ping-clone" then="web"/>')
    )
    file = tmp_path / "cluster.toml"
    file.write_text(tomli_w.dumps(import_cib(cib, CLUSTER)))
    description = read_description(file)
    assert list(description.services) == ["web", "cups"]
    told = {str(each).partition(":")[0] for each in undescribed(cib, description)}
    assert {"template t", "primitive made", "rsc_order web-after-ping-clone"} <= told


TWO_NODES = """\
schema = 1
[cluster]
name = "web"
{delay}
[nodes.node1]
links = ["198.51.100.11"]
[nodes.node2]
links = ["198.51.100.12"]
{properties}
[fencing.power]
agent = "fence_apc"
[services.web]
pattern = "standby"
{priority}
[services.web.app]
command = ["/bin/x"]
"""


@pytest.mark.parametrize(
    ("delay", "properties", "priority"),
    [
        ("", "", ""),
        ('fencing_delay = "20s"', "", ""),
        ('fencing_delay = "0s"', "", ""),
        ("", "", "priority = 5"),
        ("", '[properties]\npriority-fencing-delay = "30s"', ""),
    ],
)
def test_the_delay_of_two_nodes_comes_back_as_it_was_described(
    delay: str, properties: str, priority: str, tmp_path: Path
) -> None:
    """What Takeover has set for a delay is neither a property nor a priority of one's own."""
    file = tmp_path / "cluster.toml"
    text = TWO_NODES.format(delay=delay, properties=properties, priority=priority)
    file.write_text(text)
    cib = render(read_description(file))
    document = import_cib(cib, CLUSTER)
    file.write_text(tomli_w.dumps(document))
    assert etree.tostring(render(read_description(file))) == etree.tostring(cib)
    assert ("priority" in document["services"]["web"]) == bool(priority)


def test_two_nodes_that_others_have_made_get_no_delay(
    cib: etree._Element, imported: Description
) -> None:
    """Their fencing stays as it was."""
    assert imported.cluster.fencing_delay == timedelta()
    merged = merge(cib, imported, adopt=True)
    assert merged.xpath("//nvpair[@name='priority-fencing-delay' or @name='priority']") == []
