"""Adopting what others have made changes nothing but marks, whatever it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree

from cib_templates.comparing.marks import beyond_marks, without_marks
from cib_templates.errors import DescriptionError
from cib_templates.importing.cluster import Cluster, Document, import_cib
from cib_templates.importing.undescribed import undescribed
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from cib_templates.reading.reading import parse_description
from tests.unit.cib_templates.importing.test_importing import PCS

import tomli_w  # isort: skip

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
