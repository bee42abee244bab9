"""Whether a node is really off: everything that can be asked from here, before a human is believed.

Nothing that is silent proves that a node is off: its network may be dead while it still writes to
its disks. Only a fencing device that says so proves it. But a single sign of life proves that it is
on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from pcs_wrapper.errors import ClusterError, ProgramError
from pcs_wrapper.fencing.asking import Asking, by_device
from pcs_wrapper.fencing.devices import devices_in, may_fence
from pcs_wrapper.health import condition
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.waiting import shown_as_waiting
from pcs_wrapper.pacemaker.corosync import read_cluster_config, read_links
from pcs_wrapper.pacemaker.crm_mon import Node

Verdict = Literal["on", "off", "silent", "unknown"]

_PING = ("ping", "-n", "-q", "-c", "3", "-i", "0.3", "-W", "1")
_PINGING = 10.0
_ANSWERED, _SILENT = 0, 1


@dataclass(frozen=True)
class Evidence:
    """What one witness says of a node.

    Attributes:
        witness: Who says it, such as `link 0` or a fencing device.
        verdict: Whether the node is on or off; `silent` if nothing was heard of it; `unknown` if
            the witness could not be asked.
        says: What it says, in a clause.
    """

    witness: str
    verdict: Verdict
    says: str


def evidence(machine: Machine, node: Node, live: etree._Element) -> tuple[Evidence, ...]:
    """Return what every witness says of a node that can be asked from here.

    Args:
        machine: This machine.
        node: The node.
        live: The live CIB.
    """
    return (
        _membership(node),
        *_links(machine, node),
        *_addresses(machine, node.name),
        *_devices(machine, node.name, live),
        *_watchdog(machine, live),
    )


def _membership(node: Node) -> Evidence:
    if node.online:
        return Evidence("membership", "on", "it is a member of the cluster")
    return Evidence("membership", "silent", "it is no member of the cluster")


def _links(machine: Machine, node: Node) -> Iterator[Evidence]:
    links = read_links(machine)
    if links is None:
        yield Evidence("Corosync", "unknown", "it cannot be asked for its links")
    for number, peers in (links or {}).items():
        up = peers.get(node.number)
        if up is not None:
            verdict: Verdict = "on" if up else "silent"
            says = f"Corosync's link {number} to it is {'up' if up else 'down'}"
            yield Evidence(f"link {number}", verdict, says)


def _addresses(machine: Machine, node: str) -> Iterator[Evidence]:
    try:
        addresses = read_cluster_config(machine.runner).nodes.get(node, [])
    except (ProgramError, ClusterError):
        yield Evidence("ping", "unknown", "pcs does not tell its addresses")
        return
    for address in addresses:
        witness = f"ping {address}"
        if machine.runner.find(_PING[0]) is None:
            yield Evidence(witness, "unknown", "ping is not installed (apt install iputils-ping)")
            continue
        try:
            with shown_as_waiting(machine, f"{address} of {node} is asked for an answer (ping)"):
                result = machine.runner.run(
                    *_PING, address, timeout=_PINGING, ok=(_ANSWERED, _SILENT)
                )
        except ProgramError:
            yield Evidence(witness, "unknown", "it could not be pinged")
            continue
        if result.exit_code == _ANSWERED:
            yield Evidence(witness, "on", f"{address} answers")
        else:
            yield Evidence(witness, "silent", f"{address} does not answer")


def _devices(machine: Machine, node: str, live: etree._Element) -> Iterator[Evidence]:
    wanted = by_device(devices_in(live), [node], may_fence)
    for answer in Asking(machine).ask(wanted):
        if answer.power == "unknown":
            yield Evidence(answer.device, "unknown", f"the device does not know: {answer.reason}")
        elif answer.power == "off" and not answer.is_power:
            yield Evidence(
                answer.device,
                "silent",
                "the device says that it has fenced it, but it switches no power",
            )
        else:
            yield Evidence(
                answer.device, answer.power, f"the device says that it is {answer.power}"
            )


def _watchdog(machine: Machine, live: etree._Element) -> Iterator[Evidence]:
    if condition.watchdog_fences(condition.watch(machine, live).properties):
        yield Evidence(
            "SBD",
            "unknown",
            "its watchdog should have reset it, and Pacemaker counts on that; nobody can see it",
        )
