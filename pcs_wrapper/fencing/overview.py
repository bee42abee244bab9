"""Which device can fence which node, whether it would work now, and what is not well with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from cib_templates.cib.numbers import whole_number
from cib_templates.findings import Finding, error, warning
from pcs_wrapper.fencing import sbd
from pcs_wrapper.fencing.asking import Answer, Asking, by_device
from pcs_wrapper.fencing.attempts import Attempt, read_attempts
from pcs_wrapper.fencing.devices import Device, devices_in, in_order, levels_of, may_fence
from pcs_wrapper.health import condition, diagnosis
from pcs_wrapper.health.explanation import read_explained_state
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState, Node

NODE_NOT_FENCEABLE = error(
    "node-not-fenceable",
    "Nothing that runs can fence a node: after its failure, its services start nowhere.",
)
PLUG_NOT_KNOWN = error(
    "fencing-plug-fails",
    "A fencing device works, but cannot say whether a node's machine is on: it may not have such a "
    "machine, and then fencing the node fails.",
)
PLUG_OF_ANOTHER = error(
    "fencing-plug-of-another",
    "A fencing device says that a node's machine is off, although the node is online: it would "
    "switch another machine, and the node would run on.",
)
DEVICE_SILENT = warning(
    "fencing-device-not-asked",
    "Whether a fencing device knows a node's machine could not be found out from this node.",
)

Health = Literal["well", "failed", "never"]

_PENDING = "-1"
_SUCCESS = "0"
_NO_INTERVAL = "0"
# What is told of the whole cluster here: the rest is the affair of `status`.
_ABOUT_FENCING = frozenset(
    {
        *(condition.FENCING_OFF.code, condition.FENCING_FAILED.code),
        *(condition.FENCING_STOPPED.code, "fencing-fails", "node-unclean"),
    }
)


@dataclass(frozen=True)
class Monitor:
    """What the latest monitors of a device said.

    Attributes:
        health: Whether they are well, the latest has failed, or there was none.
        since: Since when they are well, or when the latest failed, in seconds since 1970.
        node: The node on which it ran.
        reason: Why it failed; may be empty.
    """

    health: Health
    since: float = 0.0
    node: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Standing:
    """A fencing device as it stands.

    Attributes:
        device: The device.
        nodes: The nodes on which it runs; empty if it does not.
        why: Why it does not run; empty if it does.
        monitor: What its latest monitor said.
        last: The latest attempt that certainly used it; None if none is known.
    """

    device: Device
    nodes: tuple[str, ...]
    why: str
    monitor: Monitor
    last: Attempt | None


@dataclass(frozen=True)
class Fenceable:
    """A node, and what can fence it.

    Attributes:
        node: The node.
        has_levels: Whether the order is that of fencing levels.
        order: What is tried, in this order: the IDs of the devices that act together.
        watchdog: Whether its own watchdog ends it if no device does (SBD).
        answers: What the devices say of its machine.
        last: The latest attempt to fence it; None if the cluster remembers none.
    """

    node: Node
    has_levels: bool
    order: tuple[tuple[str, ...], ...]
    watchdog: bool
    answers: tuple[Answer, ...]
    last: Attempt | None


@dataclass(frozen=True)
class Overview:
    """All that there is to know about fencing.

    Attributes:
        nodes: The nodes.
        devices: The fencing devices.
        findings: What is not well, the worst first.
    """

    nodes: tuple[Fenceable, ...]
    devices: tuple[Standing, ...]
    findings: tuple[Finding, ...]


def overview(machine: Machine, *, ask: bool = True) -> Overview:
    """Return which device can fence which node, and what is not well with that.

    Args:
        machine: This machine.
        ask: Whether the devices are asked for each node's machine. Otherwise, which nodes a device
            can fence that has no list of them is not known, and it is taken to fence all.

    Raises:
        ClusterUnreachable: No cluster runs on this machine.
        ProgramError: A tool of Pacemaker's is missing or fails.
    """
    state, live = read_explained_state(machine), cib.query(machine)
    devices = devices_in(live)
    names = [node.name for node in state.nodes]
    answers = Asking(machine).ask(by_device(devices, names, may_fence)) if ask else []
    levels = {node: levels_of(live, node) for node in names}
    orders = {
        node: in_order(
            levels[node],
            [device.id for device in devices if _can_fence(device, node, answers, ask=ask)],
        )
        for node in names
    }
    candidates = {node: {name for each in order for name in each} for node, order in orders.items()}
    attempts = read_attempts(machine, state, candidates)
    watched = condition.watch(machine, live)
    standings = tuple(_standing(device, state, live, attempts) for device in devices)
    has_watchdog = condition.watchdog_fences(watched.properties)
    nodes = tuple(
        Fenceable(
            node=node,
            has_levels=bool(levels[node.name]),
            order=orders[node.name],
            watchdog=has_watchdog and not node.remote,
            answers=tuple(each for each in answers if each.node == node.name),
            last=next((each for each in attempts if each.node == node.name), None),
        )
        for node in state.nodes
    )
    findings = (
        *_not_fenceable(nodes, standings, state),
        *_plugs(nodes, machine.host),
        *sbd.findings(
            machine, [node.name for node in state.nodes if node.online and not node.remote]
        ),
        *(
            found
            for found in condition.condition(machine, state, watched)
            if found.code in _ABOUT_FENCING
        ),
    )
    return Overview(nodes, standings, tuple(sorted(findings, key=lambda each: each.severity)))


def _can_fence(device: Device, node: str, answers: Sequence[Answer], *, ask: bool) -> bool:
    if device.plugs is not None or device.fences_all or not ask:
        return may_fence(device, node)
    return any(each.device == device.id and each.node == node for each in answers)


def _standing(
    device: Device, state: ClusterState, live: etree._Element, attempts: Sequence[Attempt]
) -> Standing:
    part = next((each for each in state.fencing if each.id == device.id), None)
    stopped = diagnosis.stopped_fencing(state)
    return Standing(
        device,
        part.nodes if part is not None and device.id not in stopped else (),
        "Pacemaker does not show it" if part is None else stopped.get(device.id, ""),
        _monitor(device.id, live),
        next((each for each in attempts if each.is_certain and device.id in each.devices), None),
    )


def _monitor(device: str, live: etree._Element) -> Monitor:
    found: list[Monitor] = []
    for node_state in live.iterfind("status/node_state"):
        for resource in node_state.iterfind("lrm/lrm_resources/lrm_resource"):
            if resource.get("id") == device:
                found += _monitors(resource, node_state.get("uname", ""))
    return max(found, key=lambda each: each.since, default=Monitor("never"))


def _monitors(resource: etree._Element, node: str) -> Iterator[Monitor]:
    for operation in resource.iterfind("lrm_rsc_op"):
        is_recurring = operation.get("interval", _NO_INTERVAL) != _NO_INTERVAL
        status = operation.get("op-status")
        if operation.get("operation") == "monitor" and is_recurring and status != _PENDING:
            since = float(whole_number(operation.get("last-rc-change")) or 0)
            well = operation.get("rc-code") == _SUCCESS and status == _SUCCESS
            reason = operation.get("exit-reason") or ""
            yield Monitor("well" if well else "failed", since, node, "" if well else reason)


def _not_fenceable(
    nodes: Sequence[Fenceable], standings: Sequence[Standing], state: ClusterState
) -> Iterator[Finding]:
    running = {each.device.id for each in standings if each.nodes}
    if not state.fencing_enabled or state.dc is None:
        return
    for each in nodes:
        if each.watchdog or any(running.issuperset(together) for together in each.order):
            continue
        name = each.node.name
        if not each.order:
            yield NODE_NOT_FENCEABLE.at(
                (name,),
                f"{name} can be fenced by nothing: no device is for it",
                "Name it in the description of a device ([fencing.NAME]), and apply it",
            )
            continue
        missing = dict.fromkeys(
            device for together in each.order for device in together if device not in running
        )
        yield NODE_NOT_FENCEABLE.at(
            (name,),
            f"{name} can be fenced by nothing that runs: {', '.join(missing)} would be needed",
            "Repair what keeps it from running, then: "
            + "; ".join(f"pcs stonith cleanup {device}" for device in missing),
        )


def _plugs(nodes: Sequence[Fenceable], host: str) -> Iterator[Finding]:
    silent: dict[tuple[str, str], list[str]] = {}
    for each in nodes:
        for answer in each.answers:
            path = (answer.device, answer.node)
            named = "" if answer.plug == answer.node else f" (its plug {answer.plug})"
            if answer.power == "off" and each.node.online:
                yield PLUG_OF_ANOTHER.at(
                    path,
                    f"{answer.device} says that {answer.node}{named} is off, but {answer.node} is "
                    "online: it is another machine's",
                    f"Correct which machine of the device is {answer.node} (`plugs` in the "
                    "description)",
                )
            elif answer.power == "unknown" and answer.was_asked:
                yield PLUG_NOT_KNOWN.at(
                    path,
                    f"{answer.device} does not say whether {answer.node}{named} is on: "
                    f"{answer.reason}",
                    "Is there such a machine at the device, may this login switch it, and can "
                    f"{host} reach it?",
                )
            elif answer.power == "unknown":
                silent.setdefault((answer.device, answer.reason), []).append(answer.node)
    for (device, reason), names in silent.items():
        yield DEVICE_SILENT.at(
            (device,), f"{device} was not asked for {', '.join(names)}: {reason}"
        )
