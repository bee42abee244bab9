"""Connections to a port of an application, and the check that asks for no more than one."""

from __future__ import annotations

import _socket

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded

ATTEMPT = 2.0  # seconds; a port that accepts no connection by then does not serve
MOST = 1 << 16  # port numbers
DIGITS = 5  # of the highest one


class TcpCheck:
    """A check that passes when a port accepts a connection."""

    poll = 0.01

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self.address = (host, port)

    def problem(self, deadline: Deadline) -> AgentError | None:
        """Return why it does not pass, None if it does."""
        limit = Deadline(min(ATTEMPT, deadline.left()))

        def attempt() -> str:
            connect(self._host, self._port, limit).close()
            return ""

        try:
            bounded(attempt, limit, f"connecting to port {self._port} of {self._host}")
        except AgentError as error:
            return error
        return None


def host_and_port(text: str) -> tuple[str, int] | None:
    """Return the host and the port of HOST:PORT, where an IPv6 address is in brackets.

    Returns:
        Host and port, which is 0 if the text has none; None if the text is no HOST:PORT.
    """
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, "0"
    elif not (port.isascii() and port.isdigit() and len(port) <= DIGITS and 0 < int(port) < MOST):
        return None
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        return (host, int(port)) if ":" in host else None
    return (host, int(port)) if host and ":" not in host else None


def connect(host: str, port: int, limit: Deadline) -> _socket.socket:
    """Return a connection to a port.

    Finding the address of a name may take longer than the limit.

    Raises:
        OSError: There is no connection; the error says why.
    """
    problem = OSError(0, "there is no address of that name")
    # As bytes: the encoding of international names takes as long to load as all the rest.
    found = _socket.getaddrinfo(host.encode(), port, 0, _socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        connection = _socket.socket(family, kind | _socket.SOCK_CLOEXEC, protocol)
        connection.settimeout(max(limit.left(), 0.01))
        try:
            connection.connect(address)
        except TimeoutError:
            problem = OSError(0, "no answer in time")
        except OSError as error:
            problem = error
        else:
            return connection
        connection.close()
    raise problem
