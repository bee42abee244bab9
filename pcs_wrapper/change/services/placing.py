"""Keeping a service on a node or off one, and leaving it alone, until somebody ends that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lxml import etree

from cib_templates.cib.administration.placement import (
    Placement,
    placements,
    with_ban,
    with_pin,
    without,
)
from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.judging.readiness import readiness
from pcs_wrapper.change.services import edits
from pcs_wrapper.change.services.moving import require_node
from pcs_wrapper.change.services.prepared import Prepared, Stage, Wanted, objections
from pcs_wrapper.change.services.subject import Seen, Subject, find
from pcs_wrapper.pacemaker.simulation import simulate

_Edit = Callable[[etree._Element], etree._Element]


def pin(seen: Seen, name: str, node: str) -> Prepared:
    """Find out what it takes to pin a service to a node; nothing is changed.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        node: The node's name.

    Raises:
        UsageError: There is no such service, or no such node.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    subject = find(seen, name)
    require_node(seen, node)

    def pinned(cib: etree._Element) -> etree._Element:
        bans = [each for each in _lasting(cib, name) if each.kind == "ban" and each.node == node]
        return with_pin(without(cib, *bans), name, node)

    nothing = f"{name} is pinned to {node} already"
    return _prepared(seen, subject, ("service pin", f"{name} to {node}"), pinned, nothing)


def ban(seen: Seen, name: str, node: str) -> Prepared:
    """Find out what it takes to keep a service off a node; nothing is changed.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        node: The node's name.

    Raises:
        UsageError: There is no such service, or no such node.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    subject = find(seen, name)
    require_node(seen, node)

    def banned(cib: etree._Element) -> etree._Element:
        pins = [each for each in _lasting(cib, name) if each.kind == "pin" and each.node == node]
        return with_ban(without(cib, *pins), name, node)

    nothing = f"{name} is banned from {node} already"
    return _prepared(seen, subject, ("service ban", f"{name} from {node}"), banned, nothing)


def unpin(seen: Seen, name: str, node: str | None) -> Prepared:
    """Find out what it takes to end pins and bans of a service; nothing is changed.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        node: The only node that this is about; None for all.

    Raises:
        UsageError: There is no such service, or no such node.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    subject = find(seen, name)
    if node is not None:
        require_node(seen, node)

    def unpinned(cib: etree._Element) -> etree._Element:
        return without(cib, *(p for p in placements(cib, name) if node in (None, p.node)))

    of_node = f" of {node}" if node else ""
    nothing = f"there is no pin or ban{of_node} of {name} to end"
    what = f"{name}{f', {node}' if node else ''}"
    return _prepared(seen, subject, ("service unpin", what), unpinned, nothing)


def maintenance(seen: Seen, name: str, *, on: bool) -> Prepared:
    """Find out what it takes to leave a service alone, or to manage it again; nothing is changed.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        on: Whether Pacemaker shall leave it alone.

    Raises:
        UsageError: There is no such service.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    subject = find(seen, name)
    word = "on" if on else "off"
    edit = edits.in_maintenance if on else edits.managed
    nothing = f"{name} is in maintenance already" if on else f"{name} is managed already"
    planned = _prepared(
        seen,
        subject,
        ("service maintenance", f"{word} for {name}"),
        lambda cib: edit(cib, name),
        nothing,
    )
    return replace(planned, wanted="as it was") if on else planned


def _lasting(cib: etree._Element, name: str) -> list[Placement]:
    return [each for each in placements(cib, name) if each.ends is None]


def _prepared(
    seen: Seen, subject: Subject, planned: tuple[str, str], edit: _Edit, nothing: str
) -> Prepared:
    command, what = planned
    new = edit(seen.live)
    # What is stopped stays so; what runs shall run afterwards.
    wanted: Wanted = "running" if subject.service.is_running else "as it was"
    found = Prepared(command, subject, what, seen.state, seen.live, wanted=wanted)
    if not changed_ids(seen.live, new):
        return replace(found, nothing=nothing)
    actions = simulate(seen.machine, seen.live, new)
    return replace(
        found,
        stages=(Stage(f"{command.removeprefix('service ')}: {what}", edit),),
        readiness=readiness(seen.machine, seen.state, seen.live, new),
        actions=actions,
        objections=tuple(objections(subject, seen.state, actions)),
    )
