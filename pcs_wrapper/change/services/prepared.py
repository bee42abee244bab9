"""A command about one service before it is carried out: what it changes, and what that does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lxml import etree

from cib_templates.cib.history import read_history
from cib_templates.findings import Finding, error
from cib_templates.forecast.outage import Outage, ResourceClock
from pcs_wrapper.change.judging.readiness import Readiness
from pcs_wrapper.change.services.subject import Subject
from pcs_wrapper.pacemaker.crm_mon import ClusterState
from pcs_wrapper.pacemaker.simulation import Action

OTHERS_AFFECTED = error(
    "others-affected", "Another service would be stopped, restarted or moved along with it."
)
NODE_WOULD_BE_FENCED = error("node-would-be-fenced", "A node would be fenced for it.")
NOWHERE_LEFT = error("nowhere-left", "The service would not run on any node any more.")

Wanted = Literal["running", "stopped", "as it was"]

_VERBS = {"stop": "stops", "restart": "restarts", "move": "moves"}


@dataclass(frozen=True)
class Stage:
    """A change of the configuration, and what is waited for after it.

    Attributes:
        title: The change in a clause.
        edit: Returns a copy of a live CIB with the change.
        until_stopped: Whether to wait only until the parts have stopped.
    """

    title: str
    edit: Callable[[etree._Element], etree._Element]
    until_stopped: bool = False


@dataclass(frozen=True)
class Prepared:
    """A command about one service, before it is carried out.

    Attributes:
        command: The command, such as `service move`.
        subject: The service, or its parts.
        what: What is done, in a clause for the history, such as `shop from node1 to node2`.
        state: The state of the cluster.
        live: The live CIB.
        stages: The changes, one after another; none if there is nothing to change.
        wanted: What shall be so afterwards.
        node: The node on which it shall run then; empty if that is Pacemaker's affair.
        ends: When it ends by itself what it puts into the configuration, and takes out in the last
            stage; None if it is there to stay.
        cleans_up: Whether failures are cleared, so that Pacemaker tries again.
        readiness: Whether the cluster can carry it out.
        actions: What the cluster would do.
        objections: What it would do to others: it is refused, unless that is agreed to.
        nothing: Why there is nothing to do; empty if there is.
    """

    command: str
    subject: Subject
    what: str
    state: ClusterState
    live: etree._Element
    stages: tuple[Stage, ...] = ()
    wanted: Wanted = "running"
    node: str = ""
    ends: datetime | None = None
    cleans_up: bool = False
    readiness: Readiness = field(default_factory=Readiness)
    actions: tuple[Action, ...] = ()
    objections: tuple[Finding, ...] = ()
    nothing: str = ""

    @property
    def passes(self) -> bool:
        """Whether nothing of it is left in the configuration afterwards."""
        return self.ends is not None

    @property
    def first(self) -> etree._Element:
        """The CIB after the first stage; the live CIB if there is none."""
        if not self.stages:
            return self.live
        new = self.stages[0].edit(self.live)
        etree.indent(new)
        return new

    @property
    def own(self) -> tuple[Action, ...]:
        """What the cluster does to the service because of it."""
        return tuple(own_actions(self.subject, self.actions))

    @property
    def outage(self) -> Outage | None:
        """For how long clients will not be served; None if they are, or are not from then on."""
        touched = {_plain(action.target) for action in self.own if action.kind in _VERBS}
        if self.wanted == "stopped" or not touched:
            return None
        return ResourceClock(self.subject.element, read_history(self.live)).planned(touched)


def own_actions(subject: Subject, actions: Iterable[Action]) -> Iterator[Action]:
    """Yield the actions on the parts of a service that the cluster would not take anyway."""
    parts = {part.id for part in subject.service.parts}
    for action in actions:
        if _plain(action.target) in parts and not action.anyway:
            yield action


def objections(
    subject: Subject, state: ClusterState, actions: Iterable[Action], *, may_stop: bool = False
) -> Iterator[Finding]:
    """Find what a change would do to others, and whether it would leave the service stopped.

    Args:
        subject: The service.
        state: The state of the cluster.
        actions: What the cluster would do.
        may_stop: Whether the service itself is to stop.
    """
    outermost = {part.id: resource.id for resource in state.resources for part in resource.parts}
    found: dict[str, Action] = {}
    for action in actions:
        service = outermost.get(_plain(action.target), "")
        if action.anyway:
            continue
        if action.kind == "fence":
            found.setdefault(action.target, action)
        elif action.kind in _VERBS and service and service != subject.name:
            found.setdefault(service, action)
    for name, action in found.items():
        if action.kind == "fence":
            yield NODE_WOULD_BE_FENCED.at((name,), f"{name} would be fenced ({action.reason})")
        else:
            yield OTHERS_AFFECTED.at((name,), _sentence(name, action))
    stops = [each for each in own_actions(subject, actions) if each.kind == "stop"]
    if stops and not may_stop:
        yield NOWHERE_LEFT.at(
            (subject.name,),
            f"{', '.join(_plain(each.target) for each in stops)} would stop, and run nowhere",
        )


def _sentence(name: str, action: Action) -> str:
    where = (
        f"from {action.source} to {action.dest}"
        if action.kind == "move"
        else f"on {action.source or action.dest}"
    )
    return f"{name} {_VERBS[action.kind]} with it, {where}"


def _plain(resource: str) -> str:
    # A clone's instances have a number behind a colon.
    return resource.partition(":")[0]
