"""Two CIBs compared without Takeover's marks, which tell whose something is, and act on nothing."""

from __future__ import annotations

import copy

from lxml import etree

from cib_templates.cib import ids
from cib_templates.comparing.diff import Diff, diff


def without_marks(cib: etree._Element) -> etree._Element:
    """Return a CIB without Takeover's marks, and without the sets that held nothing else."""
    result = copy.deepcopy(cib)
    for pair in list(result.iterfind("configuration//nvpair")):
        holder = pair.getparent()
        if holder is not None and pair.get("name") in ids.MARKS:
            holder.remove(pair)
            above = holder.getparent()
            if len(holder) == 0 and above is not None and not _is_bootstrap(holder):
                above.remove(holder)
    return result


def _is_bootstrap(pairs: etree._Element) -> bool:
    """Return whether a set is the one with the cluster's properties, which every cluster has."""
    return pairs.get("id") == ids.PROPERTIES_ID


def beyond_marks(old: etree._Element, new: etree._Element) -> Diff:
    """Compare the configurations of two CIBs, but for Takeover's marks.

    Args:
        old: The live CIB.
        new: What it shall be.
    """
    return diff(without_marks(old), without_marks(new))
