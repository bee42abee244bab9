"""Adopting any cluster, whatever others have put into it, adds marks and changes nothing."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from cib_templates.comparing.marks import without_marks
from cib_templates.importing.cluster import Cluster, import_cib
from cib_templates.importing.undescribed import undescribed
from cib_templates.merging.merge import merge
from cib_templates.rendering.render import render
from tests.properties.documents import Document, documents
from tests.properties.reading import accepted
from tests.properties.test_descriptions import EXAMPLES, TRIED
from tests.properties.test_merging import tamper
from tests.unit.cib_templates.importing.test_adoption import canonical

ODD = [
    '<instance_attributes id="odd-i"><rule id="odd-r" score="INFINITY"><expression id="odd-e" '
    'attribute="#uname" operation="eq" value="node1"/></rule><nvpair id="odd-n" name="x" '
    'value="1"/></instance_attributes>',
    '<instance_attributes id="odd-i"><nvpair id="odd-n" name="x" value=""/></instance_attributes>',
    '<utilization id="odd-u"><nvpair id="odd-n" name="cpu" value="2.5"/></utilization>',
    '<meta_attributes id="odd-m"><nvpair id="odd-n" name="resource-stickiness" value="INFINITY"/>'
    "</meta_attributes>",
    '<operations><op id="odd-o" name="monitor" interval="1500ms" on-fail="block"/>'
    '<op id="odd-p" name="monitor" interval="1h" timeout="90" enabled="false"/></operations>',
]


@settings(TRIED, max_examples=EXAMPLES // 20)
@given(documents(most=3), st.sampled_from(ODD), st.data())
def test_an_adoption_adds_marks_and_changes_nothing(
    document: Document, odd: str, data: st.DataObject
) -> None:
    """And a second import says the same, with which a plan has nothing to do."""
    live = without_marks(render(accepted(document)))
    tamper(live, data, unmark=False)
    primitives = live.findall("configuration/resources//primitive")
    if primitives:
        chosen = data.draw(st.sampled_from(primitives))
        new = etree.fromstring(odd)
        for present in chosen.findall("operations") if new.tag == "operations" else ():
            chosen.remove(present)
        chosen.append(new)
    links = {name: node["links"] for name, node in document["nodes"].items()}
    cluster = Cluster("stranger", timedelta(seconds=3), links)
    imported = import_cib(live, cluster)
    description = accepted(imported)
    merged = merge(live, description, adopt=True)
    assert canonical(merged) == canonical(live)
    assert not [each for each in undescribed(live, description) if "becomes" in each.why]
    assert import_cib(merged, cluster) == imported
    assert etree.tostring(merge(merged, accepted(imported))) == etree.tostring(merged)
