"""Whether a change did what it should, and hurt nobody: the cluster after it against before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from cib_templates.comparing.changes import ChangedIds
from cib_templates.findings import Finding, FindingKind, error
from pcs_wrapper.change.outages import outage
from pcs_wrapper.health import diagnosis
from pcs_wrapper.pacemaker.crm_mon import ClusterState, FailedAction

# The attributes by which constraints name resources.
_NAMES = ("rsc", "with-rsc", "first", "then")

SERVICE_NOT_SHOWN = error(
    "service-not-shown", "Pacemaker does not show a service that the change should have made."
)
SERVICE_NOT_RUNNING = error(
    "service-not-running", "A service that the change is about does not run, though it should."
)
SERVICE_ON_FORBIDDEN_NODE = error(
    "service-on-forbidden-node", "A service that the change is about runs where it may not."
)
SERVICE_FAILED = error(
    "service-failed", "An action of what the change is about has failed since the change."
)
FENCING_NOT_RUNNING = error(
    "fencing-not-running", "A fencing device does not run, so that it can fence nobody."
)
OTHER_SERVICE_STOPPED = error(
    "other-service-stopped", "A service that the change is not about ran before, and does not now."
)
OTHER_SERVICE_MOVED = error(
    "other-service-moved", "A service that the change is not about was moved to other nodes."
)
OTHER_SERVICE_RESTARTED = error(
    "other-service-restarted", "A service that the change is not about was restarted."
)
OTHER_SERVICE_FAILED = error(
    "other-service-failed",
    "An action of a service that the change is not about has failed since the change.",
)


@dataclass(frozen=True)
class Scope:
    """What a change is about.

    Attributes:
        resources: IDs of the resources that are in no other which it creates, changes, removes,
            or whose constraints it changes.
        outermost: For the ID of any resource, before and after: that of the outermost it is in.
        banned: Resource and node for each place where one may not run afterwards.
        removed: IDs of the resources, outermost and inner, that it removes.
    """

    resources: frozenset[str]
    outermost: dict[str, str]
    banned: frozenset[tuple[str, str]]
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes:
        findings: What is wrong, each with the ID of the resource: first of what the change is
            about, then of what it is not about and has hurt.
    """

    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        return not self.findings

    def sentences(self) -> list[str]:
        """Return what is wrong, a sentence for each resource."""
        return [f"{each.path[0]}: {each.message}" for each in self.findings]


def scope_of(changes: ChangedIds, old: etree._Element, new: etree._Element) -> Scope:
    """Find out which resources a change is about.

    Args:
        changes: What it changes.
        old: The CIB before.
        new: The CIB after.
    """
    changed = {*changes.created, *changes.changed, *changes.removed}
    outermost: dict[str, str] = {}
    present: list[set[str]] = []
    concerned: set[str] = set()
    banned: set[tuple[str, str]] = set()
    for cib in (old, new):
        for resource in cib.iterfind("configuration/resources/*"):
            name = resource.get("id", "")
            outermost |= {inner.get("id", ""): name for inner in resource.iter(etree.Element)}
        inner = cib.iterfind("configuration/resources//*")
        present.append({element.get("id", "") for element in inner})
    for cib in (old, new):
        for constraint in cib.iterfind("configuration/constraints/*"):
            if constraint.get("id") in changed:
                concerned.update(outermost.get(name, name) for name in named(constraint))
    for constraint in new.iterfind("configuration/constraints/rsc_location"):
        if constraint.get("score") == "-INFINITY" and constraint.get("node"):
            name = constraint.get("rsc", "")
            banned.add((outermost.get(name, name), constraint.get("node", "")))
    resources = {outermost[name] for name in changed if name in outermost}
    before, after = present
    return Scope(
        frozenset(resources | concerned), outermost, frozenset(banned), frozenset(before - after)
    )


def named(constraint: etree._Element) -> Iterator[str]:
    """Yield the IDs of the resources that a constraint names."""
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
        if failure.action == "stop" or failure.resource.partition(":")[0] not in scope.removed
    ]


