"""Addresses, links and routes of this node, read by rtnetlink(7) in about a millisecond.

Only what the ip agent asks for, with `struct`: pyroute2 takes 200 ms to load, and this is what
every monitor does. The `_socket` module is `socket` without the names for people, which cost as
much time as starting Python does.
"""

from __future__ import annotations

import _socket
import _struct as struct  # the functions alone, as with _socket
import posix  # os without its Python half, which is a tenth of a monitor's time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

AF_INET = int(_socket.AF_INET)
AF_INET6 = int(_socket.AF_INET6)

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x01, 0x04, 0x300, 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
NETLINK_ROUTE, NETLINK_SOCK_DIAG = 0, 4
RTM_NEWLINK, RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE = 16, 18, 22, 26

IFA_ADDRESS, IFA_LOCAL, IFA_LABEL = 1, 2, 3
IFA_F_SECONDARY, IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x01, 0x08, 0x40

IFF_UP, IFF_LOWER_UP = 0x1, 0x10000
IFLA_ADDRESS, IFLA_IFNAME, IFLA_OPERSTATE, IFLA_ALT_IFNAME = 1, 3, 16, 53
LONGEST_NAME = 15  # bytes of an interface's name; alternative ones may be longer
ARPHRD_ETHER = 1
NO_CARRIER = "no carrier"
DOWN_STATES = {1: "not present", 2: NO_CARRIER, 3: "down in the layer below"}  # RFC 2863

RTN_UNICAST, RT_TABLE_MAIN, RTNH_F_DEAD, RTNH_F_LINKDOWN = 1, 254, 0x01, 0x10
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE, RTA_VIA = 1, 4, 5, 6, 15, 18


IPV4_BYTES = 4


class Address:
    """An address on an interface.

    Args:
        ip: The packed address, 4 or 16 bytes.
        prefix: The length of its prefix.
        index: The index of the interface.
        flags: The kernel's flags (IFA_F_*).
        label: Its label, "" if it has none.
        message: The kernel's message about it.

    Attributes:
        secondary: Whether the kernel removes it with another address of its network.
        tentative: Whether the kernel still checks that no other host has it.
        duplicate: Whether another host has it.
    """

    def __init__(
        self,
        ip: bytes,
        prefix: int,
        index: int,
        flags: int,
        *,
        label: str = "",
        message: bytes = b"",
    ) -> None:
        self.ip = ip
        self.prefix = prefix
        self.index = index
        self.label = label
        self.message = message
        self.secondary = bool(flags & IFA_F_SECONDARY)
        self.tentative = bool(flags & IFA_F_TENTATIVE)
        self.duplicate = bool(flags & IFA_F_DADFAILED)


class Link:
    """A network interface.

    Args:
        index: Its index.
        name: Its name.
        hardware: Its hardware address.
        ethernet: Whether it is an Ethernet interface.
        down: Why it is down, "" if it is up.
    """

    def __init__(self, index: int, name: str, hardware: bytes, ethernet: bool, down: str) -> None:
        self.index = index
        self.name = name
        self.hardware = hardware
        self.ethernet = ethernet
        self.down = down


class Route:
    """A route to a directly connected network.

    Args:
        prefix: The length of the network's prefix.
        index: The index of the interface.
        metric: The metric; of several routes the one with the lowest is used.
    """

    def __init__(self, prefix: int, index: int, metric: int) -> None:
        self.prefix = prefix
        self.index = index
        self.metric = metric


def family(ip: bytes) -> int:
    """Return the address family of a packed address."""
    return AF_INET if len(ip) == IPV4_BYTES else AF_INET6


def find(ip: bytes) -> list[Address]:
    """Return every address that equals `ip` (packed), on whatever interface."""
    return [address for address in addresses(family(ip)) if address.ip == ip]


def addresses(family: int) -> list[Address]:
    """Return all addresses of an address family."""
    found = []
    for body in _dump(RTM_GETADDR, struct.pack("=BBBBI", family, 0, 0, 0, 0)):
        _, prefix, flags, _, index = struct.unpack_from("=BBBBI", body)
        attributes = _attributes(body, 8)
        # On a point-to-point link IFA_ADDRESS is the peer; IPv6 has IFA_LOCAL only there.
        ip = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS, b"")
        label = attributes.get(IFA_LABEL, b"").rstrip(b"\0").decode()
        found.append(Address(ip, prefix, index, flags, label=label, message=body))
    return found


def link(index: int) -> Link:
    """Return the interface with an index.

    Raises:
        OSError: There is none.
    """
    [body] = exchange(RTM_GETLINK, 0, struct.pack("=BxHiII", 0, 0, index, 0, 0))
    return _link(body)


def index(name: str) -> int | None:
    """Return the number of the interface with a name, also an alternative one; None if none has."""
    written = name.encode(errors="surrogateescape")
    try:
        if len(written) <= LONGEST_NAME:
            return _socket.if_nametoindex(name)
        [body] = exchange(
            RTM_GETLINK,
            0,
            struct.pack("=BxHiII", 0, 0, 0, 0, 0) + attribute(IFLA_ALT_IFNAME, written + b"\0"),
        )
    except OSError:
        return None
    return _link(body).index


