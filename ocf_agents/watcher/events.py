"""Where the kernel tells that something may have changed: network, mounts, disks, its log.

An event only says "look": what is the case is then read from the kernel anew. So an event that was
lost or came a thousand times changes nothing, and none has to be taken apart.
"""

from __future__ import annotations

import _socket
import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Source(Protocol):
        """A descriptor to poll for `mask`, and how to take note of all that came.

        `lead` is by how many seconds an event may come before what it tells of, `rest` for how many
        after an event it is not listened to, which bounds the load.
        """

        descriptor: int
        mask: int
        lead: float
        rest: float

        def clear(self) -> None:
            """Take note of the events until now."""


NETWORK, MOUNTS, DEVICES, KERNEL = "network", "mounts", "devices", "kernel"

NETLINK_KOBJECT_UEVENT = 15
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100  # rtnetlink(7)
UEVENTS_OF_THE_KERNEL = 1  # group 2 is udev's
ENOUGH = 8192  # bytes; of a longer message the rest is dropped, and nobody reads it


class Netlink:
    """Multicast groups of a netlink family (netlink(7))."""

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
                continue  # ENOBUFS: messages were lost, and this was the only trace of them


class MountTable:
    """Mounts, unmounts and remounts (proc_pid_mountinfo(5)).

    Not that the kernel itself makes a filesystem read-only after an error.
    """

    mask = select.POLLPRI
    lead = 0.0
    rest = 0.05

    def __init__(self) -> None:
        self.descriptor = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)

    def clear(self) -> None:
        """Do nothing: poll(2) tells of each change once."""


class KernelLog:
    """What the kernel logs: it has no other event for all that goes wrong with a filesystem.

    ext4 that becomes read-only after an error, XFS that shuts down, a disk that went offline: each
    leaves a line (kernel: ABI/testing/dev-kmsg). What it says is not read.
    """

    mask = select.POLLIN
    lead = 0.002  # ext4 first writes that it is going to be read-only (ext4_handle_error)
    rest = 0.01  # between the two lines its journal is aborted, and the application notices

    def __init__(self) -> None:
        self.descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.clear()

    def clear(self) -> None:
        """Go to the end."""
        os.lseek(self.descriptor, 0, os.SEEK_END)


def source(name: str) -> Source:
    """Return a source by its name; raises OSError if this host has none of the kind."""
    if name == NETWORK:
        groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
        return Netlink(_socket.NETLINK_ROUTE, groups)
    if name == DEVICES:
        return Netlink(NETLINK_KOBJECT_UEVENT, UEVENTS_OF_THE_KERNEL)
    return MountTable() if name == MOUNTS else KernelLog()
