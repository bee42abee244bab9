"""Reading the state of the cluster from `crm_mon --output-as=xml`, never from its text output.

The elements are those of the schemas api/crm_mon-*.rng of Pacemaker 2.1 and 3.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from xml.sax.saxutils import unescape

from lxml import etree

from cib_templates.cib.text import NotXml, parse
from pcs_wrapper.errors import ClusterUnreachable, CommandFailed
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker.votes import Votes

# CRM_EX_DISCONNECT and CRM_EX_UNAVAILABLE of crm_error(8): no Pacemaker answers on this machine.
_DISCONNECTED = 102
_UNREACHABLE = (_DISCONNECTED, 69)
_TIMEOUT = 30.0
# What the property is called, and by newer versions of Pacemaker.
_FENCING_ENABLED = ("stonith-enabled", "fencing-enabled")
# CRM_EX_INSUFFICIENT_PRIV.
_NOT_ALLOWED = 4
# How crm_mon writes -INFINITY, and times before Pacemaker 2.1.
_NEVER = "-1000000"
_CTIME = "%a %b %d %H:%M:%S %Y"
# What is a resource there; a newer Pacemaker may tell of something else, too.
_RESOURCES = ("resource", "group", "clone", "bundle")
#: How the ID of a survey begins (survey.py), which is there for a moment, and is no service.
SURVEY = "takeover-survey-"


@dataclass(frozen=True)
class Node:
    """A cluster node.

    Attributes:
        name: The node's name.
        online: Whether it is a member of the cluster.
        unclean: Whether it must be fenced before the cluster does anything else.
        standby: Whether it may not run resources.
        maintenance: Whether Pacemaker leaves its resources alone.
        pending: Whether it is joining the cluster.
        shutdown: Whether Pacemaker is shutting down on it.
        remote: Whether it is a remote or guest node, which Corosync does not know.
        sick: Whether its health is red, so that it may be kept from running resources.
        number: The ID that Corosync knows it by; may be empty.
        standby_on_fail: Whether it is in standby because an action with `on-fail=standby` failed.
        feature_set: The feature set of its Pacemaker; empty if it is not known.
    """

    name: str
    online: bool
    unclean: bool
    standby: bool
    maintenance: bool
    pending: bool
    shutdown: bool = False
    remote: bool = False
    sick: bool = False
    number: str = ""
    standby_on_fail: bool = False
    feature_set: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether Pacemaker starts resources on it, if no constraint keeps them off."""
        paused = self.standby or self.maintenance or self.pending
        return self.online and not (self.unclean or paused or self.sick)

    @property
    def state(self) -> str:
        """The state in Pacemaker's words, such as `online` or `UNCLEAN (offline)`."""
        if self.unclean:
            return f"UNCLEAN ({'online' if self.online else 'offline'})"
        if self.pending:
            return "pending"
        if not self.online:
            return "OFFLINE"
        if self.maintenance:
            return "maintenance"
        return "standby" if self.standby else "online"


@dataclass(frozen=True)
class Part:
    """A primitive.

    Attributes:
        id: The resource's ID.
        agent: Its resource agent, such as `ocf:takeover:app`.
        role: Its role: Started, Stopped, Starting, Promoted and so on.
        nodes: The nodes on which it is active.
        failed: Whether its last action failed.
        blocked: Whether Pacemaker can do nothing with it until an administrator acts.
        managed: Whether Pacemaker starts and stops it.
        disabled: Whether its target role is Stopped.
    """

    id: str
    agent: str
    role: str
    nodes: tuple[str, ...]
    failed: bool
    blocked: bool
    managed: bool
    disabled: bool


@dataclass(frozen=True)
class Resource:
    """An outermost resource: a group, a clone, or a single primitive.

    Attributes:
        id: The resource's ID.
        parts: The primitives in it, in their order.
        copies: The primitives of each copy of a clone; empty if it is no clone.
    """

    id: str
    parts: tuple[Part, ...]
    copies: tuple[tuple[Part, ...], ...] = ()

    @property
    def is_fencing(self) -> bool:
        """Whether it is a fencing device."""
        return any(part.agent.startswith("stonith:") for part in self.parts)


@dataclass(frozen=True)
class FailedAction:
    """An action of a resource that failed.

    Attributes:
        resource: The resource's ID.
        action: The action: start, stop, monitor and so on.
        node: The node on which it failed.
        reason: The agent's exit reason, or else the meaning of its exit code.
        at: The time of the failure, as Pacemaker writes it.
    """

    resource: str
    action: str
    node: str
    reason: str
    at: str


