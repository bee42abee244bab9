"""`takeover node replace`: a machine takes the place of a node, which leaves first, alive or dead.

The old node leaves before the new one comes. So the cluster never has more nodes than before: with
a dead node among them, one more would cost it its quorum until that one has joined.

What an interrupted replacement has left is seen in the cluster itself: a node of another name is
kept from running anything before the old one is taken out; one of the same name has the addresses
of the new machine, and is a member or kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lxml import etree

from pcs_wrapper.change.execution import execute
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError, UsageError
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.nodes.membership import adding, evicting, joining, remembered, removing
from pcs_wrapper.nodes.membership.adding import Added, HoldBack
from pcs_wrapper.nodes.membership.described import described_links, replacement_of
from pcs_wrapper.nodes.membership.evicting import Eviction
from pcs_wrapper.nodes.membership.joining import Joining, is_kept
from pcs_wrapper.nodes.membership.removing import Forget, Removal, Removed, RemoveNode
from pcs_wrapper.nodes.running import pcsd
from pcs_wrapper.nodes.running.starting import members_of
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.corosync import ClusterConfig
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state


@dataclass(frozen=True)
class Replacement:
    """A replacement of a node, before it is made.

    Attributes:
        old: The name of the node that leaves.
        leaves: How it leaves; None if it has left.
        joins: The machine that becomes a node, once the old one has left.
    """

    old: str
    leaves: Removal | Eviction | None
    joins: Joining

    @property
    def eviction(self) -> Eviction | None:
        """The eviction of the old node; None if it is removed, or has left."""
        return self.leaves if isinstance(self.leaves, Eviction) else None

    @property
    def removal(self) -> Removal | None:
        """The removal of the old node; None if it has left."""
        return self.leaves.removal if isinstance(self.leaves, Eviction) else self.leaves

    @property
    def asks_for_its_name(self) -> bool:
        """Whether somebody has to confirm that the old node has no power."""
        return self.eviction is not None and self.eviction.way == "confirm"

    @property
    def fences_the_new(self) -> bool:
        """Whether the power that is switched off may be the new machine's."""
        is_in_its_place = self.old == self.joins.node or (
            self.eviction is not None and self.eviction.is_replaced
        )
        return self.eviction is not None and self.eviction.way == "fence" and is_in_its_place

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do in the cluster."""
        return self.leaves is None and self.joins.is_complete


@dataclass(frozen=True)
class Replaced:
    """What became of a replacement.

    Attributes:
        planned: What was planned.
        removed: What became of the old node; None if it had left.
        added: What became of the new one; None if the old one has not left as it should.
        more: What else is not as it should be, a sentence each.
    """

    planned: Replacement
    removed: Removed | None
    added: Added | None
    more: tuple[str, ...] = ()

    @property
    def harm(self) -> tuple[str, ...]:
        """What is not as it should be, a sentence each."""
        removed = () if self.removed is None else self.removed.harm
        added = () if self.added is None else self.added.harm
        return (*removed, *added, *self.more)


def prepare(
    machine: Machine,
    old: str,
    new: str,
    file: Path | None,
    addresses: Sequence[str],
    *,
    replace: bool,
) -> Replacement:
    """Find out what a replacement does, and what is in its way; nothing is changed.

    Args:
        machine: This machine.
        old: The name of the node that leaves.
        new: The name of the machine that becomes a node; it may be the same.
        file: The description that is to be changed; None if none is.
        addresses: Its addresses, one for each link; without any, those of the description, or of
            the old node if it has its name.
        replace: Whether the configuration of a cluster that the machine has is to be destroyed.

    Raises:
        UsageError: There is no such node, or the addresses do not fit.
        ClusterError: The old node still runs where the new one shall be; or as
            `removing.prepare` and `joining.prepare`.
        TakeoverError: As these.
    """
    config = pcsd.read_config(machine)
    described = () if file is None else described_links(file, new, config)
    links = tuple(addresses) or described
    if not links and new == old:
        links = tuple(config.nodes.get(old, ())) or remembered.remembered(machine, old)
    state, live = read_state(machine), cib.query(machine)
    has_left = _has_left(machine, config, state, live, names=(old, new), links=links)
    joins = joining.prepare(
        machine,
        new,
        links,
        # The description of a node of the same name is that of the old one.
        None if new == old else file,
        replace=replace,
        after="" if has_left else old,
    )
    if file is not None:
        edit = replacement_of(file, old, new, joins.links)
        joins = dataclasses.replace(joins, edit=edit)
    leaves = None if has_left else _leaves(machine, config, old, joins)
    return Replacement(old, leaves, joins)


def _has_left(
    machine: Machine,
    config: ClusterConfig,
    state: ClusterState,
    live: etree._Element,
    *,
    names: tuple[str, str],
    links: Sequence[str],
) -> bool:
    """Return whether the old node has left the cluster."""
    old, new = names
    known = {each.name: each for each in state.nodes}
    if old in config.nodes or old in known:
        if new != old or tuple(config.nodes.get(old, ())) != tuple(links):
            return False
        if old in members_of(state):
            return True
        is_unclean = old in known and known[old].unclean
        return not is_unclean and is_kept(machine, live, old)
    if new != old and new not in config.nodes and not is_kept(machine, live, new):
        raise UsageError(
            f"the cluster {config.name} has no node {old!r}; its nodes are "
            f"{', '.join(config.nodes)}"
        )
    return True


def _leaves(
    machine: Machine, config: ClusterConfig, old: str, joins: Joining
) -> Removal | Eviction:
    """Find out how the old node leaves."""
    removal = removing.prepare(machine, old, None)
    has_its_name = joins.node == old
    shared = [link for link in joins.links if link in config.nodes.get(old, ())]
    takes_place = bool(shared) or (has_its_name and not removal.is_configured)
    if removal.is_member and (shared or has_its_name):
        what = f"the address {shared[0]}" if shared else "that name"
        raise ClusterError(
            f"{old} is a member of the cluster, and has {what}, which the new machine is to have: "
            f"both cannot be there. First: takeover node remove {old}, or switch it off. Nothing "
            "was changed"
        )
    if removal.is_member:
        return removal
    if takes_place:
        # What answers there is the new machine.
        has = joins.has
        is_wiped = has is not None and not has.has_configuration and not has.running
        if not any(each.name == old and each.unclean for each in removal.state.nodes):
            return removal
        eviction = evicting.of(machine, removal, is_replaced=is_wiped)
    elif removal.is_configured and removal.is_reached and not has_its_name:
        return removal
    else:
        eviction = evicting.of(machine, removal)
    if eviction.way == "fence":
        off = dataclasses.replace(eviction.removal, is_reached=False)
        return dataclasses.replace(eviction, removal=off)
    return eviction


def require(machine: Machine, planned: Replacement, *, even_so: bool) -> None:
    """Refuse a replacement if something is in its way, or warn of it.

    Args:
        machine: This machine.
        planned: The replacement.
        even_so: Whether it is to be made all the same.

    Raises:
        NotAdded: The new machine cannot become a node; nothing was changed.
        NotRemoved: The old one cannot leave; nothing was changed.
        NodeMayBeOn: Something says that the old one is on, and no device can switch it off.
    """
    joining.require(machine, planned.joins, even_so=even_so)
    if planned.eviction is not None:
        evicting.require(machine, planned.eviction, even_so=even_so)
    elif planned.removal is not None:
        removing.require(machine, planned.removal, even_so=even_so)


def steps(machine: Machine, planned: Replacement, *, even_so: bool) -> list[Step]:
    """Return the steps of a replacement; nothing is changed.

    Args:
        machine: This machine.
        planned: The replacement.
        even_so: Whether it is made although something says that the old node is on.
    """
    made, _ = _leaving_steps(machine, planned, even_so=even_so)
    is_held = planned.joins.is_held or any(isinstance(each, HoldBack) for each in made)
    joins = dataclasses.replace(planned.joins, is_held=is_held)
    return [*made, *adding.steps(joins)[0]]


def _leaving_steps(
    machine: Machine, planned: Replacement, *, even_so: bool
) -> tuple[list[Step], Removed | None]:
    """Return the steps by which the old node leaves, and what they will say of it."""
    made: list[Step]
    removed: Removed
    if planned.eviction is not None:
        made, removed = evicting.steps(machine, planned.eviction, even_so=even_so)
    elif planned.removal is not None:
        made, removed = removing.steps(machine, planned.removal)
    else:
        return [], None
    joins = planned.joins
    if joins.node != planned.old and not (joins.is_held or joins.is_configured):
        # When nothing knows the old node any more, this still says that it was replaced.
        at = next(at for at, each in enumerate(made) if isinstance(each, (RemoveNode, Forget)))
        made.insert(at, HoldBack(joins.node))
    return made, removed


def make(
    machine: Machine,
    planned: Replacement,
    password: Callable[[], str],
    again: Callable[[Sequence[str]], Replacement],
    *,
    even_so: bool,
) -> Replaced:
    """Run the steps of a replacement, and return its result; the lock must be held.

    Args:
        machine: This machine.
        planned: The replacement.
        password: A function that asks for the password of the user hacluster, which is called only
            if this node is not authenticated yet.
        again: Prepares the replacement again, when the old node has left, with the new one's
            addresses.
        even_so: Whether it is made although something is in the way.

    Raises:
        Interrupted: Somebody has interrupted it; the message says what was done.
        TakeoverError: A step has failed.
    """
    asked = cache(password)
    made, removed = _leaving_steps(machine, planned, even_so=even_so)
    if removed is not None:
        remembered.remember(machine, planned.joins.node, planned.joins.links)
        state = removed.planned.state
        run = Run(
            machine,
            before=state,
            state=state,
            password=asked,
            go_on="The same command says how far it has come, and goes on",
        )
        execute(made, run)
        removed.harm = [*run.harm, *removed.harm]
        if removed.harm:
            return Replaced(planned, removed, None)
        found = {(each.code, each.path) for each in planned.joins.findings}
        try:
            planned = again(planned.joins.links)
        except ClusterError as error:
            # It may have the power that was switched off.
            return Replaced(planned, removed, None, (f"{error}",))
        new = [each for each in planned.joins.findings if (each.code, each.path) not in found]
        if new:
            return Replaced(planned, removed, None, tuple(str(each) for each in new))
    added = adding.make(machine, planned.joins, asked)
    if not added.harm:
        remembered.forget(machine)
    return Replaced(planned, removed, added)
