"""Addresses that a resource shall have and somebody else has, however they are written."""

from __future__ import annotations

from ocf_agents.conflicts.question import Conflict
from ocf_agents.network import netlink
from ocf_agents.network.parameters import IpParameters
from ocf_agents.network.wanted import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocf_agents.conflicts.question import Resource

MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address, written as an IPv6 one (RFC 4291, 2.5.5.2)
LOOPBACK = 1  # the number of "lo" in every network namespace


def conflicts(
    resource: Resource, others: list[Resource], *, looks: bool = True
) -> Iterator[Conflict]:
    """Find who has an address that a resource shall have.

    Args:
        resource: The resource.
        others: All other resources.
        looks: Whether to look at the addresses of this node, too.
    """
    was = _addresses(resource.was) if resource.was is not None else set()
    for ip in sorted(_addresses(resource.parameters) - was):
        owners = [other for other in others if ip in _addresses(other.parameters)]
        rivals = [other for other in owners if other.id != resource.id and not other.leaves]
        for other in rivals:
            message = f"{text(ip)} is the address of {other}"
            yield Conflict(resource, "address", message, other.id)
        if owners or resource.remembered() or not looks:
            continue  # another resource has brought it up, or this one has
        for here in netlink.find(ip):
            if here.index != LOOPBACK or not _is_true(resource.parameters.get("lvs_support")):
                name = netlink.link(here.index).name
                message = f"{text(ip)} is an address of {name} already, not by the cluster"
                yield Conflict(resource, "address", message)
                break


def _addresses(parameters: dict[str, str]) -> set[bytes]:
    environ = {f"OCF_RESKEY_{name}": value for name, value in parameters.items()}
    return {each.ip.removeprefix(MAPPED) for each in IpParameters(environ).wanted()}


def _is_true(text: str | None) -> bool:
    from ocf_agents.runtime.parameters import TRUE

    return (text or "").lower() in TRUE
