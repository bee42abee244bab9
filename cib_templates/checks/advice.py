"""What an expert would ask about a description without mistakes: warnings with their reasons."""

from __future__ import annotations

import difflib
import ipaddress
import re
import shlex
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

from cib_templates.cib.durations import in_words
from cib_templates.findings import Finding, KeyPath, warning
from cib_templates.model.description import Description
from cib_templates.model.services import Address, App, Filesystem, Service
from cib_templates.model.timing import (
    FENCING_DELAY,
    boot_delay,
    described_corosync,
    device_delay,
    fencing_delay,
    times_of,
)
from cib_templates.rendering.services import stickiness

_TWO = 2
# How a check begins that is a program.
_COMMAND = "command:"
# How far apart two nodes notice the loss of each other, and what a fast power switch needs.
_LEAST_DELAY = timedelta(seconds=5)
# What nodes may add to token without a word.
_LATE = timedelta(seconds=3)
# Below it, a garbage collection of a hypervisor or a busy disk already looks like a dead node.
_SHORT_TOKEN = timedelta(seconds=1)
# What a switch and a subnet usually are; links have no prefix length.
_USUAL_PREFIX = {4: 24, 6: 64}
# DefaultTimeoutStopSec of systemd-system.conf(5).
_SYSTEMD_STOP = timedelta(seconds=90)
# DefaultTimeoutStartSec is the same, of which SBD needs some seconds for more than waiting.
_SBD_START = timedelta(seconds=80)
# From the KILL of an application to the end of its last process.
_KILL = timedelta(seconds=10)
# Folders that others keep files in; the agent refuses only those that the system needs to run.
_OTHERS_FOLDERS = frozenset(("/home", "/opt", "/srv"))
# The kernel's names of whole disks, in the order in which it finds them, and of their partitions
# (linux: Documentation/admin-guide/devices.txt); the names that udev gives them stay.
_NUMBERED_DISK = re.compile(r"/dev/((sd|vd|xvd|hd)[a-z]+\d*|(nvme\d+n|mmcblk|dm-)\d+(p\d+)?)")

# What a resource takes (Pacemaker Explained, "Resource Meta-Attributes" and "Guest nodes"); what a
# clone or group takes is its service's.
_META = frozenset(
    {
        *("allow-migrate", "allow-unhealthy-nodes", "container-attribute-target", "critical"),
        *("failure-timeout", "is-managed", "maintenance", "migration-threshold"),
        *("multiple-active", "priority", "requires", "resource-stickiness", "target-role"),
        *("remote-addr", "remote-allow-migrate", "remote-connect-timeout", "remote-node"),
        "remote-port",
    }
)

