"""Putting together what was said and what was found, and telling what is still open."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from cib_templates.cib.secrecy.masking import MASK
from cib_templates.cib.secrecy.secrets import is_secret
from pcs_wrapper.beginning.finding import fence_agents, storage
from pcs_wrapper.beginning.finding.found import Found
from pcs_wrapper.beginning.given import Given
from pcs_wrapper.beginning.nodes import cluster_name, nodes_and_links
from pcs_wrapper.beginning.proposal import Device, Proposal, Service, Table, Value
from pcs_wrapper.errors import UsageError
from pcs_wrapper.machine.machine import Machine

_TWO = 2
_FILESYSTEM = "ext4"
# With TERM, PostgreSQL waits until its last client has gone (postgres(1)).
_STOP_SIGNALS = {"postgres": "INT"}


def propose(machine: Machine, found: Found, given: Given) -> Proposal:
    """Return what is to be described.

    Args:
        machine: This machine, which asks other nodes, fence agents and portals.
        found: What this machine has.
        given: What was said.

    Raises:
        UsageError: Something is wrong with what was said, or something that has to be said is not.
    """
    given = replace(given, sbd=_sbd_disks(machine, found, given))
    nodes, links = nodes_and_links(machine, found, given)
    sbd = _sbd(found, given, nodes)
    return Proposal(
        cluster_name(found) if given.name is None else given.name,
        links,
        nodes,
        tuple(_devices(machine, found, given, nodes, sbd)),
        sbd,
        given.witness or "",
        service_of(machine, found, given),
    )


def _sbd_disks(machine: Machine, found: Found, given: Given) -> tuple[str, ...] | None:
    """Return SBD's disks by the names that all nodes know, by which a service's disk is known, too.

    Raises:
        UsageError: One of them is in use.
    """
    if given.sbd is None:
        return None
    names = {each.kernel: each.path for each in found.disks}
    kernels = [storage.kernel_name(machine, each) for each in given.sbd]
    for said, kernel in zip(given.sbd, kernels, strict=True):
        if kernel in found.used_disks:
            raise UsageError(
                f"--sbd {said}: it is in use on this machine ({found.used_disks[kernel]}), and "
                "what is on SBD's disks is lost"
            )
    return tuple(names.get(at, said) for said, at in zip(given.sbd, kernels, strict=True))


def _sbd(found: Found, given: Given, nodes: Mapping[str, object]) -> Table | None:
    """Return SBD's table, if it is wanted, or else the only way in which nodes can be fenced."""
    real = [each.path for each in found.watchdogs if not each.is_software]
    watchdog = given.watchdog
    # Two nodes that lose each other would both end themselves.
    can_be_alone = len(nodes) != _TWO or bool(given.witness)
    nothing_else = given.fencing is None and not given.sbd and not found.fence_agent
    if watchdog is None and nothing_else and real and can_be_alone:
        watchdog = real[0]
    if given.sbd:
        every = [*real, *(each.path for each in found.watchdogs)]
        watchdog = watchdog or next(iter(every), "/dev/watchdog")
        return {"devices": list(given.sbd), "watchdog": watchdog}
    return {"watchdog": watchdog} if watchdog else None


def _devices(
    machine: Machine,
    found: Found,
    given: Given,
    nodes: Mapping[str, object],
    sbd: Table | None,
) -> Iterator[Device]:
    """Yield the fencing devices: those that were said, or else one of the agent that fits."""
    if given.sbd:
        about = "The other nodes tell a node by a message on SBD's disks to reset itself."
        parameters = {"devices": ",".join(given.sbd)}
        yield Device("sbd", {"agent": "fence_sbd", "parameters": parameters}, about)
    written = given.fencing
    if written is None and sbd is None:
        if not found.fence_agent:
            raise UsageError(_how_to_fence(found))
        written = (found.fence_agent,)
    names: set[str] = set()
    for each in written or ():
        device = _device(machine, each, given, list(nodes), names)
        names.add(device.name)
        yield device


def _how_to_fence(found: Found) -> str:
    known = ", ".join(found.fence_agents) or "none is installed here"
    return (
        "every node needs a device that can fence it, and none is found on this machine. Say which "
        f"one there is: --fence 'AGENT KEY=VALUE…' (the fence agents: {known}), --sbd DISK, or "
        "--watchdog DEVICE"
    )


def _device(
    machine: Machine, written: str, given: Given, nodes: list[str], names: set[str]
) -> Device:
    words = _words("--fence", written)
    written = " ".join(_masked(word) for word in words)
    node, has_node, rest = (words[0] if words else "").partition(":")
    agent = rest if has_node else node
    wrong = [each for each in words[1:] if "=" not in each]
    if not agent or wrong:
        raise UsageError(
            f"--fence {written!r}: it is written as 'AGENT KEY=VALUE…', or "
            "'NODE:AGENT KEY=VALUE…' for a device of one node"
        )
    parameters = dict(each.split("=", 1) for each in words[1:])
    known = fence_agents.agent_of(machine, agent)
    if lacking := [need for need in known.needs if not _is_there(need.name, parameters)]:
        needed = ", ".join(f"{need.name} ({need.about})" for need in lacking)
        raise UsageError(f"--fence {written!r}: {agent} also needs {needed}")
    if known.is_of_one_node and not has_node and len(nodes) > 1:
        raise UsageError(
            f"--fence {written!r}: such a device is a part of one node. Say it for each node: "
            + " ".join(f"--fence '{each}:{agent} …'" for each in nodes)
        )
    table: dict[str, Value] = {"agent": agent}
    plugs = _plugs(given)
    if has_node or known.is_of_one_node:
        table["nodes"] = [node if has_node else nodes[0]]
    elif plugs:
        table["plugs"] = plugs
    if parameters:
        table["parameters"] = parameters
    name = f"power-{node.replace('.', '-')}" if has_node else "power"
    free = (name, *(f"{name}-{number}" for number in range(2, len(names) + 3)))
    return Device(next(each for each in free if each not in names), table, known.about)


