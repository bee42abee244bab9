"""A cluster as others leave it: the demo's, without marks, and with what others set up."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from lxml import etree

from cib_templates.cib.text import to_text
from cib_templates.comparing.marks import without_marks
from tests.rig.conftest import Shop
from vagrant.common.networks import Link
from vagrant.demo.faults import wait_until_whole
from vagrant.one_machine.layout import WITNESS
from vagrant.rig import Rig

NODE = "node1"
#: The remote node: the host that is a witness for other tests.
REMOTE = WITNESS
_FILE = "/root/strangers.xml"
_DEVICE = "fence-rig"
#: How long the cluster may take to settle, in seconds.
_WAIT = 90.0

#: Of which what runs must go on, in the resources section.
RESOURCES = """
<resources>
  <group id="theirs">
    <primitive id="their-one" class="ocf" provider="heartbeat" type="Dummy">
      <instance_attributes id="their-one-at-node2" score="5">
        <rule id="their-one-rule" score="INFINITY">
          <expression id="their-one-rule-1" attribute="#uname" operation="eq" value="node2"/>
        </rule>
        <nvpair id="their-one-2" name="fake" value="at-node2"/>
      </instance_attributes>
      <instance_attributes id="their-one-elsewhere">
        <nvpair id="their-one-3" name="fake" value="elsewhere"/>
      </instance_attributes>
      <operations>
        <op id="their-one-m" name="monitor" interval="17s" timeout="20s" on-fail="restart"/>
        <op id="their-one-m2" name="monitor" interval="61s" timeout="20s">
          <instance_attributes id="their-one-m2-a">
            <nvpair id="their-one-m2-1" name="OCF_CHECK_LEVEL" value="10"/>
          </instance_attributes>
        </op>
        <op id="their-one-start" name="start" interval="0s" timeout="33s"/>
        <op id="their-one-stop" name="stop" interval="0s" timeout="44s" on-fail="block"/>
      </operations>
      <utilization id="their-one-u">
        <nvpair id="their-one-u1" name="memory" value="999999"/>
        <nvpair id="their-one-u2" name="disk" value="4g"/>
      </utilization>
    </primitive>
    <primitive id="their-two" class="ocf" provider="pacemaker" type="Dummy">
      <instance_attributes id-ref="their-one-elsewhere"/>
      <operations>
        <op id="their-two-m" name="monitor" interval="1500ms" timeout="20s"/>
      </operations>
    </primitive>
  </group>
  <primitive id="their-single" class="ocf" provider="pacemaker" type="Dummy">
    <operations>
      <op id="their-single-m" name="monitor" interval="19s" timeout="20s"/>
    </operations>
    <meta_attributes id="their-single-m1">
      <nvpair id="their-single-m2" name="resource-stickiness" value="7"/>
    </meta_attributes>
  </primitive>
  <primitive id="their-far" class="ocf" provider="pacemaker" type="Dummy">
    <operations>
      <op id="their-far-m" name="monitor" interval="21s" timeout="20s"/>
    </operations>
  </primitive>
  <clone id="their-pair">
    <meta_attributes id="their-pair-m">
      <nvpair id="their-pair-m1" name="promotable" value="true"/>
      <nvpair id="their-pair-m2" name="promoted-max" value="1"/>
    </meta_attributes>
    <primitive id="their-state" class="ocf" provider="pacemaker" type="Stateful">
      <operations>
        <op id="their-state-m1" name="monitor" interval="10s" role="Promoted" timeout="20s"/>
        <op id="their-state-m2" name="monitor" interval="11s" role="Unpromoted" timeout="20s"/>
      </operations>
    </primitive>
  </clone>
</resources>
"""
CONSTRAINTS = f"""
<constraints>
  <rsc_location id="location-far" rsc="their-far" node="{REMOTE}" score="INFINITY"/>
  <rsc_location id="location-theirs" rsc="theirs" node="node2" score="INFINITY"/>
  <rsc_location id="location-single" rsc="their-single">
    <rule id="location-single-rule" score="-INFINITY">
      <expression id="location-single-1" attribute="#uname" operation="eq" value="node1"/>
    </rule>
  </rsc_location>
  <rsc_colocation id="with-the-promoted" rsc="their-single" with-rsc="their-pair"
    with-rsc-role="Promoted" score="50"/>
  <rsc_order id="after-the-promotion" first="their-pair" first-action="promote"
    then="their-single" then-action="start" kind="Optional"/>
