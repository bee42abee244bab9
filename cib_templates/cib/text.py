"""A CIB as text."""

from __future__ import annotations

from lxml import etree


def to_text(cib: etree._Element) -> str:
    """Return a CIB as the text of an XML file."""
    return etree.tostring(cib, encoding="unicode") + "\n"
