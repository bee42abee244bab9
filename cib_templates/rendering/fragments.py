"""CIB fragments: what a description has no words for, taken into the CIB as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.text import NotXml, parse
from cib_templates.model.cluster import Fragment

# The sections of a configuration that a fragment may add to. The others have words of their own.
SECTIONS = (
    *("resources", "constraints", "fencing-topology", "acls", "tags", "alerts"),
    *("op_defaults", "rsc_defaults"),
)


class UnusableFragment(Exception):
    """A fragment is not part of a CIB; its text says why."""


def elements_of(fragment: Fragment) -> Iterator[tuple[str, etree._Element]]:
    """Yield the elements of a fragment, each with the section that it belongs to.

    Args:
        fragment: A fragment whose text was read.

    Raises:
        UnusableFragment: It is not XML, not of a section, or an element has no ID.
    """
    try:
        whole = parse(fragment.xml or "")
    except NotXml as error:
        raise UnusableFragment(str(error).replace("is not XML", "is not well-formed XML")) from None
    bare = etree.XMLParser(remove_blank_text=True, remove_comments=True, remove_pis=True)
    root = etree.fromstring(etree.tostring(whole), bare)
    for section in root if root.tag == "configuration" else [root]:
        if section.tag not in SECTIONS:
            raise UnusableFragment(f"has <{section.tag!s}>, which is no section for a fragment")
        for element in section:
            if not element.get("id"):
                raise UnusableFragment(f"has a <{element.tag!s}> without an id")
            yield str(section.tag), element


def add_fragments(sections: dict[str, list[etree._Element]], fragments: Iterable[Fragment]) -> None:
    """Add the elements of fragments to the sections, and the tag that tells them apart.

    Args:
        sections: For each section, what it shall have; it is added to.
        fragments: Fragments that are right.
    """
    tag = etree.Element("tag", id=ids.FRAGMENTS)
    for fragment in fragments:
        for section, element in elements_of(fragment):
            sections.setdefault(section, []).append(element)
            etree.SubElement(tag, "obj_ref", id=str(element.get("id")))
    if len(tag):
        sections.setdefault("tags", []).append(tag)
