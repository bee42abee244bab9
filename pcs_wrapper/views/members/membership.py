"""Nodes that leave for good, one or all, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.nodes.membership.destroying import Destroyed, Destruction
from pcs_wrapper.nodes.membership.evicting import Eviction
from pcs_wrapper.nodes.membership.removing import Removal, Removed
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.fence_changes import evidence_record, evidence_text
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.members.running import leaving_record, leaving_text, wait_record, wait_text
from pcs_wrapper.views.output import output_json


def removal_text(planned: Removal) -> Iterator[str]:
    """Yield the lines that say beforehand what a removal of a node does to whom."""
    node, cluster = planned.node, planned.config.name
    if planned.is_configured:
        where = "destroyed there" if planned.is_reached else _bad("LEFT THERE")
        yield f"{node} is removed from the cluster {cluster}; its configuration is {where}"
    elif planned.is_known:
        yield (
            f"a removal of {node} was interrupted: Corosync has no such node any more, and "
            "Pacemaker still knows it; that is finished"
        )
    else:
        yield f"{node} is no node of the cluster {cluster} any more"
    if planned.is_member:
        yield from leaving_text(planned.leaving, indent="  ")
    elif planned.is_configured:
        yield "  it is no member now, so nothing leaves it"
    yield from _edit_text(planned)
    yield from (f"{_bad('IN THE WAY')}: {finding}" for finding in planned.findings)


def _edit_text(planned: Removal) -> Iterator[str]:
    edit = planned.edit
    if edit is None:
        return
    if not edit.edited.what:
        yield f"{edit.file} does not name {planned.node}"
        return
    if edit.problem:
        yield f"{edit.file} has to be changed by hand, because the rest would be no description:"
        yield from (f"  {line}" for line in edit.problem.splitlines())
    yield f"to be taken out of {edit.file}:"
    yield from (f"  {each}" for each in edit.edited.what)


def removed_text(removed: Removed) -> Iterator[str]:
    """Yield the lines that say what became of a removal."""
    planned, node = removed.planned, removed.planned.node
    yield from (f"{wait_text(wait)}" for wait in removed.turn.waits)
    yield from (_bad(sentence) for sentence in removed.harm)
    if removed.harm:
        yield f"when that is put right, the same command goes on: takeover node remove {node}"
        return
    yield f"{node} is no node of the cluster any more; it has {', '.join(planned.stay)}"
    if planned.edit is None:
        yield (
            f"in the description, take out the table [nodes.{node}] and whatever else names {node} "
            "(takeover check finds it); then: takeover apply"
        )
    elif planned.edit.edited.what:
        yield f"what fences {node}, or prefers it, goes with: takeover apply {planned.edit.file}"


def eviction_text(planned: Eviction) -> Iterator[str]:
    """Yield the lines that say beforehand what is known of a node, and what its eviction does."""
    removal, node = planned.removal, planned.removal.node
    if planned.seen is None:
        yield from removal_text(removal)
        return
    yield f"{node} is evicted from the cluster {removal.config.name}, when it is surely off"
    yield from evidence_text(planned.seen)
    if planned.way == "fence":
        yield f"It is fenced first, and stays off: {_bad('IT LOSES ITS POWER')}"
    elif planned.way == "confirm":
        yield (
            f"If {node} is on, its services run twice: two nodes write to the same filesystem, and "
            "only a backup brings the data back."
        )
    yield from _edit_text(removal)
    yield from (f"{_bad('IN THE WAY')}: {each}" for each in (*removal.findings, *planned.signs))


def evicted_text(removed: Removed) -> Iterator[str]:
    """Yield the lines that say what became of an eviction."""
    node = removed.planned.node
    lines = list(removed_text(removed))
    if removed.harm:
        lines[-1] = lines[-1].replace("takeover node remove", "takeover node evict")
    yield from lines
    if not removed.harm:
        yield (
            f"the configuration of the cluster is still on {node}: before it may run again, run on "
            "it, without a network: pcs cluster destroy; or switch it on and make it a node again: "
            f"takeover node add {node} --replace"
        )


def removal_dry_run_json(planned: Removal, steps: Sequence[Step]) -> str:
    """Return what a removal of a node would do as JSON."""
    from pcs_wrapper.views.contract.members import membership as contract

    edit = planned.edit
    return output_json(
        contract.NodeRemoveDryRun(
            node=planned.node,
            member=planned.is_member,
            configured=planned.is_configured,
            known=planned.is_known,
            leaving=leaving_record((planned.node,), planned.leaving),
            findings=finding_records(planned.findings),
            description=None if edit is None else str(edit.file),
            edits=() if edit is None else edit.edited.what,
            problem="" if edit is None else edit.problem,
            commands=[line for step in steps for line in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def eviction_dry_run_json(planned: Eviction, steps: Sequence[Step]) -> str:
    """Return what an eviction of a node would do as JSON."""
    from pcs_wrapper.views.contract.members import membership as contract

    removal, seen = planned.removal, planned.seen
    edit = removal.edit
    return output_json(
        contract.NodeEvictDryRun(
            node=removal.node,
            configured=removal.is_configured,
            known=removal.is_known,
            way=planned.way,
            proven=seen is not None and seen.is_proven,
            evidence=[] if seen is None else [evidence_record(each) for each in seen.evidence],
            findings=finding_records((*removal.findings, *planned.signs)),
            description=None if edit is None else str(edit.file),
            edits=() if edit is None else edit.edited.what,
            problem="" if edit is None else edit.problem,
            commands=[line for step in steps for line in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def removed_json(removed: Removed) -> str:
    """Return what became of a removal of a node as JSON."""
    from pcs_wrapper.views.contract.members import membership as contract

    edit = removed.planned.edit
    is_edited = edit is not None and not edit.problem and not removed.harm
    return output_json(
        contract.NodeRemoved(
            node=removed.planned.node,
            destroyed=removed.destroyed,
            left=removed.planned.stay,
            waits=[wait_record(wait) for wait in removed.turn.waits],
            description=str(edit.file) if edit is not None and is_edited else None,
            edits=() if edit is None else edit.edited.what,
            harm=removed.harm,
        )
    )


def destruction_text(planned: Destruction) -> Iterator[str]:
    """Yield the lines that say beforehand what a destruction of the cluster does."""
    name, nodes = planned.config.name, ", ".join(planned.nodes)
    yield f"the cluster {_bad(name)} is destroyed on {nodes}: its configuration and its keys go,"
    yield "  and every resource and fencing device; what is on the disks of services stays"
    if planned.leaving is None:
        yield "  no cluster runs on this machine, so it is not known what stops with it elsewhere"
    else:
        yield from leaving_text(planned.leaving, indent="  ")
    yield "  to keep its configuration, first: takeover import > cluster.toml"
    for finding in planned.silent:
        yield f"{_bad('IN THE WAY')}: {finding.message}. {finding.hint}"


def destroyed_text(destroyed: Destroyed) -> Iterator[str]:
    """Yield the lines that say what became of a destruction of the cluster."""
    if destroyed.nodes:
        nodes = ", ".join(destroyed.nodes)
        yield f"the cluster {destroyed.planned.config.name} is destroyed on {nodes}"
    if destroyed.history:
        yield f"the changes that this node has kept of it are in {destroyed.history}"
    yield from (_bad(sentence) for sentence in destroyed.harm)


def destruction_dry_run_json(planned: Destruction, steps: Sequence[Step]) -> str:
    """Return what a destruction of the cluster would do as JSON."""
    from pcs_wrapper.views.contract.members import membership as contract

    leaves = planned.leaving
    return output_json(
        contract.ClusterDestroyDryRun(
            cluster=planned.config.name,
            nodes=planned.nodes,
            leaving=None if leaves is None else leaving_record(planned.nodes, leaves),
            findings=finding_records(planned.silent),
            commands=[line for step in steps for line in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def destroyed_json(destroyed: Destroyed) -> str:
    """Return what became of a destruction of the cluster as JSON."""
    from pcs_wrapper.views.contract.members import membership as contract

    return output_json(
        contract.ClusterDestroyed(
            cluster=destroyed.planned.config.name,
            nodes=destroyed.nodes,
            history=destroyed.history or None,
            harm=destroyed.harm,
        )
    )


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)
