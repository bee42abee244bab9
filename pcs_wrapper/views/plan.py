"""A plan for people, who have perhaps a hundred services, and as data for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

import click

from cib_templates.comparing.diff import AttributeDiff, Diff, ObjectDiff
from cib_templates.forecast.outage import Outage
from pcs_wrapper.change.planning import Forecast, Plan
from pcs_wrapper.change.stopping import stoppable
from pcs_wrapper.pacemaker.simulation import Action

_SIGNS = {"created": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}
_VERBS = {
    "start": "starts",
    "stop": "stops",
    "restart": "restarts",
    "reload": "reloads, and goes on running",
    "move": "moves",
    "fence": "IS FENCED",
}
# So many services are told part by part, or by name; of more, a line each, or their number.
_MANY = 10


def plan_data(planned: Plan) -> dict[str, Any]:
    """Return a plan as data for JSON; times in seconds."""
    return {
        "differences": [difference_data(each) for each in planned.diff.differences],
        "unchanged": list(planned.diff.unchanged),
        "actions": [asdict(action) for action in planned.actions],
        "not_simulated": planned.not_simulated,
        "services": [_forecast_data(each) for each in planned.forecasts],
    }


def difference_data(difference: ObjectDiff) -> dict[str, Any]:
    """Return an object that differs as data for JSON."""
    data = asdict(difference)
    return data | {"facts": data.pop("attributes")}


def plan_text(planned: Plan) -> Iterator[str]:
    """Yield the lines that tell a plan."""
    if not planned.diff:
        yield "nothing to change"
        yield from _over_budget(planned.forecasts)
        return
    yield _headline(planned.diff)
    yield ""
    yield from differences_text(planned.diff)
    yield ""
    if planned.not_simulated:
        yield f"What the cluster then does is not known: {planned.not_simulated}"
    else:
        yield from _actions(planned)
    yield from _removals(planned)
    touched = [each for each in planned.forecasts if each.touched]
    yield from _clients(touched)
    yield from _failures(touched)
    yield from _over_budget([each for each in planned.forecasts if not each.touched])


def _forecast_data(forecast: Forecast) -> dict[str, Any]:
    outages = {
        "interrupted": forecast.interrupted,
        "node_failure": forecast.node_failure,
        "application_failure": forecast.application_failure,
    }
    return {
        "service": forecast.service,
        "touched": forecast.touched,
        "stopped": forecast.stopped,
        **{name: outage and _outage_data(outage) for name, outage in outages.items()},
        "budget": None if forecast.budget is None else forecast.budget.total_seconds(),
        "fits": forecast.fits,
    }


def _outage_data(outage: Outage) -> dict[str, Any]:
    phases = {phase: asdict(span) for phase, span in outage.phases.items()}
    return {"total": asdict(outage.total), "phases": phases}


def _headline(differences: Diff) -> str:
    services = [each for each in differences.differences if each.what == "service"]
    whole = {each.name for each in services if each.change != "changed"}
    counts = {
        "create": sum(each.change == "created" for each in services),
        "change": len({each.service for each in differences.differences if each.service} - whole),
        "remove": sum(each.change == "removed" for each in services),
    }
    told = [f"{count} to {word}" for word, count in counts.items() if count]
    names = differences.unchanged
    few = f" ({', '.join(names)})" if 0 < len(names) <= _MANY else ""
    other = sum(each.service is None for each in differences.differences)
    rest = f"; {other} other difference{'' if other == 1 else 's'}" if other else ""
    return f"services: {', '.join([*told, f'{len(names)} unchanged'])}{few}{rest}"


def differences_text(differences: Diff) -> Iterator[str]:
    """Yield the lines that tell what differs, a service with its parts together."""
    by_service: dict[str, list[ObjectDiff]] = {}
    others = []
    for each in differences.differences:
        if each.service is None:
            others.append(each)
        else:
            by_service.setdefault(each.service, []).append(each)
    whole = [found for found in by_service.values() if _is_whole(found)]
    for name, found in by_service.items():
        if _is_whole(found):
            yield _whole_service(found)
            if found[0].change == "created" and len(whole) <= _MANY:
                for part in found[1:]:
                    yield f"    {part.what} {part.name}: {_what_it_is(part)}"
        else:
            yield f"{_sign('changed')} service {name}"
            for each in found:
                yield from _object(each, "" if each.what == "service" else "    ")
    for each in others:
        yield from _object(each, "")


def _is_whole(found: Sequence[ObjectDiff]) -> bool:
    return found[0].what == "service" and found[0].change != "changed"


def _whole_service(found: Sequence[ObjectDiff]) -> str:
    service, *parts = found
    nodes = next((fact.new for fact in service.attributes if fact.name == "nodes"), None)
    where = f" on {nodes}" if nodes else ""
    names = ", ".join(part.name.removeprefix(f"{service.name}-") for part in parts)
    return f"{_sign(service.change)} service {service.name}{where}: {names}"


def _what_it_is(part: ObjectDiff) -> str:
    """Say what a new part is, without its operations' times."""
    times = ("monitor", "start ", "stop timeout", "meta ")
    facts = [fact for fact in part.attributes if not fact.name.startswith(times)]
    return ", ".join(f"{fact.name} {fact.new}" for fact in facts)


def _object(each: ObjectDiff, indent: str) -> Iterator[str]:
    """Tell of an object that a line is for, and what it says otherwise."""
    title = f"{indent}{_sign(each.change)} {each.what} {each.name}"
    if each.what == "property" and len(each.attributes) == 1:
        yield f"{title}: {_values(each.attributes[0])}"
    elif each.what == "service":
        for fact in each.attributes:
            yield f"    {fact.name}: {_values(fact)}"
    elif each.change == "created":
        yield f"{title}: {_what_it_is(each)}"
    else:
        yield title
        for fact in each.attributes:
            yield f"{indent}    {fact.name}: {_values(fact)}"


