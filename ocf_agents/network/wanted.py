"""The addresses that a resource's parameters ask for, however they are written."""

from __future__ import annotations

import _socket

from ocf_agents.network import netlink
from ocf_agents.runtime.parameters import decimal

LINK_LOCAL = b"\xfe\x80" + bytes(14)
LOOPBACK, LOOPBACK_PREFIX = 127, 8  # RFC 1122, 3.2.1.3


class WantedAddress:
    """An address that is asked for.

    Args:
        ip: The packed address.
        prefix: The length of its prefix, None if the routes decide it.
        broadcast: As in the parameter: an address, "+", "-", or "" for the usual one.
    """

    def __init__(self, ip: bytes, prefix: int | None = None, broadcast: str = "") -> None:
        self.ip = ip
        self.prefix = prefix
        self.broadcast = broadcast

    def __str__(self) -> str:
        return text(self.ip)


def pack(written: str) -> bytes | None:
    """Return an address as bytes, the same for all ways to write it; None for any other text."""
    for family in (netlink.AF_INET, netlink.AF_INET6):
        try:
            return _socket.inet_pton(family, written)
        except OSError:
            continue
    return None


def text(ip: bytes) -> str:
    """Return a packed address as it is usually written (IPv6: RFC 5952)."""
    return _socket.inet_ntop(netlink.family(ip), ip)


def prefix_length(written: str, ip: bytes) -> int | None:
    """Return what a prefix length or an IPv4 netmask stands for; None if it does not fit `ip`."""
    if (length := decimal(written)) is not None:
        return length if 1 <= length <= len(ip) * 8 else None
    mask = pack(written)
    if mask is None or {netlink.family(mask), netlink.family(ip)} != {netlink.AF_INET}:
        return None
    ones = f"{int.from_bytes(mask, 'big'):032b}".rstrip("0")
    return len(ones) if ones and "0" not in ones else None


def parse(written: str) -> WantedAddress | None:
    """Return what "ADDRESS/PREFIX" or "ADDRESS" asks for; None if it is neither."""
    address, slash, prefix = written.partition("/")
    ip = pack(address)
    if ip is None:
        return None
    length = prefix_length(prefix, ip)
    return None if slash and length is None else WantedAddress(ip, length)


def is_link_local(ip: bytes) -> bool:
    """Tell whether it is in fe80::/10, which every interface has for itself (RFC 4291, 2.5.6)."""
    return netlink.family(ip) == netlink.AF_INET6 and netlink.same_network(ip, LINK_LOCAL, 10)


def is_loopback(ip: bytes) -> bool:
    """Tell whether it is in 127.0.0.0/8, whose route is in another table than all others."""
    return netlink.family(ip) == netlink.AF_INET and ip[0] == LOOPBACK
