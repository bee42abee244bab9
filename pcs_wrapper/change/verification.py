"""Whether a change did what it should, and hurt nobody: the cluster after it against before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from cib_templates.comparing.changes import ChangedIds
from pcs_wrapper.health import diagnosis
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FailedAction

# The attributes by which constraints name resources.
_NAMES = ("rsc", "with-rsc", "first", "then")


@dataclass(frozen=True)
class Scope:
    """What a change is about.

    Attributes:
        resources: IDs of the resources that are in no other which it creates, changes, removes,
            or whose constraints it changes.
        tops: For the ID of any resource, before and after: that of the outermost it is in.
        banned: Resource and node for each place where one may not run afterwards.
        gone: IDs of the resources, outermost and inner, that it removes.
    """

    resources: frozenset[str]
    tops: dict[str, str]
    banned: frozenset[tuple[str, str]]
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        unhealthy: What the change is about and is not as it should be: ID and why.
        hurt: What the change is not about, and suffered: ID and how.
    """

    unhealthy: dict[str, str]
    hurt: dict[str, str]

    def __bool__(self) -> bool:
        return not (self.unhealthy or self.hurt)

    def sentences(self) -> list[str]:
        """Say what is wrong."""
        return [f"{name}: {why}" for name, why in (self.unhealthy | self.hurt).items()]


def scope_of(changes: ChangedIds, old: etree._Element, new: etree._Element) -> Scope:
    """Find out which resources a change is about.

    Args:
        changes: What it changes.
        old: The CIB before.
        new: The CIB after.
    """
    changed = {*changes.created, *changes.changed, *changes.removed}
    tops: dict[str, str] = {}
    present: list[set[str]] = []
    concerned: set[str] = set()
    banned: set[tuple[str, str]] = set()
    for cib in (old, new):
        for top in cib.iterfind("configuration/resources/*"):
            name = top.get("id", "")
            tops |= {inner.get("id", ""): name for inner in top.iter(etree.Element)}
        inner = cib.iterfind("configuration/resources//*")
        present.append({element.get("id", "") for element in inner})
    for cib in (old, new):
        for constraint in cib.iterfind("configuration/constraints/*"):
            if constraint.get("id") in changed:
                concerned.update(tops.get(name, name) for name in _named(constraint))
    for constraint in new.iterfind("configuration/constraints/rsc_location"):
        if constraint.get("score") == "-INFINITY" and constraint.get("node"):
            resource = constraint.get("rsc", "")
            banned.add((tops.get(resource, resource), constraint.get("node", "")))
    resources = {tops[name] for name in changed if name in tops}
    before, after = present
    return Scope(
        frozenset(resources | concerned), tops, frozenset(banned), frozenset(before - after)
    )


def _named(constraint: etree._Element) -> Iterator[str]:
    for element in constraint.iter(etree.Element):
        yield from (str(element.get(name)) for name in _NAMES if element.get(name))
        if element.tag == "resource_ref":
            yield element.get("id", "")


def new_failures(before: ClusterState, after: ClusterState) -> list[FailedAction]:
    """Return the actions that have failed since."""
    known = {(failure.resource, failure.node, failure.at) for failure in before.failures}
    return [
        failure
        for failure in after.failures
        if (failure.resource, failure.node, failure.at) not in known
    ]


def _harmful(before: ClusterState, after: ClusterState, scope: Scope) -> list[FailedAction]:
    """Return the new failures, but for those of what is being removed.

    Pacemaker stops what has left the configuration in any order: an application may lose its
    filesystem, and be told to have failed. Only a stop that fails leaves something behind.
    """
    return [
        failure
        for failure in new_failures(before, after)
        if failure.action == "stop" or failure.resource.partition(":")[0] not in scope.gone
    ]


def first_failure(before: ClusterState, after: ClusterState, scope: Scope) -> str:
    """Say which action failed first of the services that a change is about; empty if none did."""
    devices = {part.id for part in after.fencing}
    failed = [
        failure
        for failure in _harmful(before, after, scope)
        if _top(failure.resource, scope) in scope.resources and failure.resource not in devices
    ]
    return "; ".join(diagnosis.describe(failed[:1]))


def verify(
    before: ClusterState, after: ClusterState, scope: Scope, services: tuple[str, ...]
) -> Verdict:
    """Compare the cluster after a change with before it.

    A service is healthy when it runs where it may and nothing of it has failed since; one that is
    disabled need not run. What the change is not about must run where it ran, and must not have
    been restarted. A node that failed meanwhile is not the change's doing, nor what moved from it.

    Args:
        before: The cluster before the push.
        after: The cluster when it had settled.
        scope: What the change is about.
        services: IDs of the services that should run.
    """
    failed: dict[str, list[FailedAction]] = {}
    for failure in _harmful(before, after, scope):
        failed.setdefault(_top(failure.resource, scope), []).append(failure)
    was = {service.id: service for service in diagnosis.services(before)}
    now = {service.id: service for service in diagnosis.services(after)}
    unhealthy = {}
    for name in services:
        if name in scope.resources:
            why = _unhealthy(name, now.get(name), scope, failed.get(name, []))
            if why:
                unhealthy[name] = why
    for name in scope.resources - {*services} - {*diagnosis.stopped_fencing(after)}:
        if name in failed and name not in {part.id for part in after.fencing}:
            unhealthy[name] = "; ".join(diagnosis.describe(failed[name]))
    started = {part.id for part in before.fencing if part.role == "Started"}
    for device, why in diagnosis.stopped_fencing(after).items():
        if device in scope.resources or device in started:
            unhealthy[device] = f"not running — {why}"
    hurt = {}
    for name, service in was.items():
        if name not in scope.resources and service.is_running:
            how = _hurt(service, now.get(name), before, after, failed.get(name, []))
            if how:
                hurt[name] = how
    return Verdict(unhealthy, hurt)


def _top(resource: str, scope: Scope) -> str:
    # A clone's instances have a number behind a colon.
    name = resource.partition(":")[0]
    return scope.tops.get(name, name)


def _unhealthy(
    name: str, service: diagnosis.Service | None, scope: Scope, failures: list[FailedAction]
) -> str:
    if service is None:
        return "Pacemaker does not show it"
    failed = "; ".join(diagnosis.describe(failures))
    if service.is_disabled:
        return failed
    if not service.is_running:
        return f"{service.state} — {failed or service.why}"
    forbidden = [node for node in service.nodes if (name, node) in scope.banned]
    if forbidden:
        return f"runs on {', '.join(forbidden)}, where it may not"
    return f"runs on {', '.join(service.nodes)}, but {failed}" if failed else ""


def _hurt(
    was: diagnosis.Service,
    now: diagnosis.Service | None,
    before: ClusterState,
    after: ClusterState,
    failures: list[FailedAction],
) -> str:
    online = {node.name for node in after.nodes if node.online and not node.unclean}
    if now is None or not online.issuperset(was.nodes) or now.is_disabled:
        return ""
    where = ", ".join(was.nodes)
    failed = "; ".join(diagnosis.describe(failures))
    if not now.is_running:
        return f"ran on {where} before, and is {now.state} now: {now.why}"
    if set(now.nodes) != set(was.nodes):
        return f"was moved from {where} to {', '.join(now.nodes)}{f': {failed}' if failed else ''}"
    restarted = [
        part.id
        for part in now.parts
        if any(
            before.starts.get((part.id, node)) != after.starts.get((part.id, node))
            for node in part.nodes
        )
    ]
    if restarted:
        return f"was restarted ({', '.join(restarted)}){f': {failed}' if failed else ''}"
    return failed