TWO_NODES_WITHOUT_TIE_BREAKER = warning(
    "two-nodes-without-tie-breaker",
    "Nothing knows which of two nodes is cut off when they lose each other: each fences the other.",
)
FENCING_DELAY_SHORT = warning(
    "fencing-delay-short",
    "Fencing the node that serves is delayed by less than fencing the other node may need, so that "
    "both may be fenced.",
)
SERVICE_WITHOUT_PRIORITY = warning(
    "service-without-priority",
    "A service of two nodes has no priority while others have one: the node that serves it does "
    "not win because of it when they lose each other.",
)
MANY_NODES = warning(
    "many-nodes", "A lost node is noticed late, since each node adds to Corosync's token."
)
WITNESS_OF_ODD_NODES = warning(
    "witness-of-odd-nodes",
    'A quorum device with "ffsplit" votes beside an odd number of nodes, which then can lose no '
    "more nodes than without it.",
)
ONE_LINK = warning(
    "one-link", "Nodes have only one Corosync link, so that its failure stops all services."
)
LINKS_IN_ONE_NETWORK = warning(
    "links-in-one-network", "Two links of a node seem to be in one network, and fail together."
)
TOKEN_SHORT = warning(
    "token-short", "cluster.token is so short that a busy node may be fenced for a pause."
)
SBD_DISKS_WITHOUT_DEVICE = warning(
    "sbd-disks-without-device", "No fencing device writes to SBD's disks, so that they are no use."
)
SBD_START_TOO_SLOW = warning(
    "sbd-start-too-slow", "SBD waits longer at boot than systemd gives its service to start."
)
FENCING_DEVICE_UNUSED = warning(
    "fencing-device-unused", "A device can fence a node, but is in none of the node's levels."
)
FIRST_NODE_ALONE = warning(
    "first-node-alone",
    "The cluster has only one node, so that nothing takes over what runs there.",
)
ONE_NODE = warning("one-node", "A service has only one node, so that nothing takes over from it.")
HOME_OF_TWO = warning(
    "home-of-two",
    "Services that shall be apart begin with the same node, so that one runs elsewhere.",
)
PREFERENCE_BEYOND_STICKINESS = warning(
    "preference-beyond-stickiness",
    "A preference is not below stickiness: the service moves there by itself, and is interrupted.",
)
UTILIZATION_NOWHERE = warning(
    "utilization-nowhere", "No node of a service has what the service needs, so that it cannot run."
)
AFTER_A_DISABLED_SERVICE = warning(
    "after-a-disabled-service",
    "A service starts after one that is not enabled, so that it never starts.",
)
BUDGET_BELOW_FENCING = warning(
    "budget-below-fencing", "Fencing alone may take longer than clients are said to wait."
)
APP_WITHOUT_HEALTH = warning(
    "app-without-health",
    "An application has no health check, so that a hanging one is not noticed.",
)
SYSTEMD_STOP_TOO_SHORT = warning(
    "systemd-stop-too-short",
    "The node is fenced before systemd has given up on stopping the unit.",
)
STOP_TIMEOUT_LEAVES_LITTLE = warning(
    "stop-timeout-leaves-little",
    "An application that has to be killed may take longer than the timeout of its stop.",
)
META_WITHOUT_EFFECT = warning(
    "meta-without-effect",
    "A part has a meta attribute that Pacemaker does not know, and silently ignores.",
)
INTERFACE_MISSING = warning(
    "interface-missing", "This node, which may run the service, has no such network interface."
)
PROGRAM_MISSING = warning(
    "program-missing", "This node, which may run the service, has no such program."
)
DISK_NAME_CHANGES = warning(
    "disk-name-changes",
    "A disk is named by a number that changes between nodes and between boots.",
)
DIRECTORY_OF_OTHERS = warning(
    "directory-of-others", "A mount point is a folder in which others keep files, which it hides."
)


@dataclass(frozen=True)
class LocalHost:
    """The machine on which a description is checked.

    Attributes:
        name: Its name without its domain; it need not be a node.
        interfaces: The names of its network interfaces.
        has_program: A function that tells whether it has a program of an absolute path.
    """

    name: str
    interfaces: Collection[str]
    has_program: Callable[[str], bool] = lambda _: True

    def is_one_of(self, nodes: Collection[str]) -> bool:
        """Return whether it is one of some nodes."""
        return self.name in {node.partition(".")[0] for node in nodes}


def advice(description: Description, machine: LocalHost | None = None) -> Iterator[Finding]:
    """Find what is allowed, but seldom meant.

    Args:
        description: A description without mistakes.
        machine: Where it is checked; None if nothing is known of that machine.
    """
    yield from _cluster(description)
    yield from _fencing(description)
    homes: dict[str, str] = {}
    for name, service in description.services.items():
        path: KeyPath = ("services", name)
        yield from _placement(path, service, description, homes)
        yield from _expectations(path, service, description)
        for kind, index, part in service.numbered_parts():
            place = (*path, kind, index)
            yield from _meta(place, part)
            match part:
                case App():
                    yield from _app(place, part)
                    if machine is not None and machine.is_one_of(service.nodes):
                        yield from _programs(place, part, service, machine)
                case Filesystem():
                    yield from _filesystem(place, part, shared=service.pattern != "everywhere")
                case Address() if machine is not None and machine.is_one_of(service.nodes):
                    yield from _interface(place, part, machine)


