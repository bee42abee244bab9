"""The changes that all nodes know of: the record in the CIB is written together with each change.

It is small, and has only the last changes. What the configuration was before and after them is in
the checkpoints of the node that made the change, and in Pacemaker's archive on every node.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, fields, replace

from lxml import etree

from cib_templates.cib.numbers import whole_number
from cib_templates.cib.record import configuration_digest, entries_of
from cib_templates.cib.secrecy.masking import masked
from cib_templates.comparing.changes import ChangedIds
from pcs_wrapper.change.history.checkpoints import Checkpoint, State, from_entry, from_json
from pcs_wrapper.errors import AppliedMeanwhile, ChangedMeanwhile, ClusterError

#: How many changes the record has at most.
KEPT = 20
#: How many older ones it keeps at most, because they wait to be confirmed.
_WAITING = 5
# The most that an entry says: the record is in every copy of the CIB.
_IDS = 40
_TEXT = 300
_DIGITS = 16
# What only the node itself has to know.
_LOCAL = ("seen_through",)
# What an entry leaves out, because it says nothing.
_UNSAID = {each.name: each.default for each in fields(Checkpoint)}

Entries = Callable[[etree._Element], Mapping[int, str]]


def pushed(checkpoint: Checkpoint, seen: Mapping[int, str]) -> Entries:
    """Return what makes the record that a CIB shall have after the push of a checkpoint.

    Args:
        checkpoint: The checkpoint, with its times.
        seen: The entries of the CIB that the change was made from. If a change that is taken back
            has become something else since, such as confirmed, nothing is pushed.
    """

    def entries(live: etree._Element) -> Mapping[int, str]:
        found = entries_of(live)
        if checkpoint.number in found:
            raise AppliedMeanwhile(checkpoint.number)
        undone = [number for number in checkpoint.undoes if number in seen]
        changed = [number for number in undone if found.get(number) != seen[number]]
        if changed:
            raise ChangedMeanwhile([f"checkpoint {number}" for number in changed])
        epoch = whole_number(live.get("epoch")) or 0
        own = replace(
            checkpoint,
            state="unconfirmed" if checkpoint.confirm_by else "applied",
            admin_epoch=whole_number(live.get("admin_epoch")) or 0,
            epoch_before=epoch,
            epoch_after=epoch + 1,
            digest=configuration_digest(live)[:_DIGITS],
        )
        others = _with_state(found, checkpoint.undoes, "rolled back")
        return _newest({**others, checkpoint.number: _text(own)})

    return entries


def become(numbers: Collection[int], state: State, note: str = "") -> Entries:
    """Return what makes the record in which some changes have become something else.

    Args:
        numbers: The numbers of the changes.
        state: What they have become.
        note: A remark for the history.
    """
    return lambda live: _with_state(entries_of(live), numbers, state, note)


def confirmed(number: int) -> Entries:
    """Return what makes the record in which a change is confirmed.

    Args:
        number: The number of the change, which waits to be confirmed; its timer may have taken it
            back in this moment.
    """

    def entries(live: etree._Element) -> Mapping[int, str]:
        found = entries_of(live)
        state = from_json(found[number], number).state if number in found else "unconfirmed"
        if state != "unconfirmed":
            raise ClusterError(f"checkpoint {number} is {state}: there is nothing to confirm")
        return _with_state(found, [number], "confirmed")

    return entries


def _with_state(
    entries: Mapping[int, str], numbers: Collection[int], state: State, note: str = ""
) -> dict[int, str]:
    changed = dict(entries)
    for number in numbers:
        try:
            found = from_json(entries[number], number)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # It is older than the record, or somebody has edited it.
            continue
        by = found.confirm_by if state == "unconfirmed" else None
        changed[number] = _text(replace(found, state=state, confirm_by=by, note=note or found.note))
    return changed


def _newest(entries: Mapping[int, str]) -> dict[int, str]:
    """Return the last entries, and those before them that still wait to be confirmed."""
    numbers = sorted(entries)
    waiting = [number for number in numbers[:-KEPT] if _waits(entries[number], number)]
    kept = [*waiting[-_WAITING:], *numbers[-KEPT:]]
    return {number: entries[number] for number in kept}


def _waits(text: str, number: int) -> bool:
    found = from_entry(text, number)
    return found is not None and found.state == "unconfirmed"


def _text(checkpoint: Checkpoint) -> str:
    """Return an entry of the record: short, and without a secret."""
    short = _short(checkpoint)
    said = {
        name: value
        for name, value in asdict(short).items()
        if name not in _LOCAL and getattr(short, name) != _UNSAID[name]
    }
    return json.dumps(said, separators=(",", ":"))


def _short(checkpoint: Checkpoint) -> Checkpoint:
    changes, left = checkpoint.changes, _IDS
    kept: dict[str, tuple[str, ...]] = {}
    for name in ("created", "changed", "removed"):
        ids = getattr(changes, name)
        kept[name] = ids[:left]
        left -= len(kept[name])
    every = len(changes.created) + len(changes.changed) + len(changes.removed)
    return replace(
        checkpoint,
        changes=ChangedIds(**kept),
        omitted=checkpoint.omitted + every - (_IDS - left),
        stops=checkpoint.stops[:_IDS],
        message=masked(checkpoint.message)[:_TEXT],
        note=masked(checkpoint.note)[:_TEXT],
    )