</constraints>
"""
LEVELS = f"""
<fencing-topology>
  <fencing-level id="fl-node1-1" target="node1" index="1" devices="{_DEVICE}"/>
  <fencing-level id="fl-node2-1" target="node2" index="1" devices="{_DEVICE}"/>
</fencing-topology>
"""
#: What pgsql keeps, and what an administrator has said.
NODE_SETS = """
<sets>
  <instance_attributes id="their-attributes-{0}">
    <nvpair id="their-attributes-{0}-1" name="pgsql-data-status" value="STREAMING|{0}"/>
    <nvpair id="their-attributes-{0}-2" name="rack" value="{0}"/>
  </instance_attributes>
  <utilization id="their-utilization-{0}">
    <nvpair id="their-utilization-{0}-1" name="memory" value="1"/>
  </utilization>
</sets>
"""


def configuration(rig: Rig) -> etree._Element:
    """Return the whole CIB."""
    done = rig.run(NODE, "cibadmin", "--query", check=True)
    return etree.fromstring(done.stdout.encode())


def push(rig: Rig, cib: etree._Element) -> None:
    """Replace the configuration, as an administrator does, and wait until it is in effect."""
    rig.write(NODE, _FILE, to_text(cib))
    rig.run(NODE, "pcs", "cluster", "cib-push", _FILE, "--config", check=True)
    rig.run(NODE, "crm_resource", "--wait", f"--timeout={_WAIT:.0f}", check=True)


def _strange(cib: etree._Element) -> etree._Element:
    """Return a CIB without marks, and with what others made."""
    result = without_marks(cib)
    [whole] = result.iterfind("configuration")
    for text in (RESOURCES, CONSTRAINTS, LEVELS):
        part = etree.fromstring(text)
        section = whole.find(str(part.tag))
        if section is None:
            section = etree.SubElement(whole, str(part.tag))
        section.extend(part)
    for node in whole.iterfind("nodes/node"):
        node.extend(etree.fromstring(NODE_SETS.format(node.get("id"))))
    [properties] = whole.iterfind("crm_config/cluster_property_set[@id='cib-bootstrap-options']")
    for pair in properties.iterfind("nvpair"):
        if pair.get("name") == "no-quorum-policy":
            pair.set("value", "freeze")
    return result


@contextmanager
def _remote_node(shop: Shop) -> Iterator[None]:
    """Have a remote node, as pcs makes it; afterwards nothing of it is left."""
    types, rig = shop.admin.types, shop.rig
    password = rig.run(NODE, "cat", "/root/hacluster.password", check=True).stdout
    types(NODE, "pcs", "host", "auth", REMOTE, "-u", "hacluster", text=password)
    address = rig.layout.node_address(REMOTE, Link.LINK0)
    wait = f"--wait={_WAIT * shop.patience:.0f}"
    try:
        types(NODE, "pcs", "cluster", "node", "add-remote", REMOTE, address, wait)
        yield
    finally:
        # Before pcs takes the connection away it ends what the cluster is connected to, which to
        # Pacemaker is a failure.
        rig.run(NODE, "pcs", "resource", "disable", REMOTE, wait)
        types(NODE, "pcs", "cluster", "node", "remove-remote", REMOTE)


@contextmanager
def strange_cluster(shop: Shop) -> Iterator[etree._Element]:
    """Let the demo's cluster be a stranger's, and give its CIB; afterwards it is as before."""
    try:
        with _remote_node(shop):
            original = copy.deepcopy(configuration(shop.rig))
            try:
                push(shop.rig, _strange(original))
                yield configuration(shop.rig)
            finally:
                push(shop.rig, original)
    finally:
        shop.rig.run(NODE, "pcs", "resource", "refresh", check=True)
        wait_until_whole(shop.rig)


def history(rig: Rig) -> set[tuple[str, ...]]:
    """Return every operation that was ever run, with its number, and every fencing.

    What is restarted, stopped, moved or looked at anew has another number.
    """
    cib = configuration(rig)
    done = rig.run(NODE, "stonith_admin", "--history", "*", check=True)
    fenced = {("fenced", line) for line in done.stdout.splitlines() if "wanted" in line}
    return fenced | {
        (
            str(state.get("uname")),
            str(resource.get("id")),
            str(op.get("operation_key")),
            str(op.get("call-id")),
        )
        for state in cib.iterfind("status/node_state")
        for resource in state.iterfind("lrm/lrm_resources/lrm_resource")
        for op in resource.iterfind("lrm_rsc_op")
        if op.get("operation") != "notify"
    }