def _meta(path: KeyPath, part: Filesystem | App | Address) -> Iterator[Finding]:
    for name in part.meta:
        if name not in _META:
            close = difflib.get_close_matches(name.replace("_", "-"), sorted(_META), n=1)
            yield META_WITHOUT_EFFECT.at(
                (*path, "meta", name),
                "has no effect: Pacemaker knows no such meta attribute of a resource",
                f"did you mean {close[0]!r}?" if close else "leave it out",
            )


def _cluster(description: Description) -> Iterator[Finding]:
    first, node = next(iter(description.nodes.items()))
    cluster = description.cluster
    sbd = description.sbd
    tie_breaker = description.quorum is not None or (sbd is not None and bool(sbd.devices))
    if len(description.nodes) == 1:
        yield FIRST_NODE_ALONE.at(
            ("nodes", first),
            "it is the only node: when it fails, nothing takes over what runs there",
            "a cluster may begin so; add a second node",
        )
    if len(description.nodes) == _TWO and not tie_breaker:
        delay = fencing_delay(description)
        wins = (
            f"the one that serves wins, since fencing it is delayed by {in_words(delay)}, even if "
            "its clients do not reach it"
            if delay
            else "each fences the other, and the wrong one may win"
        )
        yield TWO_NODES_WITHOUT_TIE_BREAKER.at(
            ("nodes", first),
            f"two nodes that lose each other cannot tell which of them is cut off: {wins}",
            "add [quorum.device], [sbd] with a disk, or a third node",
        )
    yield from _race(description)
    yield from _many(description)
    yield from _witness(description)
    if len(node.links) == 1:
        yield ONE_LINK.at(
            ("nodes", first, "links"),
            "there is only one link: when its switch fails, every node is alone and services stop",
            "give each node a second address, in another network",
        )
    networks: set[object] = set()
    for index, link in enumerate(node.links):
        prefix = _USUAL_PREFIX[ipaddress.ip_address(link).version]
        network = ipaddress.ip_network(f"{link}/{prefix}", strict=False)
        if network in networks:
            yield LINKS_IN_ONE_NETWORK.at(
                ("nodes", first, "links", index),
                f"seems to be in the network of another link ({network}): both fail together",
                "use another network, on another switch",
            )
        networks.add(network)
    if cluster.token < _SHORT_TOKEN:
        yield TOKEN_SHORT.at(
            ("cluster", "token"),
            f"a node that pauses for {in_words(cluster.token)} is fenced, and busy nodes do pause",
            'use at least "1000ms", unless a shorter one was tried under load',
        )


def _race(description: Description) -> Iterator[Finding]:
    """Find what keeps the one of two nodes that serves from winning when they lose each other."""
    delay = fencing_delay(description)
    if not delay or len(description.nodes) != _TWO:
        return
    devices = device_delay(description)
    least = max(_LEAST_DELAY, _TWO * devices)
    if delay < least:
        own = "priority-fencing-delay" in description.properties
        yield FENCING_DELAY_SHORT.at(
            ("properties", "priority-fencing-delay") if own else ("cluster", "fencing_delay"),
            f"must be twice as long as the devices' own delays ({in_words(devices)}): else the "
            "wrong node may win"
            if least > _LEAST_DELAY
            else f"a power switch may need longer than {in_words(delay)}: then each node fences "
            "the other",
            f'at least "{in_words(least)}", or leave it out for "'
            f'{in_words(max(least, FENCING_DELAY))}"',
        )
    some = any(service.priority for service in description.services.values())
    for name, service in description.services.items():
        if some and not service.priority:
            yield SERVICE_WITHOUT_PRIORITY.at(
                ("services", name),
                "has no priority, but other services have: when the two nodes lose each other, "
                "the node that serves it does not win because of it",
                "give it a priority, or none to any service",
            )


def _many(description: Description) -> Iterator[Finding]:
    corosync = described_corosync(description)
    added = timedelta(seconds=corosync.token) - description.cluster.token
    if description.cluster.token_coefficient is None and added >= _LATE:
        yield MANY_NODES.at(
            ("cluster", "token"),
            f"with {len(description.nodes)} nodes a lost one is noticed after "
            f"{corosync.seen:.1f} s (token {corosync.token:.1f} s, consensus "
            f"{corosync.consensus:.1f} s): each node beyond two adds 650 ms to token",
            'token_coefficient = "100ms", if it was tried under load, or "650ms" if so much is '
            "meant",
        )


