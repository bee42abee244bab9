"""A description to begin with, and a live CIB as a cluster has it before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.model.description import Description
from cib_templates.reading.reading import read_description

EXAMPLE = Path(__file__).parents[3] / "examples" / "postgresql.toml"

# As `pcs cluster cib` gives it on a new cluster, with things of an administrator's added.
LIVE = """\
<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="7" num_updates="12" \
admin_epoch="0" cib-last-written="Mon Nov 23 10:00:00 2026" update-origin="node1" have-quorum="1">
  <configuration>
    <crm_config>
      <cluster_property_set id="cib-bootstrap-options">
        <nvpair id="cib-bootstrap-options-have-watchdog" name="have-watchdog" value="false"/>
        <nvpair id="cib-bootstrap-options-cluster-name" name="cluster-name" value="shop"/>
        <nvpair id="cib-bootstrap-options-stonith-enabled" name="stonith-enabled" value="false"/>
      </cluster_property_set>
    </crm_config>
    <nodes>
      <node id="1" uname="node1"/>
      <node id="2" uname="node2"/>
      <node id="3" uname="node3"/>
    </nodes>
    <resources>
      <primitive id="printer" class="systemd" type="cups">
        <operations>
          <op name="monitor" interval="60s" id="printer-monitor-interval-60s"/>
        </operations>
      </primitive>
    </resources>
    <constraints>
      <rsc_location id="shop-prefers-lunch" rsc="printer" node="node1" score="100"/>
    </constraints>
    <rsc_defaults>
      <meta_attributes id="build-resource-defaults"/>
    </rsc_defaults>
  </configuration>
  <status/>
</cib>
"""


@pytest.fixture
def live() -> etree._Element:
    """Return a live CIB that holds nothing of Takeover's yet."""
    return etree.fromstring(LIVE)


@pytest.fixture
def described(tmp_path: Path) -> Callable[..., Description]:
    """Return a function that reads the example with some texts replaced by others."""

    def describe(*replacements: tuple[str, str], more: str = "") -> Description:
        text = EXAMPLE.read_text()
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        file = tmp_path / "cluster.toml"
        file.write_text(text + more)
        return read_description(file)

    return describe
