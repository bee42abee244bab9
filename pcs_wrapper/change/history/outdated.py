"""Which description was applied last: an older one would undo what others have applied since."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from cib_templates.comparing.changes import ChangedIds
from cib_templates.findings import Finding, error, warning
from cib_templates.model.description import Description
from pcs_wrapper.change.history.checkpoints import Checkpoint, describe
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.cib import same_objects

OUTDATED = error(
    "description-outdated",
    "This description was applied before, and others have changed the cluster since: to apply it "
    "would undo what they did.",
)
APPLIED_BY_OTHERS = warning(
    "applied-by-others",
    "The last change was applied by somebody else, or on another node, and from another "
    "description: is it in this one?",
)

_DIGITS = 16
# How many of a change's objects are named.
_NAMED = 5


def digest_of(description: Description) -> str:
    """Return a digest of what a description says, whatever its comments and its layout."""
    said = description.model_dump_json(by_alias=True, exclude_defaults=True)
    return hashlib.sha256(said.encode()).hexdigest()[:_DIGITS]


def outdated(
    machine: Machine, checkpoints: Sequence[Checkpoint], digest: str, changes: ChangedIds
) -> Iterator[Finding]:
    """Find that others have changed the cluster since a description was applied, or never saw it.

    Args:
        machine: This machine.
        checkpoints: The changes of the cluster, the newest first.
        digest: The description's digest.
        changes: The objects that it would change now.
    """
    known = next((each for each in checkpoints if each.description == digest), None)
    since = [
        each
        for each in checkpoints
        if each.in_cluster
        and not each.passes
        and _is_by_others(machine, each)
        and (known is None or each.number > known.number)
    ]
    undone = [each for each in since if each.omitted or same_objects(each.changes, changes)]
    if known is not None and undone:
        listed = "; ".join(f"{describe(each)}: {_what(each)}" for each in reversed(undone))
        yield OUTDATED.at(
            (),
            f"this is the description of {describe(known)}. Since then there was {listed}. To "
            "apply this description undoes that",
            "Apply the description that was applied last, with your changes in it; or undo what "
            "the others did: --over-others",
        )
    elif known is None:
        # No description has what other commands change, such as the pause of a node.
        applied = (each for each in checkpoints if each.in_effect and each.command == "apply")
        last = next(applied, None)
        if last is not None and last in since:
            yield APPLIED_BY_OTHERS.at(
                (),
                f"the last change was {describe(last)}: {_what(last)}",
                "If this description does not have it, it is undone",
            )


def _is_by_others(machine: Machine, checkpoint: Checkpoint) -> bool:
    """Return whether another user, or a user on another node, has made a change."""
    return bool(checkpoint.node) and (checkpoint.node, checkpoint.user) != (
        machine.host,
        machine.user,
    )


def _what(checkpoint: Checkpoint) -> str:
    changes = checkpoint.changes
    ids = (*changes.created, *changes.changed, *changes.removed)
    more = len(ids) - _NAMED + checkpoint.omitted
    named = ", ".join(ids[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{checkpoint.command} of {named}" + (
        f" ({checkpoint.message})" if checkpoint.message else ""
    )
