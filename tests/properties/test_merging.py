"""A merge changes nothing that it is given: whoever has the live CIB can still compare with it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from cib_templates.errors import OwnershipError
from cib_templates.merging.adoption import adopted
from cib_templates.merging.merge import merge
from cib_templates.rendering.render import render, sections
from tests.properties.documents import Document, documents
from tests.properties.reading import accepted
from tests.properties.test_descriptions import EXAMPLES, TRIED


def tamper(cib: etree._Element, data: st.DataObject, *, unmark: bool) -> None:
    """Do to a live CIB what administrators do: values, members and nodes' attributes of theirs."""
    for number, element in enumerate(cib.iter("primitive", "group", "node")):
        sets = element.findall(
            "instance_attributes" if element.tag == "node" else "meta_attributes"
        )
        for each in sets[: data.draw(st.integers(0, 1))]:
            etree.SubElement(each, "nvpair", id=f"more-{number}", name="more", value="1")
    for number, group in enumerate(cib.iter("group")):
        if data.draw(st.booleans()):
            added = etree.Element(
                "primitive", {"id": f"added-{number}", "class": "lsb", "type": "x"}
            )
            group.insert(data.draw(st.integers(0, len(group))), added)
    for pair in cib.findall(".//nvpair[@name='takeover']") if unmark else ():
        parent = pair.getparent()
        assert parent is not None
        parent.remove(pair)


@settings(TRIED, max_examples=EXAMPLES // 4)
@given(documents(most=3), st.booleans(), st.booleans(), st.data())
def test_a_merge_leaves_its_input_as_it_was(
    document: Document, adopt: bool, without_one: bool, data: st.DataObject
) -> None:
    """Byte for byte, whatever is to be changed in it, and also if it is refused."""
    live = render(accepted(document))
    tamper(live, data, unmark=adopt)
    services = document.get("services", {})
    for name in list(services)[: int(without_one)]:
        del services[name]
    description = accepted(document)
    before = etree.tostring(live)
    try:
        merged = merge(live, description, adopt=adopt)
    except OwnershipError:
        merged = None
    assert etree.tostring(live) == before
    wanted = sections(description, services=True)["resources"]
    texts = [etree.tostring(each) for each in wanted]
    adopted(live, wanted, description.nodes)
    assert etree.tostring(live) == before
    assert [etree.tostring(each) for each in wanted] == texts
    if merged is not None:
        again = etree.tostring(merged)
        assert etree.tostring(merge(merged, description)) == again
        assert etree.tostring(merged) == again
