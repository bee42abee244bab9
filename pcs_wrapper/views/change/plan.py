"""A plan, as text for users, also with a hundred services, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from cib_templates.comparing.diff import Diff
from cib_templates.forecast.outage import Outage, Span
from pcs_wrapper.change.judging.readiness import Readiness
from pcs_wrapper.change.planning import Forecast, Plan
from pcs_wrapper.change.stopping import stoppable
from pcs_wrapper.health.quorum import losable_nodes, may_be_lost, votes_text
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.pacemaker.simulation import Action
from pcs_wrapper.views.change.differences import difference_record, differences_text
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract.change import plan as contract

_VERBS = {
    "start": "starts",
    "stop": "stops",
    "restart": "restarts",
    "reload": "reloads, and goes on running",
    "move": "moves",
    "fence": "IS FENCED",
}
# The largest number of services that are named, or whose outages are listed; if there are more,
# only their number is shown.
_MANY = 10


def plan_text(planned: Plan) -> Iterator[str]:
    """Yield the lines that describe a plan."""
    if not planned.diff:
        yield "nothing to change"
        yield from _no_quorum_left(planned)
        yield from _over_budget(planned.forecasts)
        return
    yield from _obstacles(planned.readiness)
    yield _headline(planned.diff)
    yield ""
    yield from differences_text(planned.diff)
    yield ""
    if planned.not_simulated:
        unknown = f"It is not known what the cluster then does: {planned.not_simulated}"
        yield from unknown.splitlines()
    else:
        yield from _actions(planned)
    yield from _removals(planned)
    if planned.refused:
        yield ""
        yield style("`takeover apply --adopt` refuses this:", fg="red")
        yield from (f"  {reason}" for reason in planned.refused)
    touched = [each for each in planned.forecasts if each.touched]
    yield from _clients(touched, planned.readiness.until)
    yield from _failures(touched)
    yield from _no_quorum_left(planned)
    yield from _over_budget([each for each in planned.forecasts if not each.touched])


def _headline(differences: Diff) -> str:
    services = [each for each in differences.differences if each.what == "service"]
    new_or_removed = {each.name for each in services if each.change != "changed"}
    counts = {
        "create": sum(each.change == "created" for each in services),
        "change": len(
            {each.service for each in differences.differences if each.service} - new_or_removed
        ),
        "remove": sum(each.change == "removed" for each in services),
    }
    summary = [f"{count} to {word}" for word, count in counts.items() if count]
    unchanged = differences.unchanged
    names = f" ({', '.join(unchanged)})" if 0 < len(unchanged) <= _MANY else ""
    other = sum(each.service is None for each in differences.differences)
    rest = f"; {other} other difference{'' if other == 1 else 's'}" if other else ""
    return f"services: {', '.join([*summary, f'{len(unchanged)} unchanged'])}{names}{rest}"


def _actions(planned: Plan) -> Iterator[str]:
    ours = [action for action in planned.actions if not action.anyway]
    yield "What the cluster then does:" if ours else "The cluster then stops and starts nothing."
    yield from _grouped(planned, ours)
    anyway = [action for action in planned.actions if action.anyway]
    if anyway:
        yield "What the cluster does anyway, without this change:"
        yield from _grouped(planned, anyway)


def _removals(planned: Plan) -> Iterator[str]:
    """Yield how removed services stop, which the scheduler's answer does not show.

    A resource that is removed while it runs stops without its order and time limits (`stopping`).
    """
    groups = _groups(planned)
    stopping = {action.target for action in planned.actions if action.kind == "stop"}
    stopped_before = stoppable(planned.old, planned.new)
    for each in planned.diff.differences:
        removed = each.what == "service" and each.change == "removed"
        if removed and stopping.intersection(groups.get(each.name, ())):
            yield ""
            if each.name in stopped_before:
                yield (
                    f"{each.name} is stopped first, in order and with its own time limits, then "
                    "removed."
                )
            else:
                yield (
                    f"{each.name} is removed while it runs, because something that stays depends "
                    "on it: its parts then stop in any order, with 20 s for each. To stop it in "
                    "order and with its own time limits, apply it with `enabled = false` first."
                )


def _grouped(planned: Plan, actions: Sequence[Action]) -> Iterator[str]:
    """Yield a line for each action, or for each service of which all parts have the same action."""
    groups = _groups(planned)
    for (service, *_), found in groupby(actions, lambda action: _alike(groups, action)):
        alike = list(found)
        if service and {action.target for action in alike} == set(groups[service]):
            yield f"  {action_text(alike[0], service)}"
        else:
            yield from (f"  {action_text(action, action.target)}" for action in alike)


def _groups(planned: Plan) -> dict[str, list[str]]:
    """Return the parts of each service, before or after the change."""
    groups = {}
    for cib in (planned.old, planned.new):
        for single in cib.iterfind("configuration/resources/primitive"):
            groups[single.get("id", "")] = [single.get("id", "")]
        for group in cib.iterfind("configuration/resources/group"):
            members = [member.get("id", "") for member in group.iterfind("primitive")]
            groups[group.get("id", "")] = members
    return groups


def _alike(groups: dict[str, list[str]], action: Action) -> tuple[str, str, str | None, str | None]:
    service = next((name for name, parts in groups.items() if action.target in parts), "")
    return service, action.kind, action.source, action.dest


def action_text(action: Action, name: str) -> str:
    """Return a line about an action of the cluster.

    Args:
        action: The action.
        name: What it is on: a resource, several with the same action, or a node.
    """
    verb = _VERBS.get(action.kind, action.word)
    if action.kind == "move":
        where = f" from {action.source} to {action.dest}"
    elif action.kind in ("fence", "other"):
        where = ""
    else:
        where = f" on {action.dest or action.source}"
    colour = {"start": "green", "reload": "green", "fence": "red"}.get(action.kind, "yellow")
    reason = f"  ({action.reason})" if action.reason else ""
    return f"{name} {style(verb, fg=colour)}{where}{reason}"


def _obstacles(found: Readiness) -> Iterator[str]:
    if not found.obstacles:
        return
    yield style("The cluster cannot carry this out now:", fg="red", bold=True)
    for finding in found.findings:
        yield f"  {finding.message}. {finding.hint}"
    if found.is_cure:
        yield "apply makes this change all the same, because it is about nothing else."
    else:
        yield "apply refuses this change until then, unless --even-so is given."
    yield ""


def _clients(forecasts: Sequence[Forecast], until: str) -> Iterator[str]:
    """Yield what clients notice.

    Args:
        forecasts: The forecasts of the services that the plan touches.
        until: When nothing holds the cluster up any more; empty if nothing does now.
    """
    affected = [each for each in forecasts if each.interrupted or each.stopped]
    if affected:
        yield ""
        yield "What clients notice:"
    for each in affected:
        if each.stopped:
            yield f"  {each.service} is not served any more"
        elif each.interrupted:
            outage = outage_text(each.interrupted)
            if until:
                yield f"  {each.service} may not be served until {until}, and then for {outage}"
            else:
                yield f"  {each.service} is not served for {outage}"


def _failures(forecasts: Sequence[Forecast]) -> Iterator[str]:
    if forecasts:
        yield ""
        yield "What a failure will cost clients:"
    # If there are many services, only those that exceed their budget are shown.
    shown = [each for each in forecasts if len(forecasts) <= _MANY or each.fits is False]
    for each in shown:
        for failing, outage in (
            ("node", each.node_failure),
            ("application", each.application_failure),
        ):
            if outage is not None:
                verdict = _verdict(each, outage)
                yield f"  {each.service}, {failing} fails: {outage_text(outage)}{verdict}"
    if len(shown) < len(forecasts):
        rest = len(forecasts) - len(shown)
        yield f"  {rest} more services, of which none is known to exceed a budget: see --json"


def _no_quorum_left(planned: Plan) -> Iterator[str]:
    """Yield what is as important as the times: that nobody would take over now."""
    votes = planned.votes
    if votes is not None and not losable_nodes(votes):
        warning = f"Nobody takes over from a node that fails now: {may_be_lost(votes)} "
        yield style(f"{warning}(votes: {votes_text(votes)})", fg="red")


def _over_budget(forecasts: Sequence[Forecast]) -> Iterator[str]:
    exceeding = [each.service for each in forecasts if each.fits is False]
    if exceeding:
        yield style(f"over their budget: {', '.join(exceeding)}", fg="red")


def outage_text(outage: Outage) -> str:
    """Return an outage in words, with its phases."""
    total = outage.total
    if total.likely is None:
        unknown = [phase for phase, span in outage.phases.items() if span.likely is None]
        return f"at most {total.limit:.0f} s ({', '.join(unknown)} not measured yet)"
    phases = ", ".join(f"{phase} {span.likely:.1f}" for phase, span in outage.phases.items())
    return f"about {total.likely:.1f} s ({phases}; {total.source}; at most {total.limit:.0f} s)"


def _verdict(forecast: Forecast, outage: Outage) -> str:
    if forecast.budget is None:
        return ""
    fits = outage.fits(forecast.budget)
    budget = f"budget {forecast.budget.total_seconds():g} s"
    if fits is None:
        return f" — {budget}: not known yet"
    return f" — {budget}: {'fits' if fits else style('DOES NOT FIT', fg='red', bold=True)}"


def plan_json(planned: Plan) -> str:
    """Return a plan as JSON, with times in seconds, rounded to milliseconds."""
    from pcs_wrapper.views.contract.change import plan as contract

    return output_json(
        contract.Plan(
            differences=[difference_record(each) for each in planned.diff.differences],
            unchanged=planned.diff.unchanged,
            actions=[action_record(action) for action in planned.actions],
            not_simulated=planned.not_simulated,
            obstacles=finding_records(planned.readiness.findings),
            adoption_refused=planned.refused,
            services=[
                contract.Forecast(
                    service=each.service,
                    touched=each.touched,
                    stopped=each.stopped,
                    interrupted=outage_record(each.interrupted),
                    node_failure=outage_record(each.node_failure),
                    application_failure=outage_record(each.application_failure),
                    budget=None if each.budget is None else each.budget.total_seconds(),
                    fits=each.fits,
                )
                for each in planned.forecasts
            ],
            findings=finding_records(planned.findings),
        )
    )


def action_record(action: Action) -> contract.Action:
    """Return an action of the cluster, as a part of an output."""
    from pcs_wrapper.views.contract.change import plan as contract

    return contract.Action(
        kind=action.kind,
        target=action.target,
        source=action.source,
        dest=action.dest,
        reason=action.reason,
        word=action.word,
        anyway=action.anyway,
    )


def outage_record(outage: Outage | None) -> contract.Outage | None:
    """Return an outage, as a part of an output."""
    from pcs_wrapper.views.contract.change import plan as contract

    def record(span: Span) -> contract.Span:
        likely = None if span.likely is None else round(span.likely, 3)
        return contract.Span(likely=likely, limit=round(span.limit, 3), source=span.source)

    if outage is None:
        return None
    return contract.Outage(
        total=record(outage.total),
        phases={phase: record(span) for phase, span in outage.phases.items()},
    )
