"""The network as this machine's kernel tells of it, and whether somebody else answers in it."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

# For a connection to a machine in the same network, in seconds.
_PATIENCE = 1.0


class Netlink(Protocol):
    """A connection to the kernel's part for the network, as pyroute2's IPRoute is one."""

    def get_links(self) -> Iterable[Any]:
        """Return a message for each interface."""

    def get_addr(self) -> Iterable[Any]:
        """Return a message for each address."""


def netlink() -> AbstractContextManager[Netlink]:
    """Open a connection to the kernel."""
    from pyroute2 import IPRoute  # it takes a second, which other commands should not spend

    opened: AbstractContextManager[Netlink] = IPRoute()
    return opened


def listens(address: str, port: int) -> bool:
    """Return whether a program listens at an address and a TCP port."""
    try:
        socket.create_connection((address, port), _PATIENCE).close()
    except OSError:
        return False
    return True