def _masked(word: str) -> str:
    """Return a word as it may be said again: not the value of a password."""
    name, has_value, value = word.partition("=")
    return f"{name}={MASK}" if has_value and is_secret(name, value) else word


def _words(option: str, written: str) -> list[str]:
    """Return the words of a command or a device, as a shell tells them apart."""
    try:
        return shlex.split(written)
    except ValueError as error:
        raise UsageError(f"{option} {written!r}: {error}") from None


def _plugs(given: Given) -> dict[str, str]:
    for each in given.plugs or ():
        if "=" not in each:
            raise UsageError(f"--plug {each!r}: it is written as NODE=PLUG")
    return dict(each.split("=", 1) for each in given.plugs or ())


def _is_there(need: str, parameters: Mapping[str, str]) -> bool:
    """Return whether a need is met; a key of a login stands for the program with its password."""
    either = {"password_script": ("password_script", "identity_file")}.get(need, (need,))
    return any(each in parameters for each in either)


def has_parts(given: Given) -> bool:
    """Return whether a part of a service was said."""
    return any((given.disk, given.unit, given.command, given.address))


def service_of(machine: Machine, found: Found, given: Given) -> Service | None:
    """Return the service.

    Raises:
        UsageError: A part of it is said, but not its name, or not all of the part.
    """
    if not given.service:
        if has_parts(given):
            raise UsageError("a part of a service is given: --service says what it is called")
        return None
    parts = {
        "filesystem": _filesystem(machine, found, given),
        "app": _app(given),
        "address": _address(found, given),
    }
    there = {kind: table for kind, table in parts.items() if table}
    if not there:
        raise UsageError(
            f"the service {given.service} has no part: --disk, --unit or --command, or --address "
            "say what it consists of"
        )
    return Service(given.service, there)


def shared_disk(found: Found) -> str:
    """Return the disk that a service could have; empty if there is none, or more than one."""
    shared = [each.path for each in found.disks if each.is_shared]
    return shared[0] if len(shared) == 1 else ""


def _filesystem(machine: Machine, found: Found, given: Given) -> Table:
    disk = shared_disk(found) if given.disk is None else given.disk
    if not disk:
        return {}
    here = [each.filesystem for each in found.disks if disk in (each.path, each.kernel)]
    paths = {each.kernel: each.path for each in found.disks}
    mount: dict[str, Value] = {
        "directory": given.directory or f"/srv/{given.service}",
        "type": given.filesystem or next(filter(None, here), _FILESYSTEM),
    }
    if not is_portal(disk):
        return {"device": paths.get(disk, disk), **mount}
    target = given.target or _only("--target", storage.targets(machine, disk), disk)
    of_target = [each for each in found.luns if each.target == target]
    number = given.lun
    if number is None:
        numbers = [str(each.number) for each in of_target]
        number = int(_only("--lun", numbers, f"{disk}, {target}"))
    attach: Table = {"attach": given.attach} if given.attach else {}
    return {"portal": disk, "target": target, "lun": number, **attach, **mount}


def is_portal(disk: str) -> bool:
    """Return whether what was said of a disk is an iSCSI portal, and no device."""
    return not disk.startswith("/") and storage.PORTAL.fullmatch(disk) is not None


def _only(option: str, found: Sequence[str], where: str) -> str:
    if len(found) != 1:
        what = f"there are several: {', '.join(found)}" if found else "none is known here"
        raise UsageError(f"{option} is needed for {where}: {what}")
    return found[0]


def _app(given: Given) -> Table:
    if given.unit and given.command:
        raise UsageError("--unit and --command exclude each other: a service has one application")
    if given.unit:
        return {"agent": f"systemd:{given.unit.removesuffix('.service')}"}
    if not given.command:
        return {}
    words = _words("--command", given.command)
    more = {
        "user": given.user,
        "stop_signal": _STOP_SIGNALS.get(PurePath(words[0]).name if words else ""),
        "ready": given.ready,
        "health": given.health,
    }
    command: dict[str, Value] = {"command": words}
    return command | {key: value for key, value in more.items() if value}


def _address(found: Found, given: Given) -> Table:
    if not given.address:
        return {}
    ip, has_prefix, prefix = given.address.partition("/")
    if has_prefix:
        return {"ip": ip, "prefix": int(prefix) if prefix.isdecimal() else prefix}
    try:
        networks = [each.network for each in found.links if each.has(ip)]
    except ValueError:  # the description's own check says what is wrong with it
        networks = []
    lengths = [ipaddress.ip_network(each).prefixlen for each in networks]
    return {"ip": ip, "prefix": lengths[0]} if lengths else {"ip": ip}
