"""The cluster's properties in a live CIB: what the description says, and what was there before."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.ids import PROPERTIES_ID
from cib_templates.cib.nvset import nvset, property_of
from cib_templates.rendering.properties import PROPERTIES


def with_properties(
    crm_config: etree._Element, wanted: Mapping[str, str], *, adopt: bool
) -> etree._Element:
    """Return the section of cluster properties with those that the description says.

    What Takeover sets in every cluster, it leaves as it was in a cluster that was taken over:
    whoever wants it otherwise has said so there. The marks keep what that was.

    Args:
        crm_config: The section of the live CIB.
        wanted: The properties of the description.
        adopt: Whether the cluster is taken over now.
    """
    result = copy.deepcopy(crm_config)
    live = {name: property_of(crm_config, name) or "" for name in wanted}
    marked = property_of(crm_config, ids.ADOPTED) or ""
    left = dict(word.partition("=")[::2] for word in marked.split())
    if adopt:
        left |= {name: live[name] for name, value in PROPERTIES.items() if live[name] != value}
    # What somebody has changed since is not what was left.
    left = {name: value for name, value in left.items() if live.get(name, "") == value}
    marks = {ids.ADOPTED: " ".join(f"{n}={v}" for n, v in left.items())} if left else {}
    present = result.find(f"cluster_property_set[@id='{PROPERTIES_ID}']")
    pairs = {
        pair.get("name", ""): pair
        for each in ([] if present is None else [present])
        for pair in each.iterfind("nvpair")
    }
    given = {
        name: value
        for name, value in wanted.items()
        # One that is in effect by another set needs not be in this one, too.
        if name not in left and (name in pairs or live[name] != value)
    }
    given |= marks
    if present is None:
        if given:
            result.insert(0, nvset("cluster_property_set", PROPERTIES_ID, given))
        return result
    listed = pairs.get(ids.SETS)
    ours = [] if listed is None else [ids.SETS, *(listed.get("value") or "").split()]
    for name in (*ours, ids.ADOPTED):
        if name not in given and name in pairs:
            present.remove(pairs[name])
    for pair in nvset("cluster_property_set", PROPERTIES_ID, given):
        existing = pairs.get(pair.get("name", ""))
        if existing is None:
            present.append(pair)
        else:
            existing.set("value", pair.get("value", ""))
    return result
