"""Whether a resource is managed, by Pacemaker's configuration on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocf_agents.watcher import managed
from ocf_agents.watcher.managed import is_managed

CIB = """<cib><configuration>
<crm_config>
  <cluster_property_set id="options">
    <nvpair id="o1" name="maintenance-mode" value="{mode}"/>
  </cluster_property_set>
</crm_config>
<nodes>
  <node id="1" uname="node1"><instance_attributes id="n1">
    <nvpair id="n11" name="maintenance" value="{node1}"/>
  </instance_attributes></node>
  <node id="2" uname="node2"/>
</nodes>
<resources>
  <template id="web" class="ocf" provider="takeover" type="app">
    <meta_attributes id="t"><nvpair id="t1" name="{template}" value="{template_value}"/>
    </meta_attributes>
  </template>
  <clone id="shop-clone">
    <meta_attributes id="c"><nvpair id="c1" name="is-managed" value="{clone}"/></meta_attributes>
    <group id="shop">
      <meta_attributes id="g"><nvpair id="g1" name="is-managed" value="{group}"/></meta_attributes>
      <primitive id="shop-app" template="web">
        <instance_attributes id="i"><nvpair id="i1" name="maintenance" value="true"/>
        </instance_attributes>
        <meta_attributes id="p"><nvpair id="p1" name="{own}" value="{own_value}"/>
        </meta_attributes>
        <operations><op id="op" name="monitor" interval="10s">
          <meta_attributes id="m"><nvpair id="m1" name="is-managed" value="false"/>
          </meta_attributes>
        </op></operations>
      </primitive>
    </group>
  </clone>
  <primitive id="other" class="ocf" provider="takeover" type="ip">
    <meta_attributes id-ref="g"/>
  </primitive>
</resources>
<rsc_defaults>
  <meta_attributes id="d"><nvpair id="d1" name="is-managed" value="{default}"/></meta_attributes>
</rsc_defaults>
</configuration><status>
  <node_state id="1" uname="node1"><transient_attributes id="1"><instance_attributes id="s">
    <nvpair id="s1" name="maintenance-mode" value="true"/></instance_attributes>
  </transient_attributes></node_state>
</status></cib>"""

NOTHING = dict.fromkeys(("mode", "node1", "template_value", "own_value"), "") | {
    "template": "x",
    "own": "x",
    "clone": "true",
    "group": "TRUE",
    "default": "true",
}


@pytest.fixture
def cib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file with the configuration, which does not exist yet."""
    path = tmp_path / "cib.xml"
    monkeypatch.setattr(managed, "CIB", str(path))
    return path


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        ({}, True),
        ({"mode": "true"}, False),
        ({"mode": "Yes"}, False),
        ({"mode": "false"}, True),
        ({"node1": "true"}, False),
        ({"own": "is-managed", "own_value": "false"}, False),
        ({"own": "maintenance", "own_value": "true"}, False),
        ({"template": "is-managed", "template_value": "no"}, False),
        ({"template": "maintenance", "template_value": "1"}, False),
        ({"default": "false", "own": "is-managed", "own_value": "true"}, True),
        ({"template": "is-managed", "template_value": "0", "own": "is-managed", "own_value": "1"},
         True),
        ({"group": "false", "template": "is-managed", "template_value": "true"}, True),
        ({"group": "false"}, False),
        ({"group": "true", "clone": "false"}, True),
    ],
)  # fmt: skip
def test_the_nearest_value_counts(cib: Path, different: dict[str, str], expected: bool) -> None:
    """The cluster's and the node's maintenance first, then a resource's own values upwards."""
    cib.write_text(CIB.format(**NOTHING | different))
    assert is_managed("shop-app", "node1") is expected
    assert is_managed("shop-app:1", "node1") is expected


def test_another_nodes_maintenance_is_not_this_ones(cib: Path) -> None:
    """Only the node that it runs on counts."""
    cib.write_text(CIB.format(**NOTHING | {"node1": "true"}))
    assert is_managed("shop-app", "node2")


def test_what_a_parent_does_not_say_is_inherited_from_further_up(cib: Path) -> None:
    """A clone's value reaches the group's members if the group has none."""
    text = CIB.format(**NOTHING | {"clone": "false"})
    cib.write_text(text.replace('<nvpair id="g1" name="is-managed" value="TRUE"/>', ""))
    assert not is_managed("shop-app", "node1")


def test_the_defaults_come_last(cib: Path) -> None:
    """A resource without a value of its own has the default."""
    text = CIB.format(**NOTHING | {"default": "false"})
    cib.write_text(text.replace('<meta_attributes id-ref="g"/>', ""))
    assert not is_managed("other", "node1")


def test_values_may_be_those_of_another_resource(cib: Path) -> None:
    """A set of values can be referred to (id-ref)."""
    cib.write_text(CIB.format(**NOTHING | {"group": "false"}))
    assert not is_managed("other", "node1")


@pytest.mark.parametrize("text", ["", "<cib>", "noise", "<cib/>", '<?xml version="9"?>'])
def test_what_cannot_be_read_means_managed(cib: Path, text: str) -> None:
    """A watcher that does not know tells: Pacemaker knows."""
    assert is_managed("shop-app", "node1")
    cib.write_text(text)
    assert is_managed("shop-app", "node1")
