"""Add an address to an interface, change it and remove it: messages of rtnetlink(7).

Made with `struct`: pyroute2 has a class for them that takes 30 ms to load, of every failover.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import os
import struct

from ocf_agents.network import netlink
from ocf_agents.network.wanted import WantedAddress, is_loopback, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

RTM_NEWADDR, RTM_DELADDR = 20, 21
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS, IFA_RT_PRIORITY = 4, 6, 8, 9
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 0x02, 0x200
IP6_RT_PRIO_ADDRCONF = 256  # the kernel's own metric (net/ip6_route.h)
RT_SCOPE_HOST = 254
FOREVER = 0xFFFFFFFF  # seconds; RFC 4862, 5.5.4: infinity
LONGEST_WITH_BROADCAST = 30  # RFC 3021: a /31 has no broadcast address


class Options:
    """What an address has besides itself and its prefix.

    Args:
        label: The label of an IPv4 address, "" for none.
        preferred: For how many seconds an IPv6 address may be the source of new connections.
        metric: The metric of the route to its network, None for the kernel's own.
        noprefixroute: Whether to do without that route.
        nodad: Whether to do without the kernel's duplicate address detection (IPv6).
    """

    def __init__(
        self,
        *,
        label: str = "",
        preferred: int = FOREVER,
        metric: int | None = None,
        noprefixroute: bool = False,
        nodad: bool = False,
    ) -> None:
        self.label = label
        self.preferred = preferred
        self.metric = metric
        self.flags = (IFA_F_NOPREFIXROUTE if noprefixroute else 0) | (IFA_F_NODAD if nodad else 0)


def add(wanted: WantedAddress, prefix: int, index: int, options: Options) -> None:
    """Add an address, unless it is there already.

    Args:
        wanted: The address.
        prefix: The length of its prefix.
        index: The index of the interface.
        options: What else it has.

    Raises:
        OSError: The kernel refuses it.
    """
    flags = NLM_F_CREATE | NLM_F_EXCL | netlink.NLM_F_ACK
    try:
        netlink.exchange(RTM_NEWADDR, flags, _addition(wanted, prefix, index, options))
    except FileExistsError:
        return


def change(wanted: WantedAddress, address: netlink.Address, options: Options) -> None:
    """Give an address that is here another lifetime or metric.

    Raises:
        OSError: The kernel refuses it.
    """
    body = _addition(wanted, address.prefix, address.index, options)
    if options.metric is None and netlink.family(wanted.ip) == netlink.AF_INET6:
        # The kernel takes no metric for "as it was" (inet6_addr_modify), unlike for IPv4.
        body += netlink.attribute(IFA_RT_PRIORITY, struct.pack("=I", IP6_RT_PRIO_ADDRCONF))
    netlink.exchange(RTM_NEWADDR, NLM_F_REPLACE | netlink.NLM_F_ACK, body)


def restore(message: bytes) -> None:
    """Add an address from the kernel's own message about it, unless it is there already."""
    try:
        netlink.exchange(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | netlink.NLM_F_ACK, message)
    except FileExistsError:
        return


def remove(address: netlink.Address) -> None:
    """Remove an address and no other, unless it is gone already.

    The kernel drops the other addresses of the network with the first one that was added to it,
    unless promote_secondaries is set (ip-sysctl, "promote_secondaries").

    Raises:
        OSError: The kernel refuses it, or others that were dropped cannot be added again.
    """
    # Without IFA_ADDRESS, which is the other end's if the address is part of a point-to-point link.
    body = _ifaddrmsg(address.ip, address.prefix, address.index)
    try:
        if netlink.family(address.ip) == netlink.AF_INET:
            with _PromoteSecondaries(_socket.if_indextoname(address.index)) as promoted:
                dependent = [] if promoted else _dependent(address)
                netlink.exchange(RTM_DELADDR, netlink.NLM_F_ACK, body)
                _add_again(dependent)
        else:
            netlink.exchange(RTM_DELADDR, netlink.NLM_F_ACK, body)
    except OSError as error:
        if error.errno not in (errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENXIO):
            raise


