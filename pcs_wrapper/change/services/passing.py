"""What is in the configuration for a while: of a command at work, or left by one that was killed.

It ends by itself. The next command that changes the cluster takes it out before, and so it is not
forgotten, and never sends a service back later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from cib_templates.cib.administration.for_a_while import sets_for_a_while, without_for_a_while
from cib_templates.cib.administration.placement import placements
from cib_templates.comparing.changes import changed_ids
from pcs_wrapper.change.history import interruption
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.change.judging.readiness import let_pass
from pcs_wrapper.change.services.moving import taken_out
from pcs_wrapper.change.services.subject import Seen
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.health.lookout import Lookout
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, settling
from pcs_wrapper.pacemaker.crm_mon import read_state


@dataclass(frozen=True)
class Left:
    """What is in the configuration for a while.

    Attributes:
        service: The ID of the service that it is about.
        what: What it does, in a clause.
        ends: When it ends by itself; None if that cannot be read.
    """

    service: str
    what: str
    ends: datetime | None


def left_in(live: etree._Element) -> Iterator[Left]:
    """Yield what is in a CIB for a while.

    Args:
        live: The live CIB.
    """
    for placed in placements(live):
        if placed.ends is not None and placed.kind == "pin":
            what = f"holds {placed.resource} on {placed.node}"
            yield Left(placed.resource, what, placed.ends)
    for each in sets_for_a_while(live):
        what = f"gives {each.resource} another target role"
        yield Left(each.outermost, what, each.ends)


def look(machine: Machine, *, only: bool) -> Seen:
    """Return the cluster as it is, without what a command has left that was killed.

    Args:
        machine: This machine.
        only: Whether nothing may be changed, as for a dry run; else the lock must be held.

    Raises:
        ClusterUnreachable: No cluster runs here.
        ClusterError: A command on another node is at work.
        ProgramError: pcs or a Pacemaker tool is missing or fails.
    """
    machine.runner.require("pcs", "cibadmin", "crm_diff", "crm_mon", "crm_resource", "crm_simulate")
    if not only:
        let_pass(machine)
    live = cib.read_cib(machine)
    if only:
        left = dict.fromkeys(each.service for each, made in _found(machine, live) if made)
        live = _without(without_for_a_while(live), left) if left else live
    else:
        for sentence in interruption.resolve_interrupted(machine, live):
            machine.console.warning(sentence)
        live = take_out(machine, live)
    return Seen(machine, read_explained_state(machine), live)


def clear(machine: Machine) -> None:
    """Take out what killed commands have left, before a command that looks at the cluster itself.

    The lock must be held.

    Args:
        machine: This machine.

    Raises:
        ClusterError: A command on another node is at work.
        TakeoverError: It cannot be taken out.
    """
    take_out(machine, cib.read_cib(machine))


def take_out(machine: Machine, live: etree._Element) -> etree._Element:
    """Take out what commands have left that were killed, and warn of it; the lock must be held.

    What an administrator has made with an end, by crm_resource, stays.

    Args:
        machine: This machine.
        live: The live CIB.

    Returns:
        The live CIB afterwards.

    Raises:
        ClusterError: A command on another node is at work.
        TakeoverError: It cannot be taken out.
    """
    ours = [(each, made) for each, made in _found(machine, live) if made is not None]
    if not ours:
        return live
    for each, made in ours:
        late = each.ends is not None and each.ends <= machine.now()
        if made.node not in ("", machine.host) and not late:
            until = f", until {each.ends:%H:%M:%S} UTC at the longest" if each.ends else ""
            raise ClusterError(
                f"`{made.command}` of {made.user} on {made.node} {each.what}{until}: it is at "
                "work, or was killed. Wait for it, or run this again on that node. Nothing was "
                "changed"
            )
    for each, made in ours:
        machine.console.warning(
            f"`{made.command}` of {made.user} was interrupted, and has left something that "
            f"{each.what}: that is taken out"
        )
    names = dict.fromkeys(each.service for each, _ in ours)
    # What a restart has stopped is started first, while it is still held on its node.
    _edit(machine, without_for_a_while)
    _edit(machine, lambda now: _without(now, names))
    return cib.read_cib(machine)


def _found(machine: Machine, live: etree._Element) -> list[tuple[Left, Checkpoint | None]]:
    """Return what is in a CIB for a while, each with the change that has put it there."""
    return [(each, _made_by(machine, live, each)) for each in left_in(live)]


def _edit(machine: Machine, edit: Callable[[etree._Element], etree._Element]) -> None:
    """Make a change of the live configuration, if it is one, and wait for what comes of it."""
    live = cib.query(machine)
    new = edit(live)
    if changed_ids(live, new):
        before = read_state(machine)
        cib.push(machine, live, new)
        timeout = settling.timeout_of(live)
        settling.wait_until_idle(machine, before, timeout, look=Lookout(machine))


def _without(live: etree._Element, names: Iterable[str]) -> etree._Element:
    for name in names:
        live = taken_out(live, name)
    return live


def ends_by_itself(ends: datetime) -> str:
    """Return the remark on a checkpoint by which what it has left is known, on every node."""
    return f"what it puts into the configuration ends by itself at {ends:%Y-%m-%d %H:%M:%S} UTC"


def _made_by(machine: Machine, live: etree._Element, left: Left) -> Checkpoint | None:
    """Return the change that has put it into the configuration; None if it was not Takeover.

    An administrator may have made the same constraint with crm_resource, which then stays.
    """
    remark = "" if left.ends is None else ends_by_itself(left.ends)
    for each in Checkpoints.of(machine, live).all():
        if each.passes and remark in each.note:
            return each
    return None
