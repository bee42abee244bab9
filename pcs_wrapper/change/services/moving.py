"""Moving a service to another node, by a constraint that ends by itself and is taken out again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lxml import etree

from cib_templates.cib.administration.placement import placements, with_ban, with_pin, without
from cib_templates.findings import error
from pcs_wrapper.change.judging.readiness import readiness
from pcs_wrapper.change.services.prepared import (
    Prepared,
    Stage,
    objections,
    own_actions,
)
from pcs_wrapper.change.services.subject import Seen, Subject, find
from pcs_wrapper.errors import HeldUp, NotApplicable, UsageError
from pcs_wrapper.health import diagnosis
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import settling
from pcs_wrapper.pacemaker.simulation import Action, afterwards, ask, simulate

NOT_MOVABLE = error("not-movable", "A service cannot be moved as it is now.")
PINNED_ELSEWHERE = error(
    "pinned-elsewhere",
    "The service is pinned to another node, or banned from the one it shall go to.",
)
TARGET_UNFIT = error("target-unfit", "The node to which a service shall be moved cannot run it.")
WOULD_GO_BACK = error(
    "would-go-back", "The service would leave the node again as soon as nothing holds it there."
)

# Beside the time that the cluster may be busy, for the command itself.
_MARGIN = timedelta(seconds=60)
_NEVER = "-INFINITY"


def prepare(seen: Seen, name: str, node: str | None) -> Prepared:
    """Find out what it takes to move a service; nothing is changed.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        node: The node that it shall go to; None if that is Pacemaker's affair.

    Raises:
        UsageError: There is no such service, or no such node.
        NotApplicable: It cannot be moved, or not there; with the reason.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    state, live = seen.state, seen.live
    subject = find(seen, name)
    if node is not None:
        require_node(seen, node)
    service = subject.service
    if subject.is_clone:
        raise NotApplicable(
            [NOT_MOVABLE.at((name,), f"{name} runs on several nodes at once: there is no move")]
        )
    if not service.is_running:
        why = f"{name} is {service.state}: {service.why}"
        raise NotApplicable([NOT_MOVABLE.at((name,), why)])
    source = ", ".join(service.nodes)
    command = "service move"
    if service.nodes == (node,):
        text = f"{name} already runs on {node}"
        return Prepared(command, subject, text, state, live, nothing=text)
    ends = end_of_move(seen)
    _require_unpinned(seen, subject, node)
    target = node or _best(seen, subject)
    _require_fit(seen, subject, target)

    def moved(cib: etree._Element) -> etree._Element:
        return with_pin(cib, name, target, ends)

    new = moved(live)
    actions = simulate(seen.machine, live, new)
    ready = readiness(seen.machine, state, live, new)
    if not ready.obstacles:
        # What holds the cluster up is the better reason.
        _require_arrival(seen, subject, actions, target)
        _require_stay(seen.machine, subject, new, target)
    what = f"{name} from {source} to {target}"
    until = ends.strftime("%H:%M:%S")
    return Prepared(
        command,
        subject,
        what,
        state,
        live,
        (
            Stage(f"moving {what}, by a constraint that ends by itself at {until} UTC", moved),
            Stage("taking the constraint out", lambda cib: taken_out(cib, name)),
        ),
        node=target,
        ends=ends,
        readiness=ready,
        actions=actions,
        objections=tuple(objections(subject, state, actions)),
    )


def taken_out(cib: etree._Element, name: str) -> etree._Element:
    """Return a copy of a CIB without the constraint of a move, which has an end.

    A ban with an end is an administrator's.

    Args:
        cib: The CIB; it is not modified.
        name: The service's ID.
    """
    made = (each for each in placements(cib, name) if each.kind == "pin" and each.ends is not None)
    return without(cib, *made)


def end_of_move(seen: Seen) -> datetime:
    """Return when what is in the CIB for a while ends by itself: a time that is long enough."""
    longest = timedelta(seconds=2 * settling.timeout_of(seen.live))
    return (seen.machine.now() + longest + _MARGIN).replace(microsecond=0)


def require_node(seen: Seen, node: str) -> None:
    """Check that there is a node of a name.

    Raises:
        UsageError: There is none.
    """
    names = [each.name for each in seen.state.nodes]
    if node not in names:
        raise UsageError(f"there is no node {node!r}; the nodes are: {', '.join(names)}")


