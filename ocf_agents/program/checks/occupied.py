"""Who answers a port of this host, before the application that is to have it is started."""

from __future__ import annotations

import _socket
import os

from ocf_agents.program.checks.tcp import connect
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.process import name

ATTEMPT = 2.0  # seconds; whoever is here answers at once, but on a busy machine
SOMEBODY = "another process"
LISTENING = "0A"  # state of a socket in /proc/net/tcp (proc_pid_net(5))
LOCAL, STATE, INODE = 1, 3, 9  # fields there


def occupant(host: str, port: int, deadline: Deadline) -> str:
    """Return who answers, as well as that can be known; "" if nobody of this host does.

    Args:
        host: The host of the ready check: this one, under whatever name.
        port: The port.
        deadline: When that has to be known.
    """
    limit = Deadline(min(ATTEMPT, deadline.left()))
    try:
        if not bounded(lambda: _answered(host, port, limit), limit, "asking who is there"):
            return ""
    except AgentError:
        return ""  # as it should be: nobody answers
    try:
        return bounded(lambda: _listeners(port), limit, "looking who it is") or SOMEBODY
    except AgentError:
        return SOMEBODY


def _answered(host: str, port: int, limit: Deadline) -> str:
    """Return "yes" if somebody on this host answers; no other host is asked."""
    if not _is_here(host, port):
        return ""
    connect(host, port, limit).close()
    return "yes"


def _is_here(host: str, port: int) -> bool:
    """Tell whether a host is this one: its address is then that from which it is spoken to."""
    for family, _, _, _, address in _socket.getaddrinfo(host.encode(), port, 0, _socket.SOCK_DGRAM):
        with_no_packet = _socket.socket(family, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            with_no_packet.connect(address)
            if with_no_packet.getsockname()[0] == address[0]:
                return True
        except OSError:
            continue  # there is no way to it
        finally:
            with_no_packet.close()
    return False


def _listeners(port: int) -> str:
    """Return the names and numbers of the processes that listen on a port; "" if none is found."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            links = [os.readlink(each.path) for each in os.scandir(f"/proc/{pid}/fd")]
        except OSError:
            continue  # it has ended
        if sockets.intersection(links):
            found[int(pid)] = name(int(pid))
    return ", ".join(f"{what} ({pid})" for pid, what in sorted(found.items())[:1])


def _inodes(port: int) -> list[str]:
    found = []
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{table}", encoding="ascii") as file:
                rows = [line.split() for line in file]
        except OSError:
            continue  # without IPv6 there is no such table
        found += [
            row[INODE]
            for row in rows[1:]
            if row[STATE] == LISTENING and int(row[LOCAL].rpartition(":")[2], 16) == port
        ]
    return found
