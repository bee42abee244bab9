"""Services as Pacemaker resources: a group, a clone of it, or a group on a mirrored disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import seconds
from cib_templates.cib.nvset import nvset, pairs_of
from cib_templates.model.description import Description
from cib_templates.model.services import Mirror, Service
from cib_templates.rendering.primitives import primitive, resource
from cib_templates.rendering.priorities import default_priority

SERVICE_META = {
    # Far more than a preference's score: a service stays where it runs, because a second
    # interruption for the sake of the preferred node is one too many. Finite, so that
    # `pcs resource move` still moves it.
    "resource-stickiness": "1000",
    # An application that goes on failing here within failure-timeout goes to another node: two
    # restarts cure most failures, and a move costs more than a restart. Five, because Pacemaker
    # 2.1.5 counts a failure that was told twice (ClusterLabs/pacemaker#2947), and once more if a
    # monitor found it, too: the first one shall be a restart in any case.
    "migration-threshold": "5",
    # After this time without a failure, a node is as good as any other again.
    "failure-timeout": "600s",
}

# Of services that are kept apart. Where Pacemaker places one before another, it takes the other's
# wish to stay into account by the share that the colocation's score has of INFINITY: a hundredth,
# which must still be more than any node is preferred to another (lib/pacemaker's "colocation
# dependents").
APART_STICKINESS = "50000"

MIRROR_INTERVAL = timedelta(seconds=20)
# The times that ocf:linbit:drbd advertises: connecting to a peer that is away takes long.
_MIRROR_TIMEOUTS = {
    "start": "240s",
    "promote": "90s",
    "demote": "90s",
    "notify": "90s",
    "stop": "100s",
}
_MIRROR_MONITOR_TIMEOUT = "30s"


def service_resources(description: Description) -> list[etree._Element]:
    """Return each service's resources: its parts run together and start in order."""
    elements = []
    default = default_priority(description)
    for name, described in description.services.items():
        service = described
        if service.priority is None:
            service = service.model_copy(update={"priority": default})
        if service.mirror is not None:
            elements.append(_mirror(name, service.mirror, copies=len(service.nodes)))
        if service.pattern == "everywhere":
            elements.append(_everywhere(name, service))
        elif service.is_one_resource(name):
            elements.append(_one_resource(name, service))
        else:
            elements.append(_group(name, name, service, meta=_meta(name, service)))
    return elements


def _group(identity: str, name: str, service: Service, meta: dict[str, str]) -> etree._Element:
    group = etree.Element("group", id=identity)
    parts = service.parts()
    main = main_part(service)
    for index, (kind, part) in enumerate(parts):
        # Only a primitive has a utilization; a group needs what its members need together.
        whole = service.utilization if index == main else {}
        group.append(primitive(name, kind, part, utilization={**whole, **part.utilization}))
    group.append(nvset("meta_attributes", f"{identity}-meta_attributes", meta))
    return group


def _one_resource(name: str, service: Service) -> etree._Element:
    """Return the only part of a service, which is the service itself."""
    [(kind, part)] = service.parts()
    element = primitive(name, kind, part, utilization={**service.utilization, **part.utilization})
    of_part = pairs_of(element, "meta_attributes")
    of_service = _meta(name, service)
    sets = {*of_part.get(ids.SETS, "").split(), *of_service.get(ids.SETS, "").split()}
    meta = of_part | of_service | ({ids.SETS: " ".join(sorted(sets))} if sets else {})
    [present] = element.iterfind("meta_attributes")
    element.replace(present, nvset("meta_attributes", f"{name}-meta_attributes", meta))
    return element


def main_part(service: Service) -> int:
    """Return the place, among a service's parts, of the one that stands for the whole."""
    kinds = [kind for kind, _ in service.parts()]
    return kinds.index("app") if "app" in kinds else 0


def stickiness(service: Service) -> str:
    """Return the score with which a service stays where it runs."""
    if service.failback:
        return "0"
    if service.stickiness is not None:
        return str(service.stickiness)
    if service.pattern in ids.PATTERNS_APART:
        return APART_STICKINESS
    return SERVICE_META["resource-stickiness"]


