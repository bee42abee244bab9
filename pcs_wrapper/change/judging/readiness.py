"""Whether the cluster can carry a change out now, or the change is the cure of what holds it up.

A change is let through if everything in it belongs to the cure of something that holds the cluster
up. Such a change hurts nobody: what it is not about keeps running as it is.

| what holds the cluster up | the cure |
|---|---|
| a node must be fenced | fencing devices, fencing levels, and the properties about how it is fenced; the resource whose failed stop is the reason |
| an action that was begun before | the resource that it is on |
| maintenance mode | the property `maintenance-mode` |
| all resources are stopped | the property `stop-all-resources` |

The constraints of such a resource belong to its cure, too. To switch fencing off is no cure: what
runs on a node that is not known to be off would be started twice. Nothing cures a lack of quorum, or of a
DC.
"""  # noqa: E501 - a table

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree

from cib_templates.cib.administration.ordering import contradictions
from cib_templates.comparing.changes import changed_ids, entities
from cib_templates.errors import OwnershipError
from cib_templates.findings import Finding
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from pcs_wrapper.change import verification
from pcs_wrapper.errors import HeldUp, NotApplicable
from pcs_wrapper.health.condition import properties_of, watchdog_fences
from pcs_wrapper.health.explanation import explain
from pcs_wrapper.health.obstacles import (
    NO_DC,
    NO_QUORUM,
    Cure,
    Obstacle,
    against_group,
    hanging,
    last_fencing,
    no_decision,
    obstacles,
    obstacles_of,
)
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import wait_until
from pcs_wrapper.pacemaker.cib import read_cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

# The time for which a command waits for what passes by itself, such as a join, in seconds.
_MOMENTS = 15.0
_POLL = 0.5
# The time in which a cure should help, in seconds: a power switch may take long to start and act.
_CURE_HELPS = 60.0
# What nobody can make a change in spite of: another part of the cluster may be changed meanwhile.
_UNDECIDED = (NO_DC.code, NO_QUORUM.code)
# How the properties begin in which Takeover notes what is its own: they do nothing.
_OUR_MARKS = "takeover-"
# The meta attributes by which a resource's own configuration makes it unmanaged.
_UNMANAGED = {"is-managed": "false", "maintenance": "true"}


@dataclass(frozen=True)
class Readiness:
    """Whether the cluster can carry a change out.

    Attributes:
        obstacles: What holds the cluster up.
        is_cure: Whether everything in the change belongs to the cure of one of them.
    """

    obstacles: tuple[Obstacle, ...] = ()
    is_cure: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What holds the cluster up, as findings."""
        return tuple(each.finding for each in self.obstacles)

    @property
    def until(self) -> str:
        """When nothing holds the cluster up any more, in a clause; empty if nothing does now."""
        return " and ".join(dict.fromkeys(each.until for each in self.obstacles))


def readiness(
    machine: Machine, state: ClusterState, old: etree._Element, new: etree._Element
) -> Readiness:
    """Find out whether the cluster can carry a change out; nothing is changed.

    Args:
        machine: This machine.
        state: The state of the cluster.
        old: The live CIB.
        new: The CIB after the change.
    """
    changes = changed_ids(old, new)
    if not changes:
        return Readiness()
    scope = verification.scope_of(changes, old, new)
    state = explain(machine, state)
    found = obstacles(state)
    if no_decision(state) is None:
        found += tuple(hanging(state, old, machine.now()))
        found += tuple(obstacles_of(state, scope.resources, _unmanaged(old) - _unmanaged(new)))
        found += tuple(
            Obstacle(against_group(each), f"{each.constraint} is taken out", cannot_end=True)
            for each in contradictions(new)
        )
        found += tuple(_last_fencing(old, new))
    cures = [_with_outermost(each.cure, scope) for each in found]
    return Readiness(found, _is_cure(cures, old, new))


def _last_fencing(old: etree._Element, new: etree._Element) -> Iterator[Obstacle]:
    """Yield that a change takes the last fencing device out, though fencing stays enabled."""
    properties = properties_of(new)
    is_enabled = properties.get("stonith-enabled", "true").lower() not in (
        "false",
        "no",
        "off",
        "0",
    )
    if is_enabled and not watchdog_fences(properties) and _devices(old) and not _devices(new):
        yield Obstacle(last_fencing(_devices(old)), "there is another fencing device")


def _devices(cib: etree._Element) -> set[str]:
    devices = cib.iterfind("configuration/resources//primitive[@class='stonith']")
    return {device.get("id", "") for device in devices}


def patience(found: Readiness) -> float | None:
    """Return for how long a wait goes on after it is known that the cluster cannot finish.

    Args:
        found: Whether the cluster could carry the change out. A cure is given time to help.

    Returns:
        The time in seconds; None for the usual one.
    """
    return _CURE_HELPS if found.is_cure else None


def require(machine: Machine, found: Readiness, *, even_so: bool = False) -> None:
    """Refuse a change that the cluster cannot carry out, or warn of what holds it up.

    Args:
        machine: This machine.
        found: Whether the cluster can carry the change out.
        even_so: Whether the change is to be made all the same. Without a decision of the cluster
            (no quorum, or no DC) it is refused in any case.

    Raises:
        NotApplicable: The cluster decides nothing; nothing was changed.
        HeldUp: Something else holds the cluster up; nothing was changed.
    """
    require_decision(found)
    if found.obstacles and not (found.is_cure or even_so):
        raise HeldUp(found.findings)
    warn(machine, found)


def warn(machine: Machine, found: Readiness) -> None:
    """Warn of what holds the cluster up.

    Args:
        machine: This machine.
        found: Whether the cluster can carry the change out.
    """
    for finding in found.findings:
        machine.console.warning(f"{finding.message}. {finding.hint}")


def require_decision(found: Readiness) -> None:
    """Refuse a change of a partition that decides nothing, as another part may decide otherwise.

    Args:
        found: Whether the cluster can carry the change out.

    Raises:
        NotApplicable: The cluster decides nothing; nothing was changed.
    """
    if any(each.code in _UNDECIDED for each in found.findings):
        raise NotApplicable(found.findings)


def refuse_at_once(machine: Machine, description: Description, *, adopt: bool) -> None:
    """Refuse a description that the cluster cannot carry out, before what else takes time.

    What passes by itself is waited for. Whatever else is wrong, `prepare` finds.

    Args:
        machine: This machine.
        description: The description of the cluster.
        adopt: As for `prepare`.

    Raises:
        NotApplicable, HeldUp: As `require`; nothing was changed.
        ClusterUnreachable: No cluster runs here.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    state = let_pass(machine)
    if obstacles(state) and {node.name for node in state.nodes} == set(description.nodes):
        old = read_cib(machine)
        with contextlib.suppress(OwnershipError):
            found = readiness(machine, state, old, merge(old, description, adopt=adopt))
            if not found.is_cure:
                require(machine, found)


