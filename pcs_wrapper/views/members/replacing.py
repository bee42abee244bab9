"""Machines that take the place of nodes, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.nodes.membership.joining import told
from pcs_wrapper.nodes.membership.replacing import Replaced, Replacement
from pcs_wrapper.nodes.running.leaving import Leaving
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.fence_changes import evidence_record
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.members.joining import fenced_text, joining_text
from pcs_wrapper.views.members.membership import eviction_text, removal_text
from pcs_wrapper.views.members.running import leaving_record, wait_record, wait_text
from pcs_wrapper.views.output import output_json

_NEVER_AGAIN = "before it may run again, run on it, without a network: pcs cluster destroy"


def replacement_text(planned: Replacement) -> Iterator[str]:
    """Yield the lines that say beforehand what a replacement of a node does to whom."""
    old, new, cluster = planned.old, planned.joins.node, planned.joins.config.name
    if planned.is_complete and old == new:
        yield (
            f"{old} is a member of the cluster {cluster}, and is taken for the new machine. If a "
            f"node that still runs is to be replaced by another machine of its name, first: "
            f"takeover node remove {old}"
        )
        return
    other = "another machine" if old == new else new
    when = f"{old} leaves first" if planned.leaves else f"{old} has left already"
    yield f"{other} takes the place of {old} in the cluster {cluster}; {when}"
    if planned.eviction is not None:
        yield from eviction_text(planned.eviction)
        if planned.eviction.is_replaced:
            yield (
                "What answers at its addresses is the new machine: it has no configuration of a "
                "cluster, and nothing of one runs there."
            )
        if planned.fences_the_new:
            yield f"If that is the power of the new machine: switch {new} on, then this once more."
    elif planned.removal is not None:
        yield from removal_text(planned.removal)
    yield from joining_text(planned.joins)


def replaced_text(replaced: Replaced) -> Iterator[str]:
    """Yield the lines that say what became of a replacement."""
    planned, removed, added = replaced.planned, replaced.removed, replaced.added
    old, joins = planned.old, planned.joins
    if removed is not None:
        yield from (wait_text(wait) for wait in removed.turn.waits)
    yield from (_bad(sentence) for sentence in replaced.harm)
    if replaced.harm:
        command = f"takeover node replace {old} {joins.node}"
        yield f"when that is put right, the same command goes on: {command}"
        return
    if removed is not None and old != joins.node:
        yield f"{old} is no node of the cluster any more"
    if removed is not None and not removed.destroyed:
        yield f"the configuration of the cluster is still on {old}: {_NEVER_AGAIN}"
    elif removed is not None and old == joins.node:
        yield f"if the old machine still has the configuration of the cluster: {_NEVER_AGAIN}"
    if added is not None:
        yield from fenced_text(added)
    yield from _rest_text(planned)


def _rest_text(planned: Replacement) -> Iterator[str]:
    """Yield the lines that say what is left to do in the description, and by it."""
    old, joins = planned.old, planned.joins
    edit = joins.edit
    if edit is None:
        if old != joins.node:
            links = ", ".join(joins.links)
            yield (
                f"in the description, put {joins.node} ({links}) in the place of {old}; then: "
                "takeover apply FILE"
            )
        return
    if fencing := [each for each in edit.edited.what if "fencing." in each]:
        yield f"see that what fences {joins.node} is right in {edit.file}: {', '.join(fencing)}"
    if edit.edited.what:
        yield f"what prefers or fences a node follows with: takeover apply {edit.file}"


def replacement_dry_run_json(planned: Replacement, steps: Sequence[Step]) -> str:
    """Return what a replacement of a node would do as JSON."""
    from pcs_wrapper.views.contract.members import joining as contract

    joins, removal, eviction = planned.joins, planned.removal, planned.eviction
    edit, has, seen = joins.edit, joins.has, None if eviction is None else eviction.seen
    leaves = Leaving() if removal is None else removal.leaving
    signs = () if eviction is None else eviction.signs
    found = (*(() if removal is None else removal.findings), *signs, *joins.findings)
    return output_json(
        contract.NodeReplaceDryRun(
            old=planned.old,
            node=joins.node,
            links=joins.links,
            left=removal is None,
            member=removal is not None and removal.is_member,
            evicted=eviction is not None,
            way=None if eviction is None else eviction.way,
            evidence=[] if seen is None else [evidence_record(each) for each in seen.evidence],
            leaving=leaving_record((planned.old,), leaves),
            held=joins.is_held,
            authenticated=not joins.is_stranger,
            versions={} if has is None else dict(has.versions),
            replaces=told(has) if joins.replaces and has is not None else None,
            files=joins.files,
            findings=finding_records(found),
            description=None if edit is None else str(edit.file),
            edits=() if edit is None else edit.edited.what,
            problem="" if edit is None else edit.problem,
            commands=[line for step in steps for line in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def replaced_json(replaced: Replaced) -> str:
    """Return what became of a replacement of a node as JSON."""
    from pcs_wrapper.views.contract.members import joining as contract

    joins, removed, added = replaced.planned.joins, replaced.removed, replaced.added
    edit = joins.edit
    is_edited = edit is not None and not edit.problem and not replaced.harm
    return output_json(
        contract.NodeReplaced(
            old=replaced.planned.old,
            node=joins.node,
            links=joins.links,
            destroyed=removed is not None and removed.destroyed,
            waits=[] if removed is None else [wait_record(each) for each in removed.turn.waits],
            fenced_by=() if added is None else added.fenced_by,
            held=added is None or added.is_held,
            files=joins.files,
            description=str(edit.file) if edit is not None and is_edited else None,
            edits=() if edit is None else edit.edited.what,
            harm=replaced.harm,
        )
    )


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)
