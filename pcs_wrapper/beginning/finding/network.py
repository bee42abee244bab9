"""The networks that this machine is in, and the addresses that other nodes have in them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pcs_wrapper.beginning.finding.asking import answer
from pcs_wrapper.machine.machine import Machine

# Of linux/if.h and linux/if_addr.h.
_UP, _LOOPBACK, _RUNNING = 0x1, 0x8, 0x40
_PERMANENT, _TEMPORARY = 0x80, 0x01
# RT_SCOPE_UNIVERSE: not for this link or this host alone.
_EVERYWHERE = 0
# Networks inside of this machine, and tunnels: of containers, virtual machines and VPNs.
_INNER = re.compile(r"(docker|podman|virbr|lxcbr|lxdbr|cni|cali|flannel|tailscale|wg|zt)\w*|br-\w+")


@dataclass(frozen=True)
class Link:
    """A network that this machine is in.

    Attributes:
        interface: The interface.
        address: This machine's address.
        network: The network, such as 198.51.100.0/24.
        is_leased: Whether the address is only lent, by DHCP for example.
    """

    interface: str
    address: str
    network: str
    is_leased: bool

    def has(self, address: str) -> bool:
        """Return whether an address is in this network; what is no address is not."""
        found = _address(address)
        return found is not None and found in ipaddress.ip_network(self.network)

    def neighbour(self, like: str) -> str:
        """Return the address in this network that ends as an address of another one does.

        Args:
            like: The other address.

        Returns:
            The address; nothing if one of them is IPv4 and the other IPv6, or no address at all.
        """
        network, other = ipaddress.ip_network(self.network), _address(like)
        if other is None or other.version != network.version:
            return ""
        number = int(network.network_address) | (int(other) & int(network.hostmask))
        return str(ipaddress.ip_address(number))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def links(machine: Machine) -> list[Link]:
    """Return the networks of the interfaces that are up, one for each interface.

    Of several addresses of an interface that is the first one that stays, IPv4 before IPv6.
    """
    with machine.netlink() as netlink:
        names = {
            each["index"]: str(each.get_attr("IFLA_IFNAME"))
            for each in netlink.get_links()
            if each["flags"] & _UP and each["flags"] & _RUNNING and not each["flags"] & _LOOPBACK
        }
        found = [each for each in netlink.get_addr() if each["scope"] == _EVERYWHERE]
    by_interface: dict[str, list[Link]] = {}
    for each in found:
        name = names.get(each["index"], "")
        flags = each.get_attr("IFA_FLAGS") or each["flags"]
        if name and not _INNER.fullmatch(name) and not flags & _TEMPORARY:
            address = str(each.get_attr("IFA_LOCAL") or each.get_attr("IFA_ADDRESS"))
            network = ipaddress.ip_interface(f"{address}/{each['prefixlen']}").network
            by_interface.setdefault(name, []).append(
                Link(name, address, str(network), not flags & _PERMANENT)
            )
    return list(_one_of_each_network(min(each, key=_rank) for each in by_interface.values()))


def _one_of_each_network(found: Iterator[Link]) -> Iterator[Link]:
    """Yield each network once: two links in one network fail together."""
    seen = set()
    for link in found:
        if link.network not in seen:
            seen.add(link.network)
            yield link


def _rank(link: Link) -> tuple[bool, bool]:
    return ipaddress.ip_address(link.address).version != 4, link.is_leased  # noqa: PLR2004


def addresses(machine: Machine, host: str) -> list[str]:
    """Return the addresses of a name, as this machine resolves it; none if it cannot."""
    lines = answer(machine, "getent", "ahosts", host).splitlines()
    found = (_address(line.split()[0]) for line in lines if line.split())
    return list(dict.fromkeys(str(each) for each in found if each and not each.is_loopback))


def in_networks(found: Sequence[str], of: Sequence[Link]) -> dict[str, str]:
    """Return which of some addresses is in each network, for the networks that have one."""
    known = {link.network: [each for each in found if link.has(each)] for link in of}
    return {network: each[0] for network, each in known.items() if each}
