"""A CIB as text."""

from __future__ import annotations

from lxml import etree


class NotXml(ValueError):
    """A text is not XML, or not such as a CIB is; the message says why."""


def parse(text: str | bytes) -> etree._Element:
    """Return the root element of an XML document.

    Nothing but the text itself is read. It may have no document type, for only that declares
    entities, which no CIB has.

    Args:
        text: The text of the document.

    Raises:
        NotXml: It is none, nests too deeply, or has a document type or entities.
    """
    data = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotXml(f"is not XML: {error}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotXml("has a document type (<!DOCTYPE>), which a CIB has not")
    return root


def parse_cib(text: str | bytes) -> etree._Element:
    """Return the root element of a whole CIB.

    Args:
        text: The text of the CIB.

    Raises:
        NotXml: It is not XML, or another document.
    """
    root = parse(text)
    if root.tag != "cib":
        raise NotXml(f"is not a CIB but <{root.tag!s}>")
    return root


def to_text(cib: etree._Element) -> str:
    """Return a CIB as the text of an XML file."""
    return etree.tostring(cib, encoding="unicode") + "\n"