def _witness(description: Description) -> Iterator[Finding]:
    nodes = len(description.nodes)
    if description.quorum is None or nodes % _TWO == 0:
        return
    if description.quorum.device.algorithm == "ffsplit":
        # Of n nodes and one more vote, more than half are needed.
        without = nodes - (nodes + 1) // _TWO - 1
        yield WITNESS_OF_ODD_NODES.at(
            ("quorum", "device"),
            f"{nodes} nodes can lose {nodes // _TWO} of them with this witness as without it, but "
            f"{f'only {without}' if without else 'none'} while the witness is away",
            'algorithm = "lms", with which even the last node goes on, or no witness',
        )


def _fencing(description: Description) -> Iterator[Finding]:
    sbd = description.sbd
    for index, disk in enumerate(sbd.devices if sbd is not None else ()):
        yield from _disk_name(("sbd", "devices", index), disk)
    writes = any(device.writes_to_sbd for device in description.fencing.values())
    if sbd is not None and sbd.devices and not writes:
        yield SBD_DISKS_WITHOUT_DEVICE.at(
            ("sbd", "devices"),
            "no fencing device uses these disks: nodes read them, and nobody writes to them",
            'add a [fencing.NAME] table with agent = "fence_sbd"',
        )
    delay = boot_delay(description)
    if delay > _SBD_START:
        yield SBD_START_TOO_SLOW.at(
            ("sbd",),
            f"a node that boots waits for {in_words(delay)}, and systemd gives sbd.service 90s to "
            "start",
            "on every node: systemctl edit sbd, with TimeoutStartSec=5min below [Service]",
        )
    for name, node in description.nodes.items():
        used = {device for level in node.fencing_levels for device in level}
        for device in description.fencing if used else ():
            if device not in used and name in description.fenced_by(device):
                yield FENCING_DEVICE_UNUSED.at(
                    ("nodes", name, "fencing_levels"),
                    f"{device} can fence {name} but is in no level: it is never used for it",
                    f'add ["{device}"] as the last level',
                )


def _placement(
    path: KeyPath, service: Service, description: Description, homes: dict[str, str]
) -> Iterator[Finding]:
    if len(service.nodes) == 1 < len(description.nodes) and service.pattern != "everywhere":
        yield ONE_NODE.at(
            (*path, "nodes"),
            "there is only one node: nothing takes over from it",
            "name a second node",
        )
    if service.pattern in ("mutual", "spare"):
        other = homes.setdefault(service.nodes[0], str(path[-1]))
        if other != path[-1]:
            yield HOME_OF_TWO.at(
                (*path, "nodes", 0),
                f"{service.nodes[0]} is the home of {other}, too: one of them runs elsewhere",
                "begin with another node",
            )
    stays = int(stickiness(service))
    for node, score in service.preferences.items():
        if score >= stays and not service.failback:
            yield PREFERENCE_BEYOND_STICKINESS.at(
                (*path, "preferences", node),
                f"is not below stickiness ({stays}): the service moves there by itself, and "
                "clients are interrupted once more",
                "use a lower score, or failback = true if that is meant",
            )
    needs = {*service.utilization}.union(*(part.utilization for _, part in service.parts()))
    for resource in sorted(needs):
        if not any(resource in description.nodes[node].utilization for node in service.nodes):
            yield UTILIZATION_NOWHERE.at(
                (*path, "utilization"),
                f"none of its nodes has {resource}: the service can run nowhere",
                f"add {resource} to [nodes.NAME.utilization]",
            )


