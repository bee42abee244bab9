"""Meta attributes that a resource has for a while, and that end by themselves at a time.

A command that is killed between a stop and a start leaves nothing that lasts: the rule of the set
holds until that time only (Pacemaker Explained, "Using Rules to Control Resource Options").
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from cib_templates.cib.administration.placement import end_of, read_end
from cib_templates.cib.nvset import nvset

_SUFFIX = "-takeover-for-a-while"
_TAG = "meta_attributes"


@dataclass(frozen=True)
class ForAWhile:
    """What a resource has for a while.

    Attributes:
        outermost: The ID of the outermost resource that it is in.
        resource: The resource's ID.
        ends: When it ends by itself; None if somebody has edited it.
    """

    outermost: str
    resource: str
    ends: datetime | None


def sets_for_a_while(cib: etree._Element) -> Iterator[ForAWhile]:
    """Yield what resources have for a while.

    Args:
        cib: A whole CIB.
    """
    for outermost in cib.iterfind("configuration/resources/*"):
        for found in _sets(outermost):
            resource = found.get("id", "").removesuffix(_SUFFIX)
            rule = found.find("rule")
            ends = None if rule is None else read_end(rule)
            yield ForAWhile(outermost.get("id", ""), resource, ends)


def with_for_a_while(
    cib: etree._Element, resources: Collection[str], values: Mapping[str, str], ends: datetime
) -> etree._Element:
    """Return a copy of a CIB in which resources have meta attributes for a while.

    They are stronger than the resource's own. What a resource in one of them has of its own would
    be stronger still, so that it gets the same.

    Args:
        cib: A whole CIB; it is not modified.
        resources: The IDs of the resources.
        values: The meta attributes.
        ends: When it ends by itself.
    """
    new = without_for_a_while(cib)
    for element in list(new.iterfind("configuration/resources//*")):
        if element.get("id") in resources and element.tag != _TAG:
            for each in element.iter("primitive", "group", "clone", "master", "bundle"):
                if each is element or _has_any(each, values):
                    each.append(_set(each.get("id", ""), values, ends))
    return new


def without_for_a_while(cib: etree._Element) -> etree._Element:
    """Return a copy of a CIB in which no resource has anything for a while."""
    new = copy.deepcopy(cib)
    for outermost in new.iterfind("configuration/resources/*"):
        for found in _sets(outermost):
            if (holder := found.getparent()) is not None:
                holder.remove(found)
    return new


def _sets(outermost: etree._Element) -> list[etree._Element]:
    return [each for each in outermost.iter(_TAG) if each.get("id", "").endswith(_SUFFIX)]


def _has_any(element: etree._Element, names: Collection[str]) -> bool:
    pairs = element.iterfind(f"{_TAG}/nvpair")
    return any(pair.get("name") in names for pair in pairs)


def _set(resource: str, values: Mapping[str, str], ends: datetime) -> etree._Element:
    identity = f"{resource}{_SUFFIX}"
    found = nvset(_TAG, identity, values)
    found.set("score", "INFINITY")
    rule = etree.Element(
        "rule", {"id": f"{identity}-rule", "score": "INFINITY", "boolean-op": "and"}
    )
    etree.SubElement(rule, "date_expression", end_of(f"{identity}-end", ends))
    found.insert(0, rule)
    return found
