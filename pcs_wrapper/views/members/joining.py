"""Machines that become nodes, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.nodes.membership.adding import Added
from pcs_wrapper.nodes.membership.joining import Joining, told
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json


def joining_text(planned: Joining) -> Iterator[str]:
    """Yield the lines that say beforehand what happens when a machine becomes a node."""
    node, name, has = planned.node, planned.config.name, planned.has
    if planned.is_complete:
        yield f"{node} is a node of the cluster {name}"
    elif planned.is_member:
        yield (
            f"{node} is a member of the cluster {name}, and takes nothing new: that ends when it "
            "is known what fences it"
        )
    elif planned.is_configured:
        yield (
            f"an addition of {node} was interrupted: it is in the configuration of the cluster "
            f"{name}, and no member yet; that is finished"
        )
    else:
        yield f"{node} ({', '.join(planned.links)}) becomes a node of the cluster {name}"
        yield "  no service is interrupted, and it runs nothing before it is known what fences it"
    if planned.is_stranger:
        yield f"  what {node} has is known only when this node is authenticated to it"
    elif has is not None and has.versions:
        versions = ", ".join(f"{each} {number}" for each, number in has.versions.items())
        yield f"  it has {versions}"
    if planned.replaces and has is not None:
        yield f"  {_bad('DESTROYED ON IT')}: {told(has)}"
    if planned.files and not planned.is_complete:
        yield f"  the configuration names files that {node} needs, too, of the same owner and mode:"
        yield from (f"    {path}" for path in planned.files)
    yield from _edit_text(planned)
    yield from (f"{_bad('IN THE WAY')}: {finding}" for finding in planned.findings)


def _edit_text(planned: Joining) -> Iterator[str]:
    edit = planned.edit
    if edit is None:
        return
    if not edit.edited.what:
        yield f"{edit.file} has {planned.node} already"
    elif edit.how == "changing in":
        why = f"has to be changed by hand: {edit.problem}" if edit.problem else "is changed"
        yield f"{edit.file} {why}:"
        yield from (f"  {each}" for each in edit.edited.what)
    elif edit.problem:
        yield f"{edit.file} has to be changed by hand, because so it would be no description:"
        yield from (f"  {line}" for line in edit.problem.splitlines())
        yield "add to it, and put that right:"
        yield from (f"  {line}" for line in _table(planned))
    else:
        yield f"to be added to {edit.file}: {', '.join(edit.edited.what)}"


def _table(planned: Joining) -> tuple[str, str]:
    links = ", ".join(f'"{link}"' for link in planned.links)
    return f"[nodes.{planned.node}]", f"links = [{links}]"


def added_text(added: Added) -> Iterator[str]:
    """Yield the lines that say what became of a machine that was to become a node."""
    planned, node = added.planned, added.planned.node
    yield from (_bad(sentence) for sentence in added.harm)
    if added.harm:
        yield (
            f"{node} is still kept from running anything; when that is put right, the same command "
            "goes on"
        )
        return
    yield from fenced_text(added)
    edit = planned.edit
    if edit is None and not planned.is_complete:
        yield "in the description, add:"
        yield from (f"  {line}" for line in _table(planned))
    if not (added.is_held or planned.is_complete):
        yield (
            "services run on it when the description says so (their key nodes): takeover apply "
            f"{'FILE' if edit is None else edit.file}"
        )


def fenced_text(added: Added) -> Iterator[str]:
    """Yield the lines that say that a machine is a node, and what can fence it."""
    planned, node = added.planned, added.planned.node
    if added.is_held:
        yield f"{node} is a node now, and runs nothing: no fencing device knows it"
        yield (
            f"describe what fences {node} ([fencing.NAME] in the description), then: takeover "
            f"apply {'FILE' if planned.edit is None else planned.edit.file}; then this command "
            "again"
        )
    elif planned.is_complete:
        yield f"{node} was a node already"
    else:
        yield f"{node} is a node now; what can fence it: {', '.join(added.fenced_by)}"


def joining_dry_run_json(planned: Joining, steps: Sequence[Step]) -> str:
    """Return what would be done to make a machine a node as JSON."""
    from pcs_wrapper.views.contract.members import joining as contract

    edit, has = planned.edit, planned.has
    return output_json(
        contract.NodeAddDryRun(
            node=planned.node,
            links=planned.links,
            member=planned.is_member,
            configured=planned.is_configured,
            held=planned.is_held,
            authenticated=not planned.is_stranger,
            versions={} if has is None else dict(has.versions),
            replaces=told(has) if planned.replaces and has is not None else None,
            files=planned.files,
            findings=finding_records(planned.findings),
            description=None if edit is None else str(edit.file),
            edits=() if edit is None else edit.edited.what,
            problem="" if edit is None else edit.problem,
            commands=[line for step in steps for line in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def added_json(added: Added) -> str:
    """Return what became of a machine that was to become a node as JSON."""
    from pcs_wrapper.views.contract.members import joining as contract

    edit = added.planned.edit
    is_edited = edit is not None and not edit.problem and not added.harm
    return output_json(
        contract.NodeAdded(
            node=added.planned.node,
            links=added.planned.links,
            fenced_by=added.fenced_by,
            held=added.is_held,
            files=added.planned.files,
            description=str(edit.file) if edit is not None and is_edited else None,
            edits=() if edit is None else edit.edited.what,
            harm=added.harm,
        )
    )


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)