def _expectations(path: KeyPath, service: Service, description: Description) -> Iterator[Finding]:
    for index, other in enumerate(service.after):
        if description.services[other].enabled is False and service.enabled is not False:
            yield AFTER_A_DISABLED_SERVICE.at(
                (*path, "after", index),
                f"{other} is not enabled: this service never starts",
                "enable it",
            )
    if service.budget is None:
        return
    for device, fencing in description.fencing.items():
        nodes = set(description.fenced_by(device)) & set(service.nodes)
        if nodes and fencing.timeout >= service.budget:
            yield BUDGET_BELOW_FENCING.at(
                (*path, "budget"),
                f"fencing by {device} alone may take {in_words(fencing.timeout)}",
                f"use a longer budget, or a shorter fencing.{device}.timeout if it is faster",
            )
            return


def _app(path: KeyPath, app: App) -> Iterator[Finding]:
    stop = times_of("app", app).stop
    if app.agent is None and app.health is None and "monitor_hook" not in app.parameters:
        yield APP_WITHOUT_HEALTH.at(
            path, "without health, an application that hangs but lives is taken for healthy",
            'add health = "tcp:HOST:PORT", "http://…" or "command:…"',
        )  # fmt: skip
    if app.agent is not None and app.agent.startswith("systemd:") and stop < _SYSTEMD_STOP:
        yield SYSTEMD_STOP_TOO_SHORT.at(
            (*path, "timeout"),
            f"systemd gives a unit {in_words(_SYSTEMD_STOP)} to stop, unless the unit says "
            f"otherwise, but after {in_words(stop)} the node is fenced",
            "use a longer timeout",
        )
    if app.stop_timeout is not None and stop - app.stop_timeout < _KILL:
        yield STOP_TIMEOUT_LEAVES_LITTLE.at(
            (*path, "timeout"),
            f"only {in_words(stop - app.stop_timeout)} longer than stop_timeout: an application "
            "that has to be killed may take longer, and the node is fenced",
            f"use at least {in_words(app.stop_timeout + _KILL)}",
        )


def _interface(path: KeyPath, address: Address, machine: LocalHost) -> Iterator[Finding]:
    if address.interface is not None and address.interface not in machine.interfaces:
        yield INTERFACE_MISSING.at(
            (*path, "interface"),
            f"{machine.name} has no interface {address.interface}: the address cannot start there",
            f"it has: {', '.join(sorted(set(machine.interfaces) - {'lo'}))}",
        )


def _programs(path: KeyPath, app: App, service: Service, machine: LocalHost) -> Iterator[Finding]:
    """Find programs that are not there, but for those on the service's own disks."""
    checks = {"ready": app.ready, "health": app.health}
    run = {"command": app.command[0]} if app.command else {}
    run |= {
        key: shlex.split(check.removeprefix(_COMMAND))[0]
        for key, check in checks.items()
        if check and check.startswith(_COMMAND)
    }
    disks = [PurePosixPath(each.directory) for each in service.filesystem]
    for key, program in run.items():
        elsewhere = any(PurePosixPath(program).is_relative_to(each) for each in disks)
        if not (elsewhere or machine.has_program(program)):
            yield PROGRAM_MISSING.at(
                (*path, key),
                f"{machine.name} has no program {program}: the application cannot run there",
                "install it on every node of the service, or mend the path",
            )


def _disk_name(path: KeyPath, name: str) -> Iterator[Finding]:
    if _NUMBERED_DISK.fullmatch(name):
        yield DISK_NAME_CHANGES.at(
            path,
            f"another node may have another disk as {name}, and this one after its next boot: the "
            "kernel numbers disks in the order in which it finds them",
            f"use a name of the disk itself: find -L /dev/disk/by-id -samefile {name}",
        )


def _filesystem(path: KeyPath, filesystem: Filesystem, *, shared: bool) -> Iterator[Finding]:
    if filesystem.directory in _OTHERS_FOLDERS:
        yield DIRECTORY_OF_OTHERS.at(
            (*path, "directory"),
            f"others keep files in {filesystem.directory}, and the mount hides them on the node "
            "that has it",
            f'use a folder of its own, such as "{filesystem.directory}/shop"',
        )
    # A disk that each node has for itself may have a name of each node's own.
    if shared and filesystem.device is not None:
        yield from _disk_name((*path, "device"), filesystem.device)
