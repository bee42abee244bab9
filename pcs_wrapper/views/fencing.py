"""What can fence each node, and what was fenced: as text for users and as JSON for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cib_templates.findings import Severity
from pcs_wrapper.fencing.asking import Answer
from pcs_wrapper.fencing.attempts import Attempt
from pcs_wrapper.fencing.overview import Fenceable, Monitor, Overview, Standing
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json
from pcs_wrapper.views.state import stopped_text

if TYPE_CHECKING:
    from pcs_wrapper.views.contract import fencing as contract


def overview_text(found: Overview) -> Iterator[str]:
    """Yield the lines about what can fence each node, and first what is not well."""
    for finding in found.findings:
        word = "warning" if finding.severity is Severity.WARNING else "NOT WELL"
        yield f"{_bad(word)}: {finding.sentence}"
    yield "nodes:"
    for node in found.nodes:
        yield from _node_text(node)
    yield "fencing devices:"
    for device in found.devices:
        yield from _device_text(device)
    if not found.devices:
        yield f"  {_bad('none')}"


def _node_text(found: Fenceable) -> Iterator[str]:
    node = found.node
    state = node.state if node.state == "online" else _bad(node.state)
    yield f"  {node.name} ({state}): {_order_text(found)}"
    for answer in found.answers:
        yield f"    {_answer_text(answer)}"
    if found.last is None:
        yield "    never fenced, as far as the cluster remembers"
    else:
        yield f"    last: {attempt_text(found.last)}"


def _order_text(found: Fenceable) -> str:
    names = [order_text([together]) for together in found.order]
    if found.has_levels:
        names = [f"level {number}: {name}" for number, name in enumerate(names, 1)]
    if found.watchdog:
        names.append("its own watchdog (SBD)")
    return ", else ".join(names) or _bad("nothing can fence it")


def order_text(order: Sequence[Sequence[str]]) -> str:
    """Return what is tried to fence a node, in its order, in a clause."""
    return ", else ".join(" and ".join(together) for together in order)


def _answer_text(answer: Answer) -> str:
    named = "" if answer.plug == answer.node else f" (plug {answer.plug})"
    if answer.power == "unknown":
        return f"{answer.device}{named}: {_bad('not known')} whether it is on — {answer.reason}"
    return f"{answer.device}{named}: says that it is {answer.power}"


def _device_text(found: Standing) -> Iterator[str]:
    name = f"{found.device.id} ({found.device.agent})"
    if found.nodes:
        yield f"  {name}: runs on {', '.join(found.nodes)}"
    else:
        yield f"  {stopped_text(name, found.why)}"
    yield f"    monitor: {_monitor_text(found.monitor)}"
    if found.last is not None:
        yield f"    last: {attempt_text(found.last)}"


def _monitor_text(monitor: Monitor) -> str:
    if monitor.health == "never":
        return "none yet"
    when = datetime.fromtimestamp(monitor.since, UTC).isoformat(sep=" ").replace("+00:00", "Z")
    if monitor.health == "well":
        return f"well since {when} (on {monitor.node})"
    return f"{_bad('failed')} at {when} on {monitor.node}: {monitor.reason or 'no reason given'}"


def history_text(attempts: Sequence[Attempt], *, since: str) -> Iterator[str]:
    """Yield a line for each attempt to fence a node, and one for its reason.

    Args:
        attempts: The attempts, the newest first.
        since: What the user gave for --since; empty if nothing.
    """
    if not attempts:
        ago = f" since {since}" if since else ""
        yield f"no node was fenced{ago}, as far as the cluster remembers"
    yield from map(attempt_text, attempts)


def attempt_text(attempt: Attempt) -> str:
    """Return a line about an attempt to fence a node."""
    when = re.sub(r"\.\d+", "", attempt.at) or "now"
    asked = f"asked by {attempt.by}{f' on {attempt.origin}' if attempt.origin else ''}"
    if attempt.confirmed:
        return f"{when}  {attempt.node}: confirmed to be off by a human, nothing was switched"
    how = [asked, *_by(attempt)]
    if attempt.seconds is not None:
        how.append(f"took {attempt.seconds:.1f} s")
    words = {"success": "done", "failed": _bad("FAILED"), "pending": "under way"}
    result = words.get(attempt.result, attempt.result)
    reason = f": {attempt.reason}" if attempt.reason else ""
    return f"{when}  {attempt.node}: {attempt.action} {result} ({', '.join(how)}){reason}"


def _by(attempt: Attempt) -> Iterator[str]:
    where = f" on {attempt.delegate}" if attempt.delegate else ""
    if attempt.devices:
        joint = " and " if attempt.is_certain else " or "
        yield f"by {joint.join(attempt.devices)}{where}"
    elif where:
        yield f"by a device{where}"


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)


def history_json(attempts: Sequence[Attempt]) -> str:
    """Return the attempts to fence nodes as JSON."""
    from pcs_wrapper.views.contract import fencing as contract

    return output_json(contract.FenceHistory(attempts=[_attempt_record(a) for a in attempts]))


def overview_json(found: Overview) -> str:
    """Return what can fence each node as JSON."""
    from pcs_wrapper.views.contract import fencing as contract

    return output_json(
        contract.FenceList(
            nodes=[
                contract.FencedNode(
                    name=each.node.name,
                    state=each.node.state,
                    levels=each.has_levels,
                    order=each.order,
                    watchdog=each.watchdog,
                    plugs=[
                        contract.PlugAnswer(
                            device=answer.device,
                            plug=answer.plug,
                            power=answer.power,
                            reason=answer.reason,
                        )
                        for answer in each.answers
                    ],
                    last=None if each.last is None else _attempt_record(each.last),
                )
                for each in found.nodes
            ],
            devices=[
                contract.FencingDevice(
                    id=each.device.id,
                    agent=each.device.agent,
                    nodes=each.nodes,
                    why=each.why,
                    monitor=contract.FencingMonitor(
                        health=each.monitor.health,
                        since=each.monitor.since,
                        node=each.monitor.node,
                        reason=each.monitor.reason,
                    ),
                    last=None if each.last is None else _attempt_record(each.last),
                )
                for each in found.devices
            ],
            findings=finding_records(found.findings),
        )
    )


def _attempt_record(attempt: Attempt) -> contract.Attempt:
    from pcs_wrapper.views.contract import fencing as contract

    return contract.Attempt(
        node=attempt.node,
        action=attempt.action,
        result=attempt.result,
        confirmed=attempt.confirmed,
        by=attempt.by,
        origin=attempt.origin,
        delegate=attempt.delegate,
        devices=attempt.devices,
        certain=attempt.is_certain,
        seconds=attempt.seconds,
        reason=attempt.reason,
        at=attempt.at,
    )
