"""The kernel's events when something may have changed: network, mounts, disks, its log.

An event only says that it is time to look; the state itself is then read from the kernel. So it
changes nothing if an event is lost or comes a thousand times, and none has to be parsed.
"""

from __future__ import annotations

import _socket
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Source(Protocol):
        """A source of events.

        Attributes:
            descriptor: A descriptor to poll.
            mask: What to poll it for.
            lead: By how many seconds an event may come before the change that it announces.
            rest: For how many seconds after an event the source is not polled; it bounds the load.
        """

        descriptor: int
        mask: int
        lead: float
        rest: float

        def clear(self) -> None:
            """Remove the events that have come until now."""


NETWORK, MOUNTS, DEVICES, KERNEL = "network", "mounts", "devices", "kernel"

NETLINK_KOBJECT_UEVENT = 15
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100  # rtnetlink(7)
UEVENTS_OF_THE_KERNEL = 1  # group 2 is udev's
ENOUGH = 8192  # bytes; of a longer message the rest is dropped, and nobody reads it


class Netlink:
    """Multicast groups of a netlink family (netlink(7)).

    Args:
        family: The netlink family.
        groups: The groups, a bit for each.
    """

    mask = select.POLLIN
    lead = 0.0
    rest = 0.05

    def __init__(self, family: int, groups: int) -> None:
        self._socket = _socket.socket(
            _socket.AF_NETLINK,
            _socket.SOCK_RAW | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK,
            family,
        )
        self._socket.bind((0, groups))
        self.descriptor = self._socket.fileno()

    def clear(self) -> None:
        """Read all messages."""
        while True:
            try:
                self._socket.recv(ENOUGH)
            except BlockingIOError:
                return
            except OSError:
                continue  # ENOBUFS: messages were lost, which does not matter


class MountTable:
    """Mounts, unmounts and remounts (proc_pid_mountinfo(5)).

    It has no event when the kernel itself makes a filesystem read-only after an error.
    """

    mask = select.POLLPRI
    lead = 0.0
    rest = 0.05

    def __init__(self) -> None:
        self.descriptor = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)

    def clear(self) -> None:
        """Do nothing: poll(2) reports each change once."""


class KernelLog:
    """What the kernel logs: it has no other event for all that goes wrong with a filesystem.

    ext4 that becomes read-only after an error, XFS that shuts down, a disk that went offline: each
    leaves a line (kernel: ABI/testing/dev-kmsg). The text of the line is not read.
    """

    mask = select.POLLIN
    lead = 0.002  # ext4 first writes that it is going to be read-only (ext4_handle_error)
    rest = 0.01  # between the two lines its journal is aborted, and the application notices

    def __init__(self) -> None:
        self.descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.clear()

    def clear(self) -> None:
        """Skip all lines until now."""
        os.lseek(self.descriptor, 0, os.SEEK_END)


def source(name: str) -> Source:
    """Return a source by its name.

    Raises:
        OSError: This host has no such source.
    """
    if name == NETWORK:
        groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
        return Netlink(_socket.NETLINK_ROUTE, groups)
    if name == DEVICES:
        return Netlink(NETLINK_KOBJECT_UEVENT, UEVENTS_OF_THE_KERNEL)
    return MountTable() if name == MOUNTS else KernelLog()
