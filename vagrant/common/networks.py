"""The networks of a rig, and who has which address in them."""

import ipaddress
from enum import StrEnum


class Link(StrEnum):
    """A network of the rig, and the name of a node's interface in it.

    Addresses are from the blocks for documentation (RFC 5737, RFC 3849), so that nothing of the rig
    can be mistaken for a real host.
    """

    LINK0 = "link0"
    """First cluster link, also the network that clients use."""
    LINK1 = "link1"
    """Second cluster link."""
    STORAGE = "storage"
    """Between the nodes and the iSCSI target."""

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        """The link's IPv4 network."""
        return {
            Link.LINK0: ipaddress.IPv4Network("198.51.100.0/24"),
            Link.LINK1: ipaddress.IPv4Network("203.0.113.0/25"),
            Link.STORAGE: ipaddress.IPv4Network("203.0.113.128/26"),
        }[self]

    @property
    def subnet6(self) -> ipaddress.IPv6Network:
        """The link's IPv6 network."""
        index = list(Link).index(self)
        return ipaddress.IPv6Network(f"2001:db8:{index}::/64")

    def host(self, number: int) -> list[str]:
        """Return the addresses, with prefix length, of host `number` in this link."""
        return [f"{net[number]}/{net.prefixlen}" for net in (self.subnet, self.subnet6)]


CLUSTER_LINKS = (Link.LINK0, Link.LINK1)

# Host numbers inside each link's networks. Nodes follow FIRST_NODE_HOST.
STORAGE_HOST = 1
WITNESS_HOST = 2
FIRST_NODE_HOST = 11
CLIENT_HOST = 60
FLOATING_HOST = 100
"""The first of the host numbers that are free for services, in `Link.LINK0`."""


def floating_address(number: int = 0) -> str:
    """Return one of the IPv4 addresses in the clients' network that no host of the rig has."""
    return str(Link.LINK0.subnet[FLOATING_HOST + number])
