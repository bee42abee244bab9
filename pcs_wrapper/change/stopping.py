"""Stopping resources before they are removed, while the cluster still knows how to stop them.

Pacemaker treats a running resource that is no longer in the configuration as an orphan (Pacemaker
Explained, "Cluster Options": stop-orphan-resources). Its group and its operations are removed
together with it: its parts stop side by side, each with the default timeout of an action, 20 s
("Operation Properties"). So a filesystem may be unmounted while its application uses it, and if a
part does not stop in time, its node is fenced. A clone has lost its meta attributes, too: DRBD's
agent refuses to demote one without clone-max, again and again. So one push sets target-role to
Stopped ("Resource Meta-Attributes"), and the next push removes the resource when it has stopped.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator

from lxml import etree

from cib_templates.cib.nvset import nvset
from cib_templates.merging.handover import passed
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Resource

_ROLE = "target-role"
_STOPPED = "Stopped"
_STOP = {_ROLE: _STOPPED}


def stoppable(
    old: etree._Element, new: etree._Element, without: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the IDs of the resources that a change removes, and that can be stopped before.

    They are outermost resources, such as groups, of which all primitives are removed: a primitive
    that only moves into another group is kept. A resource is left out if one that is kept depends
    on it: that one would stop as well, although the change may be that it no longer depends on it.

    Args:
        old: The live CIB.
        new: The CIB after the change.
        without: The IDs of outermost resources that cannot be stopped; they count as kept.
    """
    kept = primitives(new)
    removed = [
        outermost
        for outermost in old.iterfind("configuration/resources/*")
        if (inner := primitives(outermost))
        and inner.isdisjoint(kept)
        and outermost.get("class") != "stonith"
        and outermost.get("id") not in without
    ]
    while True:
        removed_ids = {name for outermost in removed for name in _ids(outermost)}
        needed = {
            name
            for constraint in old.iterfind("configuration/constraints/*")
            for name in _needed(constraint, removed_ids)
        }
        independent = [outermost for outermost in removed if needed.isdisjoint(_ids(outermost))]
        if len(independent) == len(removed):
            return tuple(outermost.get("id", "") for outermost in removed)
        # The resources left out count as kept from here on: what they depend on is left out, too.
        removed = independent


def gone_before(
    old: etree._Element, new: etree._Element, state: ClusterState | None
) -> tuple[str, ...]:
    """Return the IDs of the resources that run nowhere any more when their removal is pushed.

    Args:
        old: The live CIB.
        new: The CIB after the change.
        state: The state of the cluster; None if it is not known. Resources that Pacemaker does not
            manage, or that are blocked, are left out, as they would not stop.
    """
    stuck = {
        resource.id
        for resource in (state.resources if state is not None else ())
        if _runs(resource) and not all(part.managed and not part.blocked for part in resource.parts)
    }
    return stoppable(old, new, stuck)


def to_stop_before(
    old: etree._Element, new: etree._Element, state: ClusterState
) -> tuple[str, ...]:
    """Return the IDs of the resources that are to be stopped before a change is pushed.

    They are those that run, and those that may be started meanwhile and have something that passes
    to another resource.

    Args:
        old: The live CIB.
        new: The CIB after the change.
        state: The state of the cluster.
    """
    running = {resource.id for resource in state.resources if _runs(resource)}
    off = {
        resource.id for resource in state.resources if all(part.disabled for part in resource.parts)
    }
    passing = {outermost_of(old, each.old) for each in passed(old, new)}
    return tuple(name for name in gone_before(old, new, state) if name in running | (passing - off))


def outermost_of(cib: etree._Element, part: str) -> str:
    """Return the ID of the outermost resource that a resource is in.

    Args:
        cib: A CIB.
        part: The ID of the resource.
    """
    for outermost in cib.iterfind("configuration/resources/*"):
        if part in _ids(outermost):
            return outermost.get("id", "")
    return part


def stopped(old: etree._Element, names: Collection[str]) -> etree._Element:
    """Return a copy of a CIB in which the target role of resources is Stopped.

    Args:
        old: The CIB; it is not modified.
        names: The IDs of outermost resources.
    """
    new = copy.deepcopy(old)
    for outermost in new.iterfind("configuration/resources/*"):
        if outermost.get("id") in names:
            # A part's own target-role overrides that of its group.
            for pair in outermost.iterfind(f".//meta_attributes/nvpair[@name='{_ROLE}']"):
                pair.set("value", _STOPPED)
            _set_role(outermost)
    return new


def note(names: Collection[str]) -> str:
    """Return a remark for the history about why resources are stopped; empty if there are none."""
    return f"stops what is then removed: {', '.join(names)}" if names else ""


def still_running(state: ClusterState, names: Collection[str]) -> list[str]:
    """Return the IDs of the resources of which at least one part still runs.

    Args:
        state: The state of the cluster.
        names: The IDs of outermost resources.
    """
    return [resource.id for resource in state.resources if resource.id in names and _runs(resource)]


def primitives(tree: etree._Element) -> set[str]:
    """Return the IDs of the primitives in a CIB, or in a resource."""
    return {primitive.get("id", "") for primitive in tree.iter("primitive")}


def _runs(resource: Resource) -> bool:
    return any(part.nodes or part.role != _STOPPED for part in resource.parts)


def _ids(outermost: etree._Element) -> set[str]:
    return {element.get("id", "") for element in outermost.iter(etree.Element)}


def _needed(constraint: etree._Element, removed: set[str]) -> Iterator[str]:
    """Yield the IDs of removed resources that a kept resource depends on by a constraint."""
    if constraint.tag == "rsc_order":
        dependent, needed = constraint.get("then"), constraint.get("first")
    elif constraint.tag == "rsc_colocation" and not constraint.get("score", "").startswith("-"):
        dependent, needed = constraint.get("rsc"), constraint.get("with-rsc")
    else:
        return
    if needed in removed and dependent not in removed:
        yield str(needed)
    # For resource sets, yield all removed members: in which direction the members depend on each
    # other is not worked out.
    members = [each.get("id", "") for each in constraint.iter("resource_ref")]
    if not removed.issuperset(members):
        yield from removed.intersection(members)


def _set_role(outermost: etree._Element) -> None:
    """Add the target role Stopped to a resource that has no target role."""
    sets = outermost.iterfind("meta_attributes[@id]")
    plain = [each for each in sets if each.find("rule") is None]
    if not plain:
        set_id = f"{outermost.get('id')}-meta_attributes"
        outermost.insert(0, nvset("meta_attributes", set_id, _STOP))
    elif all(each.find(f"nvpair[@name='{_ROLE}']") is None for each in plain):
        plain[0].extend(nvset("meta_attributes", plain[0].get("id", ""), _STOP))
