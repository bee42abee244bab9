"""The parameters of ocf:takeover:ip; those that IPaddr2 has, too, mean the same there."""

from __future__ import annotations

from ocf_agents.network import netlink
from ocf_agents.network.wanted import WantedAddress, is_link_local, pack, parse, prefix_length
from ocf_agents.runtime.agent import AgentError, Code
from ocf_agents.runtime.parameters import Boolean, Integer, Text, decimal
from ocf_agents.runtime.watched import Watched

LONGEST_LABEL = 15  # bytes; the kernel's IFNAMSIZ without the end
LONGEST_LIFETIME = 0xFFFFFFFE  # seconds; one more is for ever
BROADCASTS = ("+", "-")
FOREVER = "forever"


class IpParameters(Watched):
    """The parameters of floating addresses."""

    ip = Text(
        "Address",
        "The IPv4 or IPv6 address, for example 198.51.100.7 or 2001:db8::7. This or `addresses` "
        "is needed.",
        unique_group="address",
    )
    cidr_netmask = Text(
        "Prefix length or netmask",
        "The prefix length (24, 64), or for IPv4 a netmask (255.255.255.0). "
        "Taken from the route to the address if absent.",
    )
    addresses = Text(
        "More addresses",
        "Addresses that come and go together, in addition to `ip` or instead of it, for example "
        '"198.51.100.8/24 2001:db8::8/64". The prefix length may be absent as that of `ip` may. '
        "If one cannot be added, none is.",
        unique_group="address",
    )
    nic = Text(
        "Interface",
        "The network interface, by its name or an alternative name. Taken from the route to the "
        "address if absent. A link-local IPv6 address needs it.",
        unique_group="address",
    )
    iflabel = Text(
        "Label",
        "A label for IPv4 addresses, which old tools such as ifconfig show. It is put behind the "
        "name of the interface and a colon; together they have at most 15 characters.",
    )
    broadcast = Text(
        "Broadcast address",
        'That of an IPv4 `ip`; "+" or "-" for the address of the network with all bits of the '
        "host set or cleared. As with + if absent, and with a prefix length up to 30.",
    )
    noprefixroute = Boolean(
        "Without a route to the network",
        "Do not add the route to the address's network that the kernel adds by itself.",
        default=False,
    )
    metric = Integer(
        "Metric of the route",
        "The metric of the route to the address's network; a lower one is preferred.",
        maximum=LONGEST_LIFETIME,
        reloadable=True,
    )
    preferred_lft = Text(
        "Preferred lifetime (IPv6)",
        "For how many seconds an IPv6 address may be the source of new connections of this node "
        '(RFC 4862, section 5.5.4), or "forever". With 0 it never is.',
        default=FOREVER,
        reloadable=True,
    )
    nodad = Boolean(
        "No check for another host (IPv6)",
        "Add an IPv6 address without a check whether another host has it.",
        default=False,
    )
    conflict_wait = Integer(
        "Time to object, in ms",
        "A start asks the neighbours on an Ethernet link whether one has the address already, and "
        "fails if one answers within this time. With 0 it asks nobody; for IPv6 the kernel then "
        "does, which takes one to two seconds (see `nodad`).",
        default="15",
        maximum=10000,
        reloadable=True,
    )
    arp_count = Integer(
        "Number of announcements",
        "How many times a start tells the neighbours where the address is now (gratuitous ARP, "
        "unsolicited neighbour advertisements): the first time before it ends, the others in the "
        "background.",
        default="5",
        maximum=1000,
        reloadable=True,
    )
    arp_interval = Integer(
        "Time between announcements, in ms",
        "The time from one announcement to the next.",
        default="200",
        minimum=1,
        maximum=60000,
        reloadable=True,
    )
    arp_count_refresh = Integer(
        "Number of announcements by a monitor",
        "How many times each recurring monitor repeats the announcement, against devices that "
        "learn it again from elsewhere.",
        default="0",
        maximum=1000,
        reloadable=True,
    )
    check_link_status = Boolean(
        "A link that is down is a failure",
        "Fail the start and the monitor if the link is down or without a carrier, so that the "
        "service moves.",
        default=True,
        reloadable=True,
    )
    link_up = Boolean(
        "Set the link up",
        "Have a start set the interface up if it is down. A stop leaves it up.",
        default=False,
        reloadable=True,
    )
    kill_connections_on_stop = Boolean(
        "Close connections on stop",
        "Close the TCP connections of the address when it leaves the node. Clients get a reset at "
        "once, instead of waiting for a server that has moved.",
        default=False,
        reloadable=True,
    )
    lvs_support = Boolean(
        "LVS with direct routing",
        "The node is also a real server of an LVS director, and has the address on its loopback "
        "interface while it is not the director: a start removes it there, and a stop puts it "
        "back.",
        default=False,
    )

    @property
    def interface(self) -> str:
        """The name of the interface, "" for any; in old resources it is followed by a label."""
        return self.nic.partition(":")[0]

    @property
    def names(self) -> str:
        """All addresses, for people."""
        return ", ".join(str(wanted) for wanted in self.wanted())

    def label(self, interface: str) -> str:
        """Return the label of an address on an interface, "" if none is asked for.

        Raises:
            AgentError: It is too long on this node; on others the interface may have a shorter name
                (ERR_ARGS).
        """
        label = self.nic.partition(":")[2] or self.iflabel
        if not label:
            return ""
        label = f"{interface}:{label}"
        if len(label.encode()) > LONGEST_LABEL:
            raise AgentError(
                f"the label {label} is longer than {LONGEST_LABEL} characters", Code.ERR_ARGS
            )
        return label

    def wanted(self) -> list[WantedAddress]:
        """Return the addresses that are asked for, without texts that are no address."""
        found = [*map(parse, self.addresses.replace(",", " ").split())]
        ip = pack(self.ip)
        if ip is not None:
            prefix = prefix_length(self.cidr_netmask, ip)
            found.insert(0, WantedAddress(ip, prefix, self.broadcast))
        unique: dict[bytes, WantedAddress] = {}
        for wanted in found:
            if wanted is not None:
                unique.setdefault(wanted.ip, wanted)
        return list(unique.values())

    def problems(self) -> list[str]:
        """Return what is wrong with the parameters together."""
        if not self.ip and not self.addresses:
            return ["the parameter ip is missing, and addresses, too"]
        found = self._address_problems()
        if self.broadcast and self.broadcast not in BROADCASTS:
            broadcast = pack(self.broadcast)
            if broadcast is None or netlink.family(broadcast) != netlink.AF_INET:
                found.append(f'broadcast={self.broadcast} is not an IPv4 address, "+" or "-"')
        lifetime = self.preferred_lft
        seconds = decimal(lifetime)
        if lifetime != FOREVER and (seconds is None or seconds > LONGEST_LIFETIME):
            found.append(f"preferred_lft={lifetime} is neither a number of seconds nor {FOREVER}")
        return found

    def _address_problems(self) -> list[str]:
        ip = pack(self.ip)
        if self.ip and ip is None:
            return [f"ip={self.ip} is not an IPv4 or IPv6 address (198.51.100.7, 2001:db8::7)"]
        found = []
        if ip and self.cidr_netmask and prefix_length(self.cidr_netmask, ip) is None:
            found.append(
                f"cidr_netmask={self.cidr_netmask} is neither a prefix length from 1 to "
                f"{len(ip) * 8} nor an IPv4 netmask"
            )
        found += [
            f"addresses: {each} is not like 198.51.100.8/24 or 2001:db8::8/64"
            for each in self.addresses.replace(",", " ").split()
            if parse(each) is None
        ]
        if not self.interface:
            found += [
                f"{wanted} is link-local: it needs the parameter nic"
                for wanted in self.wanted()
                if is_link_local(wanted.ip)
            ]
        return found
