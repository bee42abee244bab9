"""The record of the last changes, which the CIB itself carries: every node has the same.

It is a resource template that no resource uses. Pacemaker keeps it as it is, and neither its
scheduler nor crm_verify nor pcs looks at it. A property of the cluster would be listed by `pcs
property`, an attribute of a node by `crm_mon`, and the status section is lost when a node leaves.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping

from lxml import etree

from cib_templates.cib.ids import HISTORY
from cib_templates.cib.numbers import whole_number

_TEMPLATE = {
    "id": HISTORY,
    "class": "ocf",
    "provider": "takeover",
    "type": "history",
    "description": "The last changes that Takeover made. To read them: takeover history",
}
_SET = f"{HISTORY}-meta_attributes"
_NAME = "change-"


def is_record(element: etree._Element) -> bool:
    """Return whether an element of a CIB is the record."""
    return element.tag == "template" and element.get("id") == HISTORY


def entries_of(cib: etree._Element) -> dict[int, str]:
    """Return the entries of a CIB's record by the numbers of the changes."""
    record = _record(cib)
    if record is None:
        return {}
    pairs = record.iterfind("meta_attributes/nvpair")
    numbered = (
        (whole_number((pair.get("name") or "").removeprefix(_NAME)), pair.get("value") or "")
        for pair in pairs
    )
    return {number: text for number, text in numbered if number is not None and number > 0}


def with_entries(cib: etree._Element, entries: Mapping[int, str]) -> etree._Element:
    """Return a CIB whose record has these entries, and no record if there are none.

    Args:
        cib: A whole CIB; it is not modified.
        entries: The texts of the entries, by the numbers of the changes.
    """
    result = copy.deepcopy(cib)
    resources = result.find("configuration/resources")
    record = _record(result)
    if resources is None:
        return result
    if not entries:
        if record is not None:
            resources.remove(record)
        return result
    if record is None:
        record = etree.SubElement(resources, "template", _TEMPLATE)
    pairs = record.find("meta_attributes")
    if pairs is None:
        pairs = etree.SubElement(record, "meta_attributes", id=_SET)
    pairs[:] = [
        etree.Element("nvpair", id=f"{_SET}-{_NAME}{number}", name=f"{_NAME}{number}", value=text)
        for number, text in sorted(entries.items())
    ]
    return result


def without_record(cib: etree._Element) -> etree._Element:
    """Return a CIB without its record; the CIB itself is not modified."""
    return with_entries(cib, {})


def configuration_digest(cib: etree._Element) -> str:
    """Return a digest of a CIB's configuration, whatever its indentation, without the record."""
    configuration = without_record(cib).find("configuration")
    if configuration is None:
        return ""
    bare = etree.fromstring(
        etree.tostring(configuration, with_tail=False), etree.XMLParser(remove_blank_text=True)
    )
    return hashlib.sha256(etree.tostring(bare, method="c14n")).hexdigest()


def _record(cib: etree._Element) -> etree._Element | None:
    found = cib.iterfind("configuration/resources/template")
    return next((each for each in found if is_record(each)), None)
