"""A service's part as a Pacemaker primitive: agent, parameters, operations."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from lxml import etree

from cib_templates import ids
from cib_templates.description import Address, App, Filesystem, Kind, Part
from cib_templates.nvset import nvset

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Times:
    """How often a resource is looked at, and how long its actions may take.

    Attributes:
        interval: From one monitor to the next.
        monitor: A monitor's timeout.
        start: The start's timeout.
        stop: The stop's timeout; when it is over, the node is fenced.
    """

    interval: timedelta
    monitor: timedelta
    start: timedelta
    stop: timedelta


# An application is looked at most often, being what fails most often, and has the longest
# timeouts: a database that recovers its journal is not broken. An address takes milliseconds to
# add, but may have to wait for IPv6's duplicate address detection. A filesystem replays its
# journal at a start and writes back at a stop.
_TIMES = {
    "filesystem": Times(10 * _SECOND, 40 * _SECOND, 60 * _SECOND, 60 * _SECOND),
    "app": Times(5 * _SECOND, 30 * _SECOND, 120 * _SECOND, 120 * _SECOND),
    "address": Times(10 * _SECOND, 20 * _SECOND, 20 * _SECOND, 20 * _SECOND),
}
# From the KILL of an application that did not stop in stop_timeout to the end of its cgroup.
_AFTER_KILL = 30 * _SECOND


def seconds(duration: timedelta) -> str:
    """Return a duration as the CIB has it: whole seconds, with the unit."""
    return f"{duration // _SECOND}s"


def times_of(kind: Kind, part: Part) -> Times:
    """Return a part's times: what the description says, or else its kind's."""
    default = _TIMES[kind]
    stop = default.stop
    if isinstance(part, App) and part.stop_timeout is not None:
        stop = max(stop, part.stop_timeout + _AFTER_KILL)
    return Times(
        interval=part.monitor or default.interval,
        monitor=part.monitor_timeout or default.monitor,
        start=part.timeout or default.start,
        stop=part.timeout or stop,
    )


def primitive(
    service: str, kind: Kind, part: Part, *, utilization: Mapping[str, int]
) -> etree._Element:
    """Return the primitive of a part.

    Args:
        service: The service's name.
        kind: The part's kind.
        part: The part.
        utilization: What it needs of a node.
    """
    identity = part.resource_id(service, kind)
    path = f"services.{service}.{kind}"
    agent, parameters = _agent(part)
    meta = {ids.MARK: f"{path}.{part.name or ''}".rstrip(".")}
    listed = [*part.meta, *(f"utilization.{name}" for name in utilization)]
    if listed:
        meta |= part.meta | {ids.SETS: " ".join(sorted(listed))}
    element = resource(identity, agent, parameters, meta)
    # Level 10 is where the app agent runs the health check (OCF RA API 1.1, "Check levels").
    level = "10" if isinstance(part, App) and part.health is not None else None
    element.append(operations(identity, times_of(kind, part), level=level))
    if utilization:
        amounts = {name: str(amount) for name, amount in utilization.items()}
        element.append(nvset("utilization", f"{identity}-utilization", amounts))
    return element


def resource(
    identity: str, agent: str, parameters: Mapping[str, str], meta: Mapping[str, str]
) -> etree._Element:
    """Return a primitive without operations.

    Args:
        identity: Its ID.
        agent: Such as `ocf:takeover:ip`, `systemd:postgresql` or `stonith:fence_ipmilan`.
        parameters: The agent's.
        meta: Its meta attributes, with Takeover's mark.
    """
    standard, *provider, name = agent.split(":")
    element = etree.Element("primitive", id=identity)
    element.set("class", standard)
    if provider:
        element.set("provider", provider[0])
    element.set("type", name)
    if parameters:
        element.append(nvset("instance_attributes", f"{identity}-instance_attributes", parameters))
    element.append(nvset("meta_attributes", f"{identity}-meta_attributes", meta))
    return element


def operations(identity: str, times: Times, *, level: str | None = None) -> etree._Element:
    """Return a primitive's operations.

    Args:
        identity: The primitive's ID.
        times: Its interval and timeouts.
        level: OCF_CHECK_LEVEL of the monitor, if not 0.
    """
    element = etree.Element("operations")
    interval = seconds(times.interval)
    for name, every, timeout in (
        ("monitor", interval, times.monitor),
        ("start", "0s", times.start),
        ("stop", "0s", times.stop),
    ):
        operation = f"{identity}-{name}-interval-{every}"
        op = etree.SubElement(
            element, "op", id=operation, interval=every, name=name, timeout=seconds(timeout)
        )
        if name == "monitor" and level is not None:
            op.append(
                nvset(
                    "instance_attributes",
                    f"{operation}-instance_attributes",
                    {"OCF_CHECK_LEVEL": level},
                )
            )
    return element


# Meta attributes that a service says for all of its parts, with keys of its own.
SAID_BY_THE_SERVICE = frozenset(("target-role", "maintenance", "priority"))
# By the table: Takeover's agent, and for each of its parameters the key that says it.
AGENTS: dict[type[Part], tuple[str, dict[str, str]]] = {
    Filesystem: (
        "ocf:takeover:filesystem",
        {
            "device": "device",
            "portal": "portal",
            "target": "target",
            "lun": "lun",
            "chap_user": "chap_user",
            "chap_secret_file": "chap_secret_file",
            "attach": "attach",
            "directory": "directory",
            "fstype": "type",
            "options": "options",
            "reservation": "reservation",
        },
    ),
    Address: ("ocf:takeover:ip", {"ip": "ip", "cidr_netmask": "prefix", "nic": "interface"}),
    App: (
        "ocf:takeover:app",
        {
            "binfile": "command",
            "cmdline_options": "command",
            "user": "user",
            "workdir": "workdir",
            "environment_file": "environment_file",
            "limits": "limits",
            "stop_signal": "stop_signal",
            "stop_timeout": "stop_timeout",
            "reload_signal": "reload_signal",
            "ready": "ready",
            "ready_timeout": "ready_timeout",
            "health": "health",
            "health_timeout": "health_timeout",
        },
    ),
}


def _agent(part: Part) -> tuple[str, dict[str, str]]:
    """Return a part's agent and the parameters that the description gives it."""
    if isinstance(part, App) and part.agent is not None:
        return part.agent, dict(part.parameters)
    agent, keys = AGENTS[type(part)]
    values = {parameter: getattr(part, key) for parameter, key in keys.items()}
    if isinstance(part, App) and part.command:
        values["binfile"] = part.command[0]
        values["cmdline_options"] = shlex.join(part.command[1:]) or None
    texts = {name: _text(value) for name, value in values.items() if value is not None}
    return agent, texts | part.parameters


def _text(value: str | int | timedelta) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case timedelta():
            return str(value // _SECOND)
        case _:
            return str(value)