def let_pass(machine: Machine) -> ClusterState:
    """Wait a few moments while the cluster is held up only by what passes by itself.

    Args:
        machine: This machine.

    Returns:
        The state of the cluster then.

    Raises:
        ClusterUnreachable: No cluster runs here.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    state: ClusterState | None = None

    def passing() -> str:
        nonlocal state
        state = read_state(machine)
        found = obstacles(state)
        if not all(each.passes for each in found):
            return ""
        return "; ".join(each.finding.message for each in found)

    machine.runner.require("pcs", "crm_mon")
    wait_until(machine, passing, seconds=_MOMENTS, pause=_POLL)
    return state or read_state(machine)


def _unmanaged(cib: etree._Element) -> set[str]:
    """Return the IDs of the outermost resources whose own configuration makes them unmanaged."""
    return {
        outermost.get("id", "")
        for outermost in cib.iterfind("configuration/resources/*")
        if any(
            (pair.get("value") or "").lower() == _UNMANAGED.get(pair.get("name", ""))
            for pair in outermost.iterfind(".//meta_attributes/nvpair")
        )
    }


def _with_outermost(cure: Cure, scope: verification.Scope) -> Cure:
    """Return a cure with the outermost resources that its resources are in, too."""
    plain = {name.partition(":")[0] for name in cure.resources}
    outermost = {scope.outermost.get(name, name) for name in plain}
    return replace(cure, resources=frozenset(plain | outermost))


def _is_cure(cures: list[Cure], old: etree._Element, new: etree._Element) -> bool:
    before, after = entities(old), entities(new)
    changes = changed_ids(old, new)
    changed = [
        (after if name in after else before)[name]
        for name in (*changes.created, *changes.changed, *changes.removed)
    ]
    devices = _devices(old) | _devices(new)
    return bool(cures) and all(
        any(_belongs_to(cure, element, devices) for cure in cures) for element in changed
    )


def _belongs_to(cure: Cure, element: etree._Element, devices: set[str]) -> bool:
    """Return whether a changed element belongs to a cure.

    Args:
        cure: The cure.
        element: The element.
        devices: The IDs of all fencing devices, before or after the change.
    """
    resources = cure.resources | (devices if cure.fencing else set())
    if element.tag == "nvpair":
        name = element.get("name", "")
        return name in cure.properties or name.startswith(_OUR_MARKS)
    if element.tag == "fencing-level":
        return cure.fencing
    if str(element.tag).startswith("rsc_"):
        named = set(verification.named(element))
        return bool(named) and named <= resources
    return bool({each.get("id", "") for each in _tree(element)} & resources)


def _tree(element: etree._Element) -> Iterator[etree._Element]:
    """Yield a resource and those in it; nothing of another element."""
    if element.tag in ("primitive", "group", "clone", "master", "bundle"):
        yield from (each for each in element.iter(etree.Element) if each.get("id"))
