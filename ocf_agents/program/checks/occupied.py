"""Who answers a port of this host, before the application that is to have it is started."""

from __future__ import annotations

import os

from ocf_agents.program.checks.tcp import connect
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.process import name

ATTEMPT = 0.2  # seconds; whoever is here answers at once
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
        return bounded(lambda: _occupant(host, port, limit), limit, "asking who is there")
    except AgentError:
        return ""  # as it should be: nobody answers


def _occupant(host: str, port: int, limit: Deadline) -> str:
    connection = connect(host, port, limit)
    # The two are one for whoever is on this host, and different for any other.
    here = connection.getsockname()[0] == connection.getpeername()[0]
    connection.close()
    return (_listeners(port) or "another process") if here else ""


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
