"""`takeover plan`: what an apply would change, what the cluster would do, what clients notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from lxml import etree

from cib_templates.cib.history import History, read_history
from cib_templates.comparing.diff import Diff, diff
from cib_templates.findings import Finding
from cib_templates.forecast.outage import Clock, Outage, Span, delay_span, fencing_span
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from cib_templates.model.timing import Corosync, corosync_times, described_corosync
from pcs_wrapper.change import stopping
from pcs_wrapper.change.judging import adopting, conflicts, preconditions
from pcs_wrapper.change.judging.readiness import Readiness
from pcs_wrapper.change.looking.condition import tell
from pcs_wrapper.change.prepare import prepare
from pcs_wrapper.errors import CommandTimedOut
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib, survey
from pcs_wrapper.pacemaker.cib import read_cib_file
from pcs_wrapper.pacemaker.simulation import Action, simulate
from pcs_wrapper.pacemaker.votes import Votes, read_votes


@dataclass(frozen=True)
class Forecast:
    """The outages of a service that its clients will notice.

    Attributes:
        service: The service's name.
        touched: Whether the plan changes the service, or the cluster does something to it.
        interrupted: The outage that the plan causes; None if it causes none.
        stopped: Whether the service is stopped and not started again.
        node_failure: The outage if its node fails afterwards; None if nothing can fence the node.
        application_failure: The outage if its application fails afterwards; None if it has none.
        budget: The outage that the description allows for a failure; None if it sets none.
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
        """Whether failures stay within the budget; None if there is no budget, or it is unknown."""
        if self.budget is None:
            return None
        failures = (self.node_failure, self.application_failure)
        fits = [failure.fits(self.budget) for failure in failures if failure is not None]
        return False if False in fits else None if None in fits else True


@dataclass(frozen=True)
class Plan:
    """A change and its effects, before it is made.

    Attributes:
        old: The live CIB that the plan was made from.
        new: The CIB after the change.
        diff: The differences between the two.
        actions: The actions that the cluster would take, in the scheduler's order.
        not_simulated: The reason why the actions are not known; empty if they are known.
        forecasts: The forecast for each service of the description.
        readiness: Whether the cluster can carry the change out; for a CIB from a file that is not
            known, and nothing is said to hold it up.
        refused: The reasons for which `apply --adopt` would refuse the plan, because it takes over
            what others made and does more than that.
        votes: The votes of the live cluster; None if they are not known.
        findings: What is not well with the cluster, what in Corosync is not as described, and what
            others have applied since the description was.
    """

    old: etree._Element
    new: etree._Element
    diff: Diff
    actions: tuple[Action, ...]
    not_simulated: str
    forecasts: tuple[Forecast, ...]
    readiness: Readiness = field(default_factory=Readiness)
    refused: tuple[str, ...] = ()
    votes: Votes | None = None
    findings: tuple[Finding, ...] = ()


def plan_live(
    machine: Machine, description: Description, *, adopt: bool = False, with_changes: bool = False
) -> Plan:
    """Plan a change of the cluster that runs here; nothing is changed.

    Args:
        machine: This machine.
        description: The description of the cluster.
        adopt: Whether resources with the description's IDs that others made are taken over.
        with_changes: Whether such a plan may also change something.

    Raises:
        TakeoverError: As `prepare`; InvalidCib if Pacemaker's schema rejects the result;
            NotApplicable if something that a service shall have is taken, as seen from this node.
    """
    machine.runner.require("crm_simulate")
    found = prepare(machine, description, adopt=adopt)
    question = conflicts.question_of(found.old, found.new)
    if question is not None:
        # An apply asks every node; this one is asked without a change of the CIB.
        answers = survey.ask_here(machine, question)
        seen = replace(answers, silent={})
        preconditions.require(machine, conflicts.found_in(seen, adopt=adopt))
    config = found.config
    corosync = corosync_times(
        config.token,
        len(config.nodes),
        config.token_coefficient,
        config.consensus,
        config.quorum_device,
    )
    findings = (*found.condition, *found.outdated)
    tell(machine, findings)
    planned = replace(
        _plan(machine, description, found.old, found.new, corosync),
        readiness=found.readiness,
        votes=read_votes(machine),
        findings=findings,
    )
    return planned if with_changes else _refused(planned)


def _refused(planned: Plan) -> Plan:
    """Return a plan with what `apply --adopt` has against it."""
    if not adopting.taken_over(planned.old, planned.new):
        return planned
    found = adopting.obstacles(planned.old, planned.new, planned.actions)
    return replace(planned, refused=tuple(each.message for each in found))


def plan_file(
    machine: Machine,
    description: Description,
    file: Path,
    *,
    adopt: bool = False,
    with_changes: bool = False,
) -> Plan:
    """Plan a change of a CIB in a file, which may come from another cluster.

    Args:
        machine: This machine. If Pacemaker is installed on it, its schema and its scheduler are
            used.
        description: The description of the cluster.
        file: A file with a whole CIB, as `pcs cluster cib FILE` writes it.
        adopt: As for `plan_live`.
        with_changes: As for `plan_live`.

    Raises:
        UsageError: The file cannot be read, or contains no CIB.
        TakeoverError: OwnershipError, ClusterError or InvalidCib, as for a live cluster.
    """
    old = read_cib_file(file)
    new = merge(old, description, adopt=adopt)
    gone = stopping.gone_before(old, new, None)
    preconditions.require(machine, preconditions.passed_exclusives(old, new, gone))
    planned = _plan(machine, description, old, new, described_corosync(description))
    return planned if with_changes else _refused(planned)


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
    not_simulated = _obstacle_to_simulation(machine, old)
    actions: tuple[Action, ...] = ()
    # Without a difference, the cluster does only what it would do anyway.
    if differences and not not_simulated:
        try:
            actions = simulate(machine, old, new)
        except CommandTimedOut as error:
            # The scheduler's time grows faster than the number of resources.
            not_simulated = str(error)
    forecasts = _forecasts(description, differences, actions, corosync, read_history(old))
    return Plan(old, new, differences, _explained(actions, differences), not_simulated, forecasts)


def _obstacle_to_simulation(machine: Machine, old: etree._Element) -> str:
    """Return why the scheduler cannot be asked; empty if it can."""
    if old.find("status/node_state") is None:
        return "the CIB has no state of any node: it is not from a running cluster"
    if machine.runner.find("crm_simulate") is None:
        return "crm_simulate is not installed: apt install pacemaker-cli-utils"
    return ""


def _explained(actions: Iterable[Action], differences: Diff) -> tuple[Action, ...]:
    """Return actions with the changed keys as the reason for restarts and reloads."""
    keys = {
        each.name: ", ".join(attribute.name for attribute in each.attributes)
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
        if fencing is not None:
            fencing = delay_span(name, description, history) + fencing
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
    """Return the longest time that fencing one of a service's nodes takes."""
    spans = [
        fencing_span(fencing.resource_id(device), fencing.timeout, history)
        for device, fencing in description.fencing.items()
        if not set(nodes).isdisjoint(description.fenced_by(device))
    ]
    return max(spans, key=lambda span: (span.likely or span.limit, span.limit), default=None)