def _values(fact: AttributeDiff) -> str:
    if fact.old is None:
        return f"{fact.new}"
    return f"{fact.old} → {'(nothing)' if fact.new is None else fact.new}"


def _sign(change: str) -> str:
    sign, colour = _SIGNS[change]
    return click.style(sign, fg=colour, bold=True)


def _actions(planned: Plan) -> Iterator[str]:
    ours = [action for action in planned.actions if not action.anyway]
    yield "What the cluster then does:" if ours else "The cluster then stops and starts nothing."
    yield from _grouped(planned, ours)
    anyway = [action for action in planned.actions if action.anyway]
    if anyway:
        yield "What it does anyway, without this change:"
        yield from _grouped(planned, anyway)


def _removals(planned: Plan) -> Iterator[str]:
    """Tell how what is removed stops, which the scheduler's answer to the removal alone does not.

    See `stopping`: what has to stop with the removal has neither order nor time limits any more.
    """
    groups = _groups(planned)
    stopping = {action.target for action in planned.actions if action.kind == "stop"}
    first = stoppable(planned.old, planned.new)
    for each in planned.diff.differences:
        removed = each.what == "service" and each.change == "removed"
        if removed and stopping.intersection(groups.get(each.name, ())):
            yield ""
            if each.name in first:
                yield f"{each.name} is stopped first, in order and in its own time, then removed."
            else:
                yield (
                    f"{each.name} is removed while it runs, for something that stays depends on "
                    "it: its parts then stop in any order, with 20 s for each. To stop it in order "
                    "and in its own time, apply it with `enabled = false` first."
                )


def _grouped(planned: Plan, actions: Sequence[Action]) -> Iterator[str]:
    """Tell a service in one line if the same happens to all of its parts."""
    groups = _groups(planned)
    for (service, *_), found in groupby(actions, lambda action: _alike(groups, action)):
        alike = list(found)
        if service and {action.target for action in alike} == set(groups[service]):
            yield f"  {_action(alike[0], service)}"
        else:
            yield from (f"  {_action(action, action.target)}" for action in alike)


def _groups(planned: Plan) -> dict[str, list[str]]:
    """Return the parts of each service, before or after the change."""
    return {
        group.get("id", ""): [member.get("id", "") for member in group.iterfind("primitive")]
        for cib in (planned.old, planned.new)
        for group in cib.iterfind("configuration/resources/group")
    }


def _alike(groups: dict[str, list[str]], action: Action) -> tuple[str, str, str | None, str | None]:
    service = next((name for name, parts in groups.items() if action.target in parts), "")
    return service, action.kind, action.source, action.dest


def _action(action: Action, name: str) -> str:
    verb = _VERBS.get(action.kind, action.word)
    if action.kind == "move":
        where = f" from {action.source} to {action.dest}"
    elif action.kind in ("fence", "other"):
        where = ""
    else:
        where = f" on {action.dest or action.source}"
    colour = {"start": "green", "reload": "green", "fence": "red"}.get(action.kind, "yellow")
    why = f"  ({action.reason})" if action.reason else ""
    return f"{name} {click.style(verb, fg=colour)}{where}{why}"


def _clients(forecasts: Sequence[Forecast]) -> Iterator[str]:
    told = [each for each in forecasts if each.interrupted or each.stopped]
    if told:
        yield ""
        yield "What clients notice:"
    for each in told:
        if each.stopped:
            yield f"  {each.service} is not served any more"
        elif each.interrupted:
            yield f"  {each.service} is not served for {_outage(each.interrupted)}"


def _failures(forecasts: Sequence[Forecast]) -> Iterator[str]:
    if forecasts:
        yield ""
        yield "What a failure will cost them:"
    # Of many, those that somebody has to think about.
    told = [each for each in forecasts if len(forecasts) <= _MANY or each.fits is False]
    for each in told:
        for what, outage in (
            ("node", each.node_failure),
            ("application", each.application_failure),
        ):
            if outage is not None:
                yield f"  {each.service}, {what} fails: {_outage(outage)}{_verdict(each, outage)}"
    if len(told) < len(forecasts):
        rest = len(forecasts) - len(told)
        yield f"  of {rest} more, which no budget speaks against: --json tells"


def _over_budget(forecasts: Sequence[Forecast]) -> Iterator[str]:
    found = [each.service for each in forecasts if each.fits is False]
    if found:
        yield click.style(f"over their budget: {', '.join(found)}", fg="red")


def _outage(outage: Outage) -> str:
    total = outage.total
    if total.likely is None:
        unknown = [phase for phase, span in outage.phases.items() if span.likely is None]
        return f"at most {total.limit:.0f} s ({', '.join(unknown)} never measured yet)"
    phases = ", ".join(f"{phase} {span.likely:.1f}" for phase, span in outage.phases.items())
    return f"about {total.likely:.1f} s ({phases}; {total.source}; at most {total.limit:.0f} s)"


def _verdict(forecast: Forecast, outage: Outage) -> str:
    if forecast.budget is None:
        return ""
    fits = outage.fits(forecast.budget)
    budget = f"budget {forecast.budget.total_seconds():g} s"
    if fits is None:
        return f" — {budget}: not known yet"
    return f" — {budget}: {'fits' if fits else click.style('DOES NOT FIT', fg='red', bold=True)}"