def first_failure(before: ClusterState, after: ClusterState, scope: Scope) -> str:
    """Say which action failed first of the services that a change is about; empty if none did."""
    devices = {part.id for part in after.fencing}
    failed = [
        failure
        for failure in _harmful(before, after, scope)
        if _outermost(failure.resource, scope) in scope.resources
        and failure.resource not in devices
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
        failed.setdefault(_outermost(failure.resource, scope), []).append(failure)
    now = {service.id: service for service in diagnosis.services(after)}
    found: dict[str, Finding] = {}
    for name in services:
        if name in scope.resources:
            unhealthy = _unhealthy(name, now.get(name), scope, failed.get(name, []))
            if unhealthy is not None:
                found[name] = unhealthy
    for name in scope.resources - {*services} - {*diagnosis.stopped_fencing(after)}:
        if name in failed and name not in {part.id for part in after.fencing}:
            found[name] = SERVICE_FAILED.at((name,), "; ".join(diagnosis.describe(failed[name])))
    started = {part.id for part in before.fencing if part.role == "Started"}
    for device, why in diagnosis.stopped_fencing(after).items():
        if device in scope.resources or device in started:
            found[device] = FENCING_NOT_RUNNING.at((device,), f"not running — {why}")
    return Verdict((*found.values(), *hurt_others(before, after, scope)))


def hurt_others(before: ClusterState, after: ClusterState, scope: Scope) -> Iterator[Finding]:
    """Find the services that a change is not about, and that it has stopped, moved or restarted.

    Args:
        before: The cluster before the push.
        after: The cluster afterwards.
        scope: What the change is about.
    """
    failed: dict[str, list[FailedAction]] = {}
    for failure in _harmful(before, after, scope):
        failed.setdefault(_outermost(failure.resource, scope), []).append(failure)
    now = {service.id: service for service in diagnosis.services(after)}
    for service in diagnosis.services(before):
        if service.id not in scope.resources and service.is_running:
            hurt = _hurt(service, now.get(service.id), before, after, failed.get(service.id, []))
            if hurt is not None:
                yield hurt


def _outermost(resource: str, scope: Scope) -> str:
    # A clone's instances have a number behind a colon.
    name = resource.partition(":")[0]
    return scope.outermost.get(name, name)


def _unhealthy(
    name: str, service: diagnosis.Service | None, scope: Scope, failures: list[FailedAction]
) -> Finding | None:
    """Return what is wrong with a service that the change is about."""

    def found(kind: FindingKind, message: str) -> Finding:
        return kind.at((name,), message)

    if service is None:
        return found(SERVICE_NOT_SHOWN, "Pacemaker does not show it")
    failed = "; ".join(diagnosis.describe(failures))
    if service.is_disabled or service.is_paused:
        # What no node runs that is paused or off, the change has not stopped.
        return found(SERVICE_FAILED, failed) if failed else None
    if not service.is_running:
        return found(SERVICE_NOT_RUNNING, f"{service.state} — {failed or service.why}")
    where = ", ".join(service.nodes)
    forbidden = [node for node in service.nodes if (name, node) in scope.banned]
    if forbidden:
        message = f"runs on {', '.join(forbidden)}, where it may not"
        return found(SERVICE_ON_FORBIDDEN_NODE, message)
    return found(SERVICE_FAILED, f"runs on {where}, but {failed}") if failed else None


def _hurt(
    was: diagnosis.Service,
    now: diagnosis.Service | None,
    before: ClusterState,
    after: ClusterState,
    failures: list[FailedAction],
) -> Finding | None:
    """Return how a service that the change is not about was hurt."""
    standby = {node.name for node in before.nodes if node.standby}
    stayed = {
        node.name
        for node in after.nodes
        if node.online and not node.unclean and (not node.standby or node.name in standby)
    }
    if now is None or not stayed.issuperset(was.nodes) or now.is_disabled:
        return None
    served = outage(now, before, after)
    lasting = f"; {served}" if served else ""

    def found(kind: FindingKind, message: str) -> Finding:
        return kind.at((was.id,), message)

    where = ", ".join(was.nodes)
    failed = "; ".join(diagnosis.describe(failures))
    because = f": {failed}" if failed else ""
    if not now.is_running:
        message = f"ran on {where} before, and is {now.state} now: {now.why}{lasting}"
        return found(OTHER_SERVICE_STOPPED, message)
    if set(now.nodes) != set(was.nodes):
        message = f"was moved from {where} to {', '.join(now.nodes)}{because}{lasting}"
        return found(OTHER_SERVICE_MOVED, message)
    restarted = [
        part.id
        for part in now.parts
        if any(
            before.starts.get((part.id, node)) != after.starts.get((part.id, node))
            for node in part.nodes
        )
    ]
    if restarted:
        message = f"was restarted ({', '.join(restarted)}){because}{lasting}"
        return found(OTHER_SERVICE_RESTARTED, message)
    return found(OTHER_SERVICE_FAILED, failed) if failed else None