def unfit(seen: Seen, subject: Subject, node: str) -> str:
    """Return why a node cannot run a service, in a clause; empty if nothing is known of that.

    Args:
        seen: The cluster as it is.
        subject: The service.
        node: The node's name.
    """
    [found] = [each for each in seen.state.nodes if each.name == node]
    if not found.is_usable:
        return f"{node} {diagnosis.unusable(found)}"
    names = {subject.name, *(part.id for part in subject.service.parts)}
    banned = list(_bans(seen.live, names, node))
    if banned:
        return f"{', '.join(banned)} keeps it off {node}"
    failed = [each for each in seen.state.failures if each.node == node and each.resource in names]
    return "; ".join(diagnosis.describe(failed))


def _bans(live: etree._Element, names: set[str], node: str) -> Iterator[str]:
    """Yield the IDs of the constraints that keep a service off a node."""
    for constraint in live.iterfind("configuration/constraints/rsc_location"):
        never = constraint.get("score") == _NEVER and constraint.get("node") == node
        if never and constraint.get("rsc") in names:
            yield f"the constraint {constraint.get('id')}"


def _require_fit(seen: Seen, subject: Subject, target: str) -> None:
    name = subject.name
    [node] = [each for each in seen.state.nodes if each.name == target]
    why = unfit(seen, subject, target)
    if not node.is_usable or "keeps it off" in why:
        raise NotApplicable(
            [TARGET_UNFIT.at((name, target), f"{name} cannot be moved to {target}: {why}")]
        )


def _require_unpinned(seen: Seen, subject: Subject, target: str | None) -> None:
    """Check that no pin or ban is in the way."""
    name = subject.name
    for each in placements(seen.live, name):
        if each.has_ended(seen.machine.now()):
            continue
        elsewhere = each.kind == "pin" and each.node != target
        if elsewhere or (each.kind == "ban" and each.node == target):
            word = "pinned to" if elsewhere else "banned from"
            raise NotApplicable(
                [
                    PINNED_ELSEWHERE.at(
                        (name,),
                        f"{name} is {word} {each.node} ({each.id})",
                        f"To end that: takeover service unpin {name}",
                    )
                ]
            )


def _best(seen: Seen, subject: Subject) -> str:
    """Return the node to which Pacemaker would move a service if it may not stay where it is."""
    elsewhere = with_ban(seen.live, subject.name, subject.service.nodes[0])
    actions = simulate(seen.machine, seen.live, elsewhere)
    for action in own_actions(subject, actions):
        if action.kind == "move" and action.dest:
            return action.dest
    held_up = readiness(seen.machine, seen.state, seen.live, elsewhere)
    if held_up.obstacles:
        # Whatever else is said of the nodes, this is why nothing moves.
        raise HeldUp(held_up.findings)
    here = subject.service.nodes
    others = [each.name for each in seen.state.nodes if each.name not in here and not each.remote]
    reasons = "; ".join(
        unfit(seen, subject, each) or f"{each} is not chosen by Pacemaker" for each in others
    )
    why = f"no other node can run {subject.name}: {reasons or 'there is none'}"
    raise NotApplicable([TARGET_UNFIT.at((subject.name,), why)])


def _require_arrival(
    seen: Seen, subject: Subject, actions: tuple[Action, ...], target: str
) -> None:
    """Check that the service would run on the node that it shall go to."""
    name = subject.name
    own = list(own_actions(subject, actions))
    missing = [
        part.id
        for part in subject.service.parts
        if not any(each.target == part.id and each.dest == target for each in own)
    ]
    if not missing:
        return
    why = unfit(seen, subject, target)
    hint = f"When that is repaired: pcs resource cleanup {name}" if why else ""
    why = why or (
        "Pacemaker would not run it there, because of other constraints, or of its utilization; to "
        "see the scores: crm_simulate --live-check --show-scores"
    )
    raise NotApplicable(
        [TARGET_UNFIT.at((name, target), f"{name} cannot be moved to {target}: {why}", hint)]
    )


def _require_stay(machine: Machine, subject: Subject, new: etree._Element, target: str) -> None:
    """Check that the service stays where it was moved when the constraint is taken out."""
    then = taken_out(afterwards(machine, new), subject.name)
    back = [
        each
        for each in ask(machine, then)
        if each.kind in ("move", "stop") and each.target in {p.id for p in subject.service.parts}
    ]
    if back:
        where = f" to {back[0].dest}" if back[0].dest else ""
        raise NotApplicable(
            [
                WOULD_GO_BACK.at(
                    (subject.name, target),
                    f"{subject.name} would go back{where} as soon as nothing holds it on {target}: "
                    "another node is preferred, and its stickiness is lower than that",
                    f"To keep it there: takeover service pin {subject.name} {target}",
                )
            ]
        )