def _meta(name: str, service: Service) -> dict[str, str]:
    """Return a service's meta attributes (Pacemaker Explained, "Resource Meta-Attributes")."""
    given = {
        "resource-stickiness": stickiness(service),
        "migration-threshold": _text(service.migration_threshold),
        "failure-timeout": service.failure_timeout and seconds(service.failure_timeout),
    }
    more = {
        "priority": _text(service.priority),
        "maintenance": _boolean(service.maintenance),
        "target-role": {True: "Started", False: "Stopped", None: None}[service.enabled],
    }
    meta = SERVICE_META | {key: value for key, value in given.items() if value}
    extra = {key: value for key, value in more.items() if value}
    return marked(f"services.{name}", extra, always=meta)


def marked(
    mark: str, extra: dict[str, str], always: dict[str, str] | None = None
) -> dict[str, str]:
    """Return a resource's meta attributes with Takeover's mark.

    Args:
        mark: Path of the table of the description that it comes from.
        extra: Those that go again when the description no longer has them.
        always: Those that every such resource has.
    """
    sets = {ids.SETS: " ".join(sorted(extra))} if extra else {}
    return {ids.MARK: mark} | (always or {}) | extra | sets


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _boolean(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _everywhere(name: str, service: Service) -> etree._Element:
    """Return a clone of the service's group.

    The clone has the service's name, so that this is what constraints and `pcs resource` name, as
    with the other patterns.
    """
    clone = etree.Element("clone", id=name)
    inner = ids.copy_id(name)
    clone.append(_group(inner, name, service, meta={ids.MARK: f"services.{name}"}))
    meta = _meta(name, service)
    extra = {
        # Not as many as there are nodes: a copy that may run nowhere would be one that is missing.
        "clone-max": str(len(service.nodes)),
        "clone-node-max": "1",
        # A copy waits for what it needs on its own node only.
        "interleave": "true",
    }
    sets = " ".join(sorted([*extra, *meta.get(ids.SETS, "").split()]))
    meta |= extra | {ids.SETS: sets}
    clone.append(nvset("meta_attributes", f"{name}-meta_attributes", meta))
    return clone


def _mirror(name: str, mirror: Mirror, copies: int) -> etree._Element:
    """Return the promotable clone of a DRBD resource (ocf:linbit:drbd)."""
    identity = ids.disk_id(name)
    mark = f"services.{name}.mirror"
    clone = etree.Element("clone", id=ids.mirror_id(name))
    parameters = {"drbd_resource": mirror.resource}
    disk = resource(identity, "ocf:linbit:drbd", parameters, {ids.MARK: mark})
    operations = etree.SubElement(disk, "operations")
    for operation in _mirror_operations(identity, mirror.monitor or MIRROR_INTERVAL):
        operations.append(operation)
    clone.append(disk)
    extra = {
        "promotable": "true",
        "promoted-max": "1",
        "promoted-node-max": "1",
        "clone-max": str(copies),
        "clone-node-max": "1",
        # The agent makes the two nodes agree on which data is the newer by notifications.
        "notify": "true",
    }
    meta = marked(mark, extra)
    clone.append(nvset("meta_attributes", f"{ids.mirror_id(name)}-meta_attributes", meta))
    return clone


def _mirror_operations(identity: str, interval: timedelta) -> Iterator[etree._Element]:
    # Two monitors of one resource need different intervals (Pacemaker Explained, "Monitoring
    # Promotable Clones").
    for role, every in (("Promoted", interval), ("Unpromoted", interval + timedelta(seconds=1))):
        yield etree.Element(
            "op",
            id=f"{identity}-monitor-interval-{seconds(every)}",
            name="monitor",
            interval=seconds(every),
            role=role,
            timeout=_MIRROR_MONITOR_TIMEOUT,
        )
    for name, timeout in _MIRROR_TIMEOUTS.items():
        yield etree.Element(
            "op", id=f"{identity}-{name}-interval-0s", name=name, interval="0s", timeout=timeout
        )
