"""A service's part as a Pacemaker primitive: agent, parameters, operations."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import timedelta

from lxml import etree

from cib_templates.cib import ids
from cib_templates.cib.durations import seconds
from cib_templates.cib.nvset import nvset
from cib_templates.model.services import Address, App, Filesystem, Kind, Part
from cib_templates.model.timing import Times, times_of

_SECOND = timedelta(seconds=1)


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
    agent, parameters = agent_and_parameters(part)
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


# Meta attributes of parts that a service sets for all of them, by keys of its own.
META_OF_A_SERVICE = frozenset(("target-role", "maintenance", "priority"))
# By the table: Takeover's agent, and for each of its parameters the key that sets it.
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


def agent_and_parameters(part: Part) -> tuple[str, dict[str, str]]:
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