@dataclass(frozen=True)
class FencingEvent:
    """An attempt to fence a node.

    Attributes:
        target: The name of the node.
        action: The action: reboot, off or on.
        status: The result: success, failed or pending.
        reason: The reason for the failure; may be empty.
        delegate: The node that ran the fence agent; empty if that is not known.
        at: The time at which it ended, as Pacemaker writes it; may be empty.
        client: The process that asked for it, such as `pacemaker-controld.552`; may be empty.
        origin: The node on which that process ran; may be empty.
    """

    target: str
    action: str
    status: str
    reason: str
    delegate: str = ""
    at: str = ""
    client: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Operation:
    """The last start or stop of a resource on a node that Pacemaker has recorded.

    Attributes:
        resource: The resource's ID.
        node: The node.
        task: start or stop.
        began: When it began, in seconds since 1970; Pacemaker records whole seconds.
        seconds: How long it took.
    """

    resource: str
    node: str
    task: str
    began: float
    seconds: float


@dataclass(frozen=True)
class ClusterState:
    """The state of the cluster.

    Attributes:
        dc: The name of the DC, the node that decides; None while none is elected.
        quorum: Whether this partition has quorum.
        maintenance: Whether the whole cluster is in maintenance mode.
        stopped: Whether all resources are stopped by the property stop-all-resources.
        fencing_enabled: Whether Pacemaker may fence nodes at all.
        nodes: All nodes.
        resources: All outermost resources but the fencing devices.
        fencing: The fencing devices.
        failures: The failed actions.
        fencing_history: The attempts to fence nodes, the newest first.
        starts: The number and time of the last start of each resource on each node, which change
            with every restart.
        bans: The resource and the node of each constraint that keeps a resource off a node.
        operations: The last starts and stops of the resources on each node.
        votes: The votes of this partition; None if Corosync was not asked, or does not tell.
    """

    dc: str | None
    quorum: bool
    maintenance: bool
    stopped: bool
    nodes: tuple[Node, ...]
    resources: tuple[Resource, ...]
    fencing: tuple[Part, ...]
    failures: tuple[FailedAction, ...]
    fencing_history: tuple[FencingEvent, ...]
    starts: dict[tuple[str, str], str] = field(default_factory=dict)
    bans: frozenset[tuple[str, str]] = frozenset()
    operations: tuple[Operation, ...] = ()
    votes: Votes | None = None
    fencing_enabled: bool = True


def read_state(machine: Machine) -> ClusterState:
    """Read the cluster's state.

    Args:
        machine: This machine.

    Raises:
        ClusterUnreachable: No cluster runs on this machine, or it is still starting.
        ProgramError: crm_mon is missing, fails otherwise, or hangs.
    """
    command = (
        "crm_mon",
        "--output-as=xml",
        "--one-shot",
        "--inactive",
        # With level 3, crm_mon prints the full history, in which attempts can be counted.
        "--fence-history=3",
    )
    result = machine.runner.run(*command, timeout=_TIMEOUT, ok=range(-64, 256))
    try:
        root = parse(result.stdout)
    except NotXml:
        root = None
    if root is None or result.exit_code != 0:
        errors = [error.text or "" for error in root.iter("error")] if root is not None else []
        output = "\n".join(errors) or result.stderr or result.stdout
        if result.exit_code in _UNREACHABLE:
            if not machine.corosync_conf.exists():
                raise ClusterUnreachable(
                    "this machine is not in a cluster yet; to create one: "
                    "takeover cluster create FILE"
                )
            last_line = f" ({output.strip().splitlines()[-1]})" if output.strip() else ""
            raise ClusterUnreachable(
                f"no cluster runs on this machine{last_line}; to start it: takeover cluster start"
            )
        not_allowed = result.exit_code == _NOT_ALLOWED
        hint = "Run it as root, or as a member of the group haclient" if not_allowed else ""
        raise CommandFailed(command, result.exit_code, output, hint)
    if root.find("summary/current_dc") is None:
        raise ClusterUnreachable(
            "the cluster is starting or stopping on this machine; try again in a moment"
        )
    return parse_state(root)


def parse_state(root: etree._Element) -> ClusterState:
    """Return the state that the XML output of crm_mon describes.

    Args:
        root: The element `pacemaker-result` of the output.
    """
    dc = root.find("summary/current_dc")
    options = root.find("summary/cluster_options")
    resources = [child for child in root.iterfind("resources/*") if child.tag in _RESOURCES]
    parsed = [_resource(child) for child in resources if not child.get("id", "").startswith(SURVEY)]
    return ClusterState(
        dc=dc.get("name") if dc is not None else None,
        quorum=_true(dc, "with_quorum"),
        maintenance=_true(options, "maintenance-mode"),
        stopped=_true(options, "stop-all-resources"),
        nodes=tuple(_node(node) for node in root.iterfind("nodes/node")),
        resources=tuple(resource for resource in parsed if not resource.is_fencing),
        fencing=tuple(
            part for resource in parsed if resource.is_fencing for part in resource.parts
        ),
        failures=tuple(_failure(failure) for failure in root.iterfind("failures/failure")),
        fencing_history=tuple(
            FencingEvent(
                target=event.get("target", ""),
                action=event.get("action", ""),
                status=event.get("status", ""),
                reason=_reason(event, "exit-reason") or event.get("extended-status") or "",
                delegate=event.get("delegate", ""),
                at=event.get("completed") or "",
                client=event.get("client") or "",
                origin=event.get("origin") or "",
            )
            for event in root.iterfind("fence_history/fence_event")
        ),
        starts=_starts(root),
        bans=frozenset(
            (ban.get("resource", ""), ban.get("node", ""))
            for ban in root.iterfind("bans/ban")
            if ban.get("weight", "").startswith(_NEVER) and not _true(ban, "promoted-only")
        ),
        operations=tuple(_operations(root)),
        fencing_enabled=not any(_is_false(options, name) for name in _FENCING_ENABLED),
    )


