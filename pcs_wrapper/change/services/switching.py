"""Stopping, starting and restarting a service, or some of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lxml import etree

from cib_templates.cib.administration.for_a_while import with_for_a_while, without_for_a_while
from cib_templates.cib.administration.placement import placements, with_pin
from cib_templates.findings import error
from pcs_wrapper.change.judging.readiness import Readiness, readiness
from pcs_wrapper.change.services import edits
from pcs_wrapper.change.services.moving import end_of_move, taken_out
from pcs_wrapper.change.services.prepared import Prepared, Stage, objections
from pcs_wrapper.change.services.subject import Seen, Subject, find
from pcs_wrapper.errors import NotApplicable
from pcs_wrapper.health import obstacles
from pcs_wrapper.pacemaker.simulation import simulate

NOT_RUNNING = error("restart-of-stopped", "What does not run cannot be restarted.")

_STOPPED = {"target-role": "Stopped"}
_STARTED = {"target-role": "Started"}
# What makes Pacemaker act on a resource for a while that it otherwise leaves alone.
_MANAGED = {"is-managed": "true", "maintenance": "false"}


def stop(seen: Seen, name: str, parts: Sequence[str] = ()) -> Prepared:
    """Find out what it takes to stop a service; nothing is changed.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        parts: The parts of it that shall stop; empty for all.

    Raises:
        UsageError: There is no such service, or no such part.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    subject = find(seen, name, parts)
    planned = Prepared(
        "service stop", subject, subject.words, seen.state, seen.live, wanted="stopped"
    )
    if all(part.disabled and part.role == "Stopped" for part in subject.parts):
        return replace(planned, nothing=f"{subject.words} is stopped already")

    def stopped(cib: etree._Element) -> etree._Element:
        return edits.stopped(cib, subject.ids)

    actions = simulate(seen.machine, seen.live, stopped(seen.live))
    return replace(
        planned,
        stages=(Stage(f"stopping {subject.words}", stopped),),
        readiness=readiness(seen.machine, seen.state, seen.live, stopped(seen.live)),
        actions=actions,
        objections=tuple(objections(subject, seen.state, actions, may_stop=True)),
    )


def start(seen: Seen, name: str, parts: Sequence[str] = ()) -> Prepared:
    """Find out what it takes to start a service, also after it has failed; nothing is changed.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        parts: The parts of it that shall start; empty for all.

    Raises:
        UsageError: There is no such service, or no such part.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    subject = find(seen, name, parts)
    planned = Prepared("service start", subject, subject.words, seen.state, seen.live)
    new = edits.started(seen.live, subject.ids)
    switched_off = any(part.disabled for part in subject.parts)
    active = all(part.nodes and not part.failed for part in subject.parts)
    if active and not switched_off:
        return replace(planned, nothing=f"{subject.words} runs already")
    known = {part.id for part in subject.service.parts}
    failed = any(each.resource.partition(":")[0] in known for each in seen.state.failures)
    planned = replace(planned, cleans_up=failed or not switched_off)
    if not switched_off:
        return planned

    def started(cib: etree._Element) -> etree._Element:
        return edits.started(cib, subject.ids)

    actions = simulate(seen.machine, seen.live, new)
    return replace(
        planned,
        stages=(Stage(f"starting {subject.words}", started),),
        readiness=readiness(seen.machine, seen.state, seen.live, new),
        actions=actions,
        objections=tuple(objections(subject, seen.state, actions)),
    )


def restart(seen: Seen, name: str, parts: Sequence[str] = ()) -> Prepared:
    """Find out what it takes to restart a service, also an unmanaged one; nothing is changed.

    It is stopped for a while: if the command is killed in between, the service is started again
    when that time is over. Meanwhile it is held on its node, where what has stopped would no longer
    be kept by its stickiness.

    Args:
        seen: The cluster as it is.
        name: The service's name.
        parts: The parts of it that shall be restarted; empty for all.

    Raises:
        UsageError: There is no such service, or no such part.
        NotApplicable: It does not run.
        ProgramError: A Pacemaker tool is missing or fails.
    """
    subject = find(seen, name, parts)
    off = [part.id for part in subject.parts if not part.nodes]
    if off:
        raise NotApplicable(
            [
                NOT_RUNNING.at(
                    (name,),
                    f"{', '.join(off)} does not run"
                    + (f": {subject.service.why}" if subject.service.why else ""),
                    f"To start it: takeover service start {name}",
                )
            ]
        )
    ends = end_of_move(seen)
    # What the whole cluster, or a node, leaves alone, it leaves alone all the same.
    left_alone = not seen.state.maintenance and not all(part.managed for part in subject.parts)
    extra = _MANAGED if left_alone else {}
    node = _held_on(seen, subject)

    def held(cib: etree._Element) -> etree._Element:
        return with_pin(cib, name, node, ends) if node else cib

    def stopped(cib: etree._Element) -> etree._Element:
        return with_for_a_while(held(cib), subject.ids, _STOPPED | extra, ends)

    def started(cib: etree._Element) -> etree._Element:
        return with_for_a_while(held(cib), subject.ids, _STARTED | extra, ends)

    def free(cib: etree._Element) -> etree._Element:
        return without_for_a_while(taken_out(cib, name) if node else cib)

    until = ends.strftime("%H:%M:%S")
    title = f"stopping {subject.words}, at the longest until {until} UTC"
    stages = [Stage(title, stopped, until_stopped=True)]
    if left_alone:
        stages.append(Stage(f"starting {subject.words}, which is otherwise unmanaged", started))
    else:
        title = f"starting {subject.words}"
        stages.append(Stage(title, lambda cib: held(without_for_a_while(cib))))
    last = "leaving it unmanaged again" if left_alone else "letting it go"
    if left_alone or node:
        stages.append(Stage(last, free))
    new = stopped(seen.live)
    actions = simulate(seen.machine, seen.live, new)
    ready = readiness(seen.machine, seen.state, seen.live, new)
    if left_alone:
        others = tuple(
            each
            for each in ready.obstacles
            if each.finding.code != obstacles.RESOURCE_UNMANAGED.code
        )
        ready = Readiness(others, ready.is_cure)
    return Prepared(
        "service restart",
        subject,
        subject.words,
        seen.state,
        seen.live,
        tuple(stages),
        node=node,
        ends=ends,
        readiness=ready,
        actions=actions,
        objections=tuple(objections(subject, seen.state, actions, may_stop=True)),
    )


def _held_on(seen: Seen, subject: Subject) -> str:
    """Return the node on which a service is held during its restart; empty if it need not be."""
    now, placed = seen.machine.now(), placements(seen.live, subject.name)
    pinned = any(each.kind == "pin" and not each.has_ended(now) for each in placed)
    nodes = subject.service.nodes
    return "" if pinned or subject.is_clone or len(nodes) != 1 else nodes[0]
