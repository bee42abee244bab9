"""What leaves the configuration is stopped before, while the cluster still knows how.

Of a resource that has left the configuration and runs, Pacemaker knows only that it is an orphan
(Pacemaker Explained, "Cluster Options": stop-orphan-resources). Its group and its operations went
with the configuration: its parts stop side by side, each with the default timeout of an action,
20 s ("Operation Properties"). A filesystem is unmounted under its application then, and what has
not stopped in time gets its node fenced. A clone has lost its meta attributes, too: DRBD's agent
refuses to demote one without clone-max, again and again. So it is told to stop (target-role,
"Resource Meta-Attributes"), and leaves when it has.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator

from lxml import etree

from cib_templates.cib.nvset import nvset
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Resource

_ROLE = "target-role"
_STOPPED = "Stopped"
_WANTED = {_ROLE: _STOPPED}


def stoppable(
    old: etree._Element, new: etree._Element, without: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the IDs of what a change removes, and can be stopped before.

    Of a resource that is in another, that other one's is returned, and only if all of it leaves:
    what is moved into a group stays. If something that stays depends on it, it is left out: that
    would stop as well, although the change may be that it no longer depends on it.

    Args:
        old: The live CIB.
        new: What it shall be.
        without: IDs of what is not to be stopped, as if it stayed.
    """
    stays = primitives(new)
    found = [
        top
        for top in old.iterfind("configuration/resources/*")
        if (inner := primitives(top))
        and inner.isdisjoint(stays)
        and top.get("class") != "stonith"
        and top.get("id") not in without
    ]
    while True:
        gone = {name for top in found for name in _names(top)}
        needed = {
            name
            for constraint in old.iterfind("configuration/constraints/*")
            for name in _needed(constraint, gone)
        }
        rest = [top for top in found if needed.isdisjoint(_names(top))]
        if len(rest) == len(found):
            return tuple(top.get("id", "") for top in found)
        # The others count as what stays from here on: what they depend on is not stopped either.
        found = rest


def to_stop_first(old: etree._Element, new: etree._Element, state: ClusterState) -> tuple[str, ...]:
    """Return the IDs of what is to be stopped before a change is pushed: what of it runs.

    Args:
        old: The live CIB.
        new: What it shall be.
        state: How the cluster is. What Pacemaker does not manage, or can do nothing with, would
            not stop.
    """
    running = {resource.id: resource.parts for resource in state.resources if _runs(resource)}
    stuck = {
        name
        for name, parts in running.items()
        if not all(part.managed and not part.blocked for part in parts)
    }
    return tuple(name for name in stoppable(old, new, stuck) if name in running)


def stopped(old: etree._Element, names: Collection[str]) -> etree._Element:
    """Return a CIB in which resources shall be stopped.

    Args:
        old: The CIB; it is not modified.
        names: Their IDs, of such that are in no other.
    """
    new = copy.deepcopy(old)
    for top in new.iterfind("configuration/resources/*"):
        if top.get("id") in names:
            # A part's own counts for more than its group's.
            for pair in top.iterfind(f".//meta_attributes/nvpair[@name='{_ROLE}']"):
                pair.set("value", _STOPPED)
            _set_role(top)
    return new


def note(names: Collection[str]) -> str:
    """Say for the history what stopping resources is for; empty if there are none."""
    return f"stops what is then removed: {', '.join(names)}" if names else ""


def still_running(state: ClusterState, names: Collection[str]) -> list[str]:
    """Return the IDs of the resources of which some part runs.

    Args:
        state: How the cluster is.
        names: IDs of resources that are in no other.
    """
    return [resource.id for resource in state.resources if resource.id in names and _runs(resource)]


def primitives(tree: etree._Element) -> set[str]:
    """Return the IDs of the primitives in a CIB, or in a resource."""
    return {primitive.get("id", "") for primitive in tree.iter("primitive")}


def _runs(resource: Resource) -> bool:
    return any(part.nodes or part.role != _STOPPED for part in resource.parts)


def _names(top: etree._Element) -> set[str]:
    return {element.get("id", "") for element in top.iter(etree.Element)}


def _needed(constraint: etree._Element, gone: set[str]) -> Iterator[str]:
    """Yield the IDs of what leaves and, by a constraint, something that stays depends on."""
    if constraint.tag == "rsc_order":
        dependent, needed = constraint.get("then"), constraint.get("first")
    elif constraint.tag == "rsc_colocation" and not constraint.get("score", "").startswith("-"):
        dependent, needed = constraint.get("rsc"), constraint.get("with-rsc")
    else:
        return
    if needed in gone and dependent not in gone:
        yield str(needed)
    # Of sets, all that leaves: in which direction they depend on each other is not worked out.
    members = [each.get("id", "") for each in constraint.iter("resource_ref")]
    if not gone.issuperset(members):
        yield from gone.intersection(members)


def _set_role(top: etree._Element) -> None:
    """Give a resource the role if it has none."""
    sets = top.iterfind("meta_attributes[@id]")
    plain = [each for each in sets if each.find("rule") is None]
    if not plain:
        top.insert(0, nvset("meta_attributes", f"{top.get('id')}-meta_attributes", _WANTED))
    elif all(each.find(f"nvpair[@name='{_ROLE}']") is None for each in plain):
        plain[0].extend(nvset("meta_attributes", plain[0].get("id", ""), _WANTED))
