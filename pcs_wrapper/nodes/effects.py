"""What happens to services while a node is paused or resumed, and for how long clients wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from cib_templates.cib.history import History, read_history
from cib_templates.forecast.outage import Span
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Resource
from pcs_wrapper.pacemaker.settling import limit_of
from pcs_wrapper.pacemaker.simulation import Action

Kind = Literal["stops", "moves", "restarts", "leaves", "starts"]

# What the cluster itself takes for each action, in seconds, and for its decision.
_STEP = 0.015
_DECIDE = 0.05
# A stop that was never measured, as a share of the start: most things take longer to start.
_STOP_SHARE = 0.5


@dataclass(frozen=True)
class Effect:
    """What happens to a service.

    Attributes:
        service: The ID of its outermost resource.
        kind: What happens: it stops everywhere, moves, restarts where it is, leaves a node while
            it goes on elsewhere, or starts.
        source: The nodes that it leaves, or restarts on.
        dest: The nodes that it comes to.
        goes_on: The other nodes on which it goes on meanwhile.
        outage: For how long clients are not served; None if they are, or not any more.
    """

    service: str
    kind: Kind
    source: tuple[str, ...] = ()
    dest: tuple[str, ...] = ()
    goes_on: tuple[str, ...] = ()
    outage: Span | None = None


def effects(
    state: ClusterState, live: etree._Element, actions: Sequence[Action]
) -> tuple[Effect, ...]:
    """Return what happens to services, the worst first.

    Args:
        state: The state of the cluster before.
        live: The live CIB before, with its status.
        actions: What the scheduler would do.
    """
    history = read_history(live)
    found = list(_effects(state, live, history, [each for each in actions if not each.anyway]))
    order = ("stops", "moves", "restarts", "leaves", "starts")
    return tuple(sorted(found, key=lambda each: order.index(each.kind)))


def fenced(actions: Sequence[Action]) -> tuple[str, ...]:
    """Return the nodes that would be fenced because of the change."""
    return tuple(each.target for each in actions if each.kind == "fence" and not each.anyway)


def _effects(
    state: ClusterState, live: etree._Element, history: History, actions: Sequence[Action]
) -> Iterator[Effect]:
    for resource in state.resources:
        parts = {part.id for part in resource.parts}
        # The ID of a clone's instance ends with a colon and its number.
        own = [each for each in actions if each.target.partition(":")[0] in parts]
        effect = _effect(resource, own, live, history)
        if effect is not None:
            yield effect


def _effect(
    resource: Resource, actions: Sequence[Action], live: etree._Element, history: History
) -> Effect | None:
    by_kind = {kind: [each for each in actions if each.kind == kind] for kind in _KINDS}
    before = _nodes(node for part in resource.parts for node in part.nodes)
    away = _nodes(each.source for each in (*by_kind["stop"], *by_kind["move"]))
    # A copy that is to be promoted where none runs is started there.
    promoted = (each.dest for each in actions if each.word == "promote")
    come = (each.dest for each in (*by_kind["start"], *by_kind["move"]))
    reached = _nodes((*come, *(node for node in promoted if node not in before)))
    # The copies of a clone have no names: one may go to where another one comes from.
    again = _nodes((*(node for node in away if node in reached), *_sources(by_kind["restart"])))
    left = tuple(node for node in away if node not in again)
    dest = tuple(node for node in reached if node not in again)
    goes_on = tuple(node for node in before if node not in (*left, *again))
    interrupted = {
        each.target.partition(":")[0]
        for kind in ("stop", "move", "restart")
        for each in by_kind[kind]
    }
    outage = None
    if (left or again) and not goes_on:
        outage = _outage(live, history, resource, interrupted)
    if left and goes_on:
        return Effect(resource.id, "leaves", left, dest, goes_on)
    if left and not (dest or again):
        return Effect(resource.id, "stops", left)
    if left:
        return Effect(resource.id, "moves", left, (*dest, *again), (), outage)
    if again:
        return Effect(resource.id, "restarts", again, dest, goes_on, outage)
    return Effect(resource.id, "starts", (), dest, goes_on) if dest else None


def _sources(actions: Sequence[Action]) -> tuple[str, ...]:
    return _nodes(each.source for each in actions)


_KINDS = ("stop", "move", "restart", "start")


def _nodes(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _outage(
    live: etree._Element, history: History, resource: Resource, interrupted: set[str]
) -> Span:
    """Return how long the parts of a service take to stop, and then to start."""
    total = Span(_DECIDE, _DECIDE, "estimated")
    primitives = {each.get("id"): each for each in live.iter("primitive")}
    for part in dict.fromkeys(each.id for each in resource.parts):
        primitive = primitives.get(part)
        if part not in interrupted or primitive is None:
            continue
        started = history.seconds.get((part, "start"))
        stopped = history.seconds.get((part, "stop"))
        if stopped is None and started is not None:
            stopped = started * _STOP_SHARE
        for took, action in ((stopped, "stop"), (started, "start")):
            limit = limit_of(primitive, action) + _STEP
            known = None if took is None else took + _STEP
            total += Span(known, max(limit, known or 0.0), "limit" if took is None else "measured")
    return total
