"""Two CIBs compared without Takeover's marks, which tell whose something is, and act on nothing."""

from __future__ import annotations

import copy

from lxml import etree

from cib_templates.cib import ids
from cib_templates.comparing.diff import Diff, diff

_SETS = frozenset(("instance_attributes", "meta_attributes", "utilization", "cluster_property_set"))


def without_marks(cib: etree._Element) -> etree._Element:
    """Return a CIB without Takeover's marks, and without sets that hold nothing."""
    result = copy.deepcopy(cib)
    for pair in list(result.iterfind("configuration//nvpair")):
        holder = pair.getparent()
        if holder is not None and pair.get("name") in ids.MARKS:
            holder.remove(pair)
    for pairs in list(result.iterfind("configuration//*")):
        holder = pairs.getparent()
        if (
            holder is not None
            and pairs.tag in _SETS
            and len(pairs) == 0
            and set(pairs.attrib) <= {"id"}
        ):
            holder.remove(pairs)
    return result


def beyond_marks(old: etree._Element, new: etree._Element) -> Diff:
    """Compare the configurations of two CIBs, but for Takeover's marks.

    Args:
        old: The live CIB.
        new: What it shall be.
    """
    return diff(without_marks(old), without_marks(new))
