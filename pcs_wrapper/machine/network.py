"""The network as this machine's kernel tells of it, and what others answer in it."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

# For a connection to a machine in the same network, in seconds.
_PATIENCE = 1.0
# More than a list of all agents of a machine has, in bytes.
_LONGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """Something that is asked of a program on another machine, by HTTPS.

    Attributes:
        address: The machine's address.
        port: The program's port.
        path: What is asked.
        token: The token by which it knows this machine, which nobody else may see.
        body: What it is told with that.
        timeout: For how long its answer is waited for, in seconds.
    """

    address: str
    port: int
    path: str
    token: str = field(repr=False)
    body: str = ""
    timeout: float = 60.0


@dataclass(frozen=True)
class Response:
    """The answer to a request.

    Attributes:
        status: HTTP's status, such as 200.
        text: The answer.
    """

    status: int
    text: str


class Netlink(Protocol):
    """A connection to the kernel's part for the network, as pyroute2's IPRoute is one."""

    def get_links(self) -> Iterable[Any]:
        """Return a message for each interface."""

    def get_addr(self) -> Iterable[Any]:
        """Return a message for each address."""


def own_addresses(opened: Netlink) -> set[str]:
    """Return all addresses of this machine.

    Args:
        opened: A connection to the kernel.
    """
    found = opened.get_addr()
    return {str(each.get_attr("IFA_LOCAL") or each.get_attr("IFA_ADDRESS")) for each in found}


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


def ask(request: Request) -> Response:
    """Ask a program on another machine, such as pcsd.

    Its certificate is not verified, as pcs itself verifies none: pcsd makes its own on every node,
    and nobody else knows it. So what is asked over a network is as safe as what pcs asks over it.

    Args:
        request: What is asked.

    Raises:
        OSError: The machine does not answer, or not as a program of its kind.
    """
    import http.client  # with ssl it takes a while, which other commands should not spend
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(
        request.address, request.port, timeout=request.timeout, context=context
    )
    headers = {"Cookie": f"token={request.token}"}
    try:
        method = "POST" if request.body else "GET"
        connection.request(method, request.path, request.body.encode() or None, headers)
        answer = connection.getresponse()
        return Response(answer.status, answer.read(_LONGEST).decode(errors="replace"))
    except http.client.HTTPException as error:
        raise OSError(f"it does not answer as pcsd does ({error!r})") from None
    finally:
        connection.close()