def _starts(root: etree._Element) -> dict[tuple[str, str], str]:
    return {
        # The ID of a clone's instance ends with a colon and its number.
        (history.get("id", "").partition(":")[0], node.get("name", "")): (
            f"{operation.get('call')} {operation.get('last-rc-change')}"
        )
        for node in root.iterfind("node_history/node")
        for history in node.iterfind("resource_history")
        for operation in history.iterfind("operation_history[@task='start']")
    }


def _operations(root: etree._Element) -> Iterator[Operation]:
    for node in root.iterfind("node_history/node"):
        for history in node.iterfind("resource_history"):
            for operation in history.iterfind("operation_history"):
                task, at = operation.get("task", ""), time_of(operation.get("last-rc-change", ""))
                if task in ("start", "stop") and at is not None:
                    resource = history.get("id", "").partition(":")[0]
                    taken = operation.get("exec-time", "").removesuffix("ms")
                    seconds = int(taken) / 1000 if taken.isascii() and taken.isdigit() else 0.0
                    yield Operation(resource, node.get("name", ""), task, at, seconds)


def time_of(text: str) -> float | None:
    """Return a time as Pacemaker 2.1 or 3.0 writes it, in seconds since 1970; None for no time."""
    for written, form in ((text.replace(" +", "+").replace(" -", "-"), None), (text, _CTIME)):
        try:
            found = datetime.strptime(written, form) if form else datetime.fromisoformat(written)
        except ValueError:
            continue
        return found.timestamp()
    return None


def _true(element: etree._Element | None, name: str) -> bool:
    return element is not None and element.get(name) == "true"


def _is_false(element: etree._Element | None, name: str) -> bool:
    return element is not None and element.get(name) == "false"


def _reason(element: etree._Element, name: str) -> str:
    """Return an exit reason, which Pacemaker 3.0 escapes twice."""
    return unescape(element.get(name) or "", {"&quot;": '"', "&apos;": "'"})


def _node(node: etree._Element) -> Node:
    return Node(
        name=node.get("name", ""),
        online=_true(node, "online"),
        unclean=_true(node, "unclean"),
        standby=_true(node, "standby") or _true(node, "standby_onfail"),
        maintenance=_true(node, "maintenance"),
        pending=_true(node, "pending"),
        shutdown=_true(node, "shutdown"),
        remote=node.get("type", "member") != "member",
        sick=node.get("health") == "red",
        number=node.get("id", ""),
        standby_on_fail=_true(node, "standby_onfail"),
        feature_set=_feature_set(node),
    )


def _feature_set(node: etree._Element) -> str:
    said = node.get("feature_set", "")
    return said if said[:1].isdigit() else ""


def _resource(element: etree._Element) -> Resource:
    copies = [copy for copy in element if copy.tag in ("group", "resource")]
    return Resource(
        element.get("id", ""),
        tuple(_parts(element)),
        tuple(
            # The element of a copy of a group has its primitives, that of another is one.
            tuple(_part(each) for each in copy.iter("resource"))
            for copy in (copies if element.tag == "clone" else ())
        ),
    )


def _parts(element: etree._Element) -> list[Part]:
    return [_part(resource) for resource in element.iter("resource")]


def _part(resource: etree._Element) -> Part:
    return Part(
        id=resource.get("id", ""),
        agent=resource.get("resource_agent", ""),
        role=resource.get("role", ""),
        nodes=tuple(node.get("name", "") for node in resource.iterfind("node")),
        failed=_true(resource, "failed"),
        blocked=_true(resource, "blocked"),
        managed=_true(resource, "managed"),
        disabled=(resource.get("target_role") or "").lower() == "stopped",
    )


def _failure(failure: etree._Element) -> FailedAction:
    # The key is RESOURCE_ACTION_INTERVAL; if Pacemaker cannot parse it, `id` contains it instead.
    key, _, _ = (failure.get("op_key") or failure.get("id") or "").rpartition("_")
    resource, _, action = key.rpartition("_")
    status = failure.get("status", "")
    reason = _reason(failure, "exitreason")
    if not reason:
        # With a status such as "Timed Out", the exit code is Pacemaker's, not the agent's.
        ended = status.lower() in ("", "complete", "done")
        reason = failure.get("exitstatus", "") if ended else status
    return FailedAction(
        resource=resource,
        action=failure.get("task") or action,
        node=failure.get("node", ""),
        reason=reason,
        at=failure.get("last-rc-change", ""),
    )
