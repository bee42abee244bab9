"""`takeover plan`: what an apply would change, what the cluster then does, what clients notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from lxml import etree

from cib_templates.cib.history import History, read_history
from cib_templates.comparing.diff import Diff, diff
from cib_templates.forecast.outage import Clock, Outage, Span, fencing_span
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from cib_templates.model.timing import Corosync, corosync_times, described_corosync
from pcs_wrapper.change import preconditions
from pcs_wrapper.change.prepare import prepare
from pcs_wrapper.errors import CommandTimedOut
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.cib import read_cib_file
from pcs_wrapper.pacemaker.simulation import Action, simulate


@dataclass(frozen=True)
class Forecast:
    """What the clients of a service notice.

    Attributes:
        service: Its name.
        touched: Whether the plan changes it, or the cluster does something to it.
        interrupted: The outage that the plan makes; None if it makes none.
        stopped: Whether it stops and is not started again.
        node_failure: The outage when its node fails afterwards; None if nothing can fence it.
        application_failure: The outage when its application fails; None if it has none.
        budget: What the description allows for a failure; None if it says nothing.
    """

    service: str
    touched: bool
    interrupted: Outage | None
    stopped: bool
    node_failure: Outage | None
    application_failure: Outage | None
    budget: timedelta | None

    @property
    def fits(self) -> bool | None:
        """Whether failures are within the budget; None if there is none, or it cannot be said."""
        if self.budget is None:
            return None
        failures = (self.node_failure, self.application_failure)
        fits = [failure.fits(self.budget) for failure in failures if failure is not None]
        return False if False in fits else None if None in fits else True


@dataclass(frozen=True)
class Plan:
    """What a plan says.

    Attributes:
        old: The live CIB that it was made from.
        new: What it shall be.
        diff: The difference.
        actions: What the cluster does then, in the scheduler's order.
        not_simulated: Why nothing is known of that; empty if it is.
        forecasts: What clients notice, for each service of the description.
    """

    old: etree._Element
    new: etree._Element
    diff: Diff
    actions: tuple[Action, ...]
    not_simulated: str
    forecasts: tuple[Forecast, ...]


def plan_live(machine: Machine, description: Description, *, adopt: bool = False) -> Plan:
    """Plan a change of the cluster that runs here; nothing is changed.

    Args:
        machine: This machine.
        description: What the cluster shall have.
        adopt: Whether resources with its IDs that others made are taken over.

    Raises:
        TakeoverError: As `prepare`, and InvalidCib if the schema rejects the result.
    """
    machine.runner.require("crm_simulate")
    found = prepare(machine, description, adopt=adopt)
    config = found.config
    corosync = corosync_times(
        config.token, len(config.nodes), config.token_coefficient, config.consensus
    )
    return _plan(machine, description, found.old, found.new, corosync)


def plan_file(
    machine: Machine, description: Description, file: Path, *, adopt: bool = False
) -> Plan:
    """Plan a change of a CIB in a file, wherever that cluster is.

    Args:
        machine: This machine. Its Pacemaker's schema and scheduler are asked if it has them.
        description: What the cluster shall have.
        file: A whole CIB, such as `pcs cluster cib FILE` writes.
        adopt: As `plan_live`.

    Raises:
        UsageError: The file cannot be read, or is no CIB.
        TakeoverError: OwnershipError, ClusterError or InvalidCib, as with a live cluster.
    """
    old = read_cib_file(file)
    new = merge(old, description, adopt=adopt)
    preconditions.require(machine, preconditions.passed_exclusives(old, new))
    return _plan(machine, description, old, new, described_corosync(description))


def _plan(
    machine: Machine,
    description: Description,
    old: etree._Element,
    new: etree._Element,
    corosync: Corosync,
) -> Plan:
    differences = diff(old, new)
    if differences:
        cib.check(machine, new)
    why_not = _no_simulation(machine, old)
    actions: tuple[Action, ...] = ()
    # Without a change there is nothing to tell apart from what the cluster does anyway.
    if differences and not why_not:
        try:
            actions = simulate(machine, old, new)
        except CommandTimedOut as error:
            # The scheduler's time grows faster than the number of resources.
            why_not = str(error)
    forecasts = _forecasts(description, differences, actions, corosync, read_history(old))
    return Plan(old, new, differences, _explained(actions, differences), why_not, forecasts)


def _no_simulation(machine: Machine, old: etree._Element) -> str:
    if old.find("status/node_state") is None:
        return "the CIB tells of no node's state: it is not from a running cluster"
    if machine.runner.find("crm_simulate") is None:
        return "crm_simulate is not installed: apt install pacemaker-cli-utils"
    return ""


def _explained(actions: Iterable[Action], differences: Diff) -> tuple[Action, ...]:
    """Name the keys whose change makes the scheduler restart or reload a resource."""
    keys = {
        each.name: ", ".join(fact.name for fact in each.attributes)
        for each in differences.differences
        if each.change == "changed"
    }
    return tuple(
        replace(action, reason=f"changed: {keys[action.target]}")
        if action.target in keys
        and (action.kind == "reload" or action.reason == "resource definition change")
        else action
        for action in actions
    )


def _forecasts(
    description: Description,
    differences: Diff,
    actions: tuple[Action, ...],
    corosync: Corosync,
    history: History,
) -> tuple[Forecast, ...]:
    kinds: dict[str, set[str]] = {}
    for action in actions:
        if not action.anyway:
            kinds.setdefault(action.kind, set()).add(action.target)
    interrupted = kinds.get("restart", set()) | kinds.get("move", set())
    changed = {each.service for each in differences.differences}
    forecasts = []
    for name, service in description.services.items():
        clock = Clock(name, service, history)
        parts = set(clock.parts)
        fencing = _slowest_fencing(description, service.nodes, history)
        stopped = not parts.isdisjoint(kinds.get("stop", ()))
        forecasts.append(
            Forecast(
                service=name,
                touched=name in changed or any(parts & each for each in kinds.values()),
                interrupted=clock.planned(parts & interrupted) if parts & interrupted else None,
                stopped=stopped,
                node_failure=clock.node_failure(corosync, fencing) if fencing else None,
                application_failure=clock.application_failure(),
                budget=service.budget,
            )
        )
    return tuple(forecasts)


def _slowest_fencing(
    description: Description, nodes: Iterable[str], history: History
) -> Span | None:
    """Return the time that fencing takes at that of a service's nodes which takes longest."""
    spans = [
        fencing_span(fencing.resource_id(device), fencing.timeout, history)
        for device, fencing in description.fencing.items()
        if not set(nodes).isdisjoint(description.fenced_by(device))
    ]
    return max(spans, key=lambda span: (span.likely or span.limit, span.limit), default=None)
