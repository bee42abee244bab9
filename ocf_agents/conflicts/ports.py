"""Ports that an application shall have and somebody else listens on, on this node."""

from __future__ import annotations

import os

from ocf_agents.conflicts.question import ADDRESSES, APPLICATIONS, Conflict
from ocf_agents.network.parameters import IpParameters
from ocf_agents.network.wanted import is_loopback, pack
from ocf_agents.program.checks.occupied import LISTENING
from ocf_agents.program.containment import containment
from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.process import name, recall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocf_agents.conflicts.question import Resource

LOCAL, STATE, INODE = 1, 3, 9  # fields of /proc/net/tcp (proc_pid_net(5))
WORD = 4  # bytes; the table has each with the lowest one first
MAPPED = bytes(10) + b"\xff\xff"
LOOPBACK6 = bytes(15) + b"\x01"
UNIT_SUFFIXES = (".service", ".scope", ".socket")


class Listener:
    """Somebody who listens.

    Args:
        ip: On which packed address; of zeros alone, on all.
        inode: The number of the socket.
    """

    def __init__(self, ip: bytes, inode: str) -> None:
        self.ip = ip.removeprefix(MAPPED)
        self.socket = f"socket:[{inode}]"

    def answers(self, host: bytes) -> bool:
        """Tell whether it answers at an address."""
        return not any(self.ip) or self.ip == host


def conflicts(resource: Resource, others: list[Resource], limit: Deadline) -> Iterator[Conflict]:
    """Find who listens on a port that the checks of an application ask.

    Args:
        resource: The application.
        others: All other resources.
        limit: When that has to be known.
    """
    was = _ports(resource.was) if resource.was is not None else set()
    local = _addresses_of_service(resource, others)
    for host, port in sorted(_ports(resource.parameters) - was):
        ip = _packed(host)
        if ip is None or not (is_loopback(ip) or ip == LOOPBACK6 or ip in local):
            continue
        for listener in _listeners(port):
            if not limit.left() or not listener.answers(ip):
                continue
            pids = _processes(listener)
            holder = _holder(pids, [resource, *others])
            if holder is not None and not _is_in_the_way(resource, holder):
                continue
            who = f"{holder}, " if holder else ""
            process = f"{name(pids[0])} ({pids[0]})" if pids else "another process"
            message = f"port {port} is in use by {who}{process}"
            yield Conflict(resource, "port", message, holder.id if holder else "")
            break


def _is_in_the_way(resource: Resource, holder: Resource) -> bool:
    if holder.id == resource.id or holder.service in resource.apart:
        return False
    return resource.is_rival_of(holder) and resource.service not in holder.apart


def _ports(parameters: dict[str, str]) -> set[tuple[str, int]]:
    """Return host and port of each check that connects to one."""
    from ocf_agents.program.checks.command import not_to_run
    from ocf_agents.program.checks.grammar import parse_check

    found = set()
    for check in ("ready", "health"):
        value = parameters.get(check, "")
        if not value.startswith(("tcp:", "http:", "https:")):
            continue
        try:
            where = getattr(parse_check(check, value, not_to_run), "address", None)
        except AgentError:
            continue
        if where is not None:
            found.add(where)
    return found


def _packed(host: str) -> bytes | None:
    """Return the address of a host; None if it is a name, which is not looked up."""
    if host in ("localhost", "ip6-localhost"):
        return pack("127.0.0.1")
    ip = pack(host)
    return ip.removeprefix(MAPPED) if ip else None


def _addresses_of_service(resource: Resource, others: list[Resource]) -> set[bytes]:
    found: set[bytes] = set()
    for other in others:
        if other.service == resource.service and other.agent in ADDRESSES:
            environ = {f"OCF_RESKEY_{name}": value for name, value in other.parameters.items()}
            found |= {each.ip for each in IpParameters(environ).wanted()}
    return found


def _listeners(port: int) -> Iterator[Listener]:
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{table}", encoding="ascii") as file:
                rows = [line.split() for line in file]
        except OSError:
            continue  # without IPv6 there is no such table
        for row in rows[1:]:
            address, _, number = row[LOCAL].rpartition(":")
            if row[STATE] == LISTENING and int(number, 16) == port:
                raw = bytes.fromhex(address)
                words = [raw[at : at + WORD][::-1] for at in range(0, len(raw), WORD)]
                yield Listener(b"".join(words), row[INODE])


def _processes(listener: Listener) -> list[int]:
    """Return the processes that have a listener's socket."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            links = [os.readlink(each.path) for each in os.scandir(f"/proc/{pid}/fd")]
        except OSError:
            continue  # it has ended
        if listener.socket in links:
            found.append(int(pid))
    return sorted(found)


def _holder(pids: list[int], resources: list[Resource]) -> Resource | None:
    """Return the resource that processes belong to, as far as that can be known."""
    units = {_unit(pid) for pid in pids}
    for resource in resources:
        kind, _, unit = resource.agent.partition(":")
        if kind in ("systemd", "service", "lsb") and _bare(unit) in units:
            return resource
        if resource.agent not in APPLICATIONS:
            continue
        main = recall(resource.remembered())
        if main is not None and main.pid in pids:
            return resource
        if not set(pids).isdisjoint(containment(resource.id, resource.state).members()):
            return resource
    return None


def _unit(pid: int) -> str:
    """Return the systemd unit of a process, without its kind; "" if it is in none."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            path = file.read().rpartition("::")[2].strip()
    except OSError:
        return ""
    return next((_bare(part) for part in path.split("/")[::-1] if part.endswith(UNIT_SUFFIXES)), "")


def _bare(unit: str) -> str:
    for suffix in UNIT_SUFFIXES:
        unit = unit.removesuffix(suffix)
    return unit