def _dependent(address: netlink.Address) -> list[netlink.Address]:
    """Return the addresses that the kernel drops with one: the secondary ones of its network."""
    same = [
        other
        for other in netlink.addresses(netlink.AF_INET)
        if (other.index, other.prefix) == (address.index, address.prefix)
        and netlink.same_network(other.ip, address.ip, address.prefix)
    ]
    primary = any(other.ip == address.ip and not other.secondary for other in same)
    return [other for other in same if primary and other.secondary]


def _add_again(dropped: list[netlink.Address]) -> None:
    """Add addresses that the kernel has dropped, in their order.

    Raises:
        OSError: One cannot be added.
    """
    for each in dropped:
        try:
            restore(each.message)
        except OSError as error:
            ip = _socket.inet_ntop(netlink.AF_INET, each.ip)
            raise OSError(
                f"{ip} went with another address, and cannot be added: {error}"
            ) from error


class _PromoteSecondaries:
    """Have the kernel keep the addresses that depend on another, while that is removed.

    Two stops may do that on one interface at the same time. They lock the file that has the
    setting, so that neither takes the other's value for the administrator's, nor adds again what
    the other has just removed.

    The value of the `with` block is whether it is so: in containers /proc/sys may be read-only.

    Args:
        interface: The name of the interface.
    """

    def __init__(self, interface: str) -> None:
        self._path = f"/proc/sys/net/ipv4/conf/{interface}/promote_secondaries"
        self._setting = -1
        self._before = b""
        self._changed = False

    def __enter__(self) -> bool:
        for access in (os.O_RDWR, os.O_RDONLY):
            try:
                self._setting = os.open(self._path, access | os.O_CLOEXEC)
            except OSError:
                continue
            fcntl.flock(self._setting, fcntl.LOCK_EX)
            self._before = os.pread(self._setting, 8, 0)
            if self._before.strip() != b"0":
                return True
            if access == os.O_RDWR:
                os.pwrite(self._setting, b"1\n", 0)
                self._changed = True
                return True
            break
        return False

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._setting < 0:
            return
        try:
            if self._changed:
                os.pwrite(self._setting, self._before, 0)
        except OSError:
            pass  # the interface has gone, and the setting with it
        finally:
            os.close(self._setting)


def _ifaddrmsg(ip: bytes, prefix: int, index: int, scope: int = 0) -> bytes:
    """Return what follows the header in a message about an address."""
    fixed = struct.pack("=BBBBI", netlink.family(ip), prefix, 0, scope, index)
    return fixed + netlink.attribute(netlink.IFA_LOCAL, ip)


def _addition(wanted: WantedAddress, prefix: int, index: int, options: Options) -> bytes:
    """Return what follows the header in the message that adds an address."""
    ip = wanted.ip
    body = _ifaddrmsg(ip, prefix, index, RT_SCOPE_HOST if is_loopback(ip) else 0)
    body += netlink.attribute(netlink.IFA_ADDRESS, ip)
    if netlink.family(ip) == netlink.AF_INET:
        if broadcast := _broadcast(wanted, prefix):
            body += netlink.attribute(IFA_BROADCAST, broadcast)
        if options.label:
            body += netlink.attribute(netlink.IFA_LABEL, options.label.encode() + b"\0")
    else:
        lifetimes = struct.pack("=IIII", options.preferred, FOREVER, 0, 0)
        body += netlink.attribute(IFA_CACHEINFO, lifetimes)
    if options.metric is not None:
        body += netlink.attribute(IFA_RT_PRIORITY, struct.pack("=I", options.metric))
    return body + netlink.attribute(IFA_FLAGS, struct.pack("=I", options.flags))


def _broadcast(wanted: WantedAddress, prefix: int) -> bytes:
    """Return the packed broadcast address; b"" if there is none."""
    given = pack(wanted.broadcast)
    if given is not None:
        return given
    if prefix > LONGEST_WITH_BROADCAST and not wanted.broadcast:
        return b""
    host_bits = (1 << 32 - prefix) - 1
    last = int.from_bytes(wanted.ip, "big") | host_bits
    return (last ^ host_bits if wanted.broadcast == "-" else last).to_bytes(4, "big")