def set_up(index: int) -> None:
    """Set an interface up.

    Raises:
        OSError: The kernel refuses it.
    """
    body = struct.pack("=BxHiII", 0, 0, index, IFF_UP, IFF_UP)
    exchange(RTM_NEWLINK, NLM_F_ACK, body)


def links() -> list[Link]:
    """Return all interfaces."""
    return [_link(body) for body in _dump(RTM_GETLINK, struct.pack("=BxHiII", 0, 0, 0, 0, 0))]


def _link(body: bytes) -> Link:
    _, kind, index, flags, _ = struct.unpack_from("=BxHiII", body)
    attributes = _attributes(body, 16)
    name = attributes[IFLA_IFNAME].rstrip(b"\0").decode()
    state = attributes.get(IFLA_OPERSTATE, b"\0")[0]
    if not flags & IFF_UP:
        down = "not set up"
    else:
        # The kernel may show a lost carrier a second before it changes the operational state.
        down = DOWN_STATES.get(state, "" if flags & IFF_LOWER_UP else NO_CARRIER)
    return Link(index, name, attributes.get(IFLA_ADDRESS, b""), kind == ARPHRD_ETHER, down)


def routes(ip: bytes) -> list[Route]:
    """Return the usable routes to the directly connected networks that contain `ip`, best first.

    Default routes and those through a gateway do not show where an address belongs. One to a host
    alone comes last: it is no network, and often left over from something else.
    """
    found = []
    for body in _dump(RTM_GETROUTE, struct.pack("=BBBBBBBBI", family(ip), *[0] * 8)):
        _, prefix, _, _, table, _, _, kind, flags = struct.unpack_from("=BBBBBBBBI", body)
        if kind != RTN_UNICAST or not prefix or flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN):
            continue
        attributes = _attributes(body, 12)
        if _number(attributes, RTA_TABLE, table) != RT_TABLE_MAIN or RTA_OIF not in attributes:
            continue
        if RTA_GATEWAY in attributes or RTA_VIA in attributes:
            continue
        if same_network(ip, attributes.get(RTA_DST, b""), prefix):
            metric = _number(attributes, RTA_PRIORITY, 0)
            found.append(Route(prefix, _number(attributes, RTA_OIF, 0), metric))
    host = len(ip) * 8
    return sorted(found, key=lambda r: (r.prefix == host, -r.prefix, r.metric))


def exchange(kind: int, flags: int, body: bytes, protocol: int = NETLINK_ROUTE) -> list[bytes]:
    """Send one request and return the bodies of the answers, once the kernel has sent the last.

    Args:
        kind: The type of the message.
        flags: Its flags (NLM_F_*).
        body: What follows the header of the message.
        protocol: The netlink protocol.

    Raises:
        OSError: The kernel refuses it; the error has the kernel's number.
    """
    mode = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
    connection = _socket.socket(_socket.AF_NETLINK, mode, protocol)
    try:
        header = struct.pack("=IHHII", 16 + len(body), kind, flags | NLM_F_REQUEST, 1, 0)
        connection.send(header + body)
        answers = []
        while True:
            for answer, last in _messages(connection.recv(1 << 17)):
                if not last:
                    answers.append(answer)
                if last or not flags & (NLM_F_DUMP | NLM_F_ACK):
                    return answers
    finally:
        connection.close()


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute of a request, padded so that another one may follow."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _dump(kind: int, body: bytes) -> list[bytes]:
    """Return a whole table, read again if it changed meanwhile."""
    while True:
        try:
            return exchange(kind, NLM_F_DUMP, body)
        except InterruptedError:
            continue


def _messages(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield each message's body, and whether it ends the conversation."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind, flags, _, _ = struct.unpack_from("=IHHII", data, offset)
        if flags & NLM_F_DUMP_INTR:
            raise InterruptedError
        if kind == NLMSG_ERROR:
            [error] = struct.unpack_from("=i", data, offset + 16)
            if error:
                raise OSError(-error, posix.strerror(-error))
        ends = kind in (NLMSG_ERROR, NLMSG_DONE)
        yield (b"" if ends else data[offset + 16 : offset + length]), ends
        offset += length + 3 & ~3


def _attributes(body: bytes, offset: int) -> dict[int, bytes]:
    """Return the attributes (type to value) that follow a message's fixed part."""
    found = {}
    while offset + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, offset)
        found[kind & 0x3FFF] = body[offset + 4 : offset + length]
        offset += max(length, 4) + 3 & ~3
    return found


def _number(attributes: dict[int, bytes], kind: int, default: int) -> int:
    value = attributes.get(kind)
    return default if value is None else int(struct.unpack("=I", value)[0])


def same_network(one: bytes, other: bytes, prefix: int) -> bool:
    """Tell whether the first `prefix` bits of two packed addresses are the same."""
    shift = len(one) * 8 - prefix
    return int.from_bytes(one, "big") >> shift == int.from_bytes(other, "big") >> shift
