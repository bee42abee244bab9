"""Which processes are never ended: the cluster's own, the system's, and what runs this agent.

To kill these would be worse than a failed stop: the node would be lost without being fenced. They
are known by what only root can give them, an account and a program or service; a name anybody can
have.
"""

from __future__ import annotations

import os

from ocf_agents.disk.place.point import mount_id
from ocf_agents.runtime.mountinfo import mounts
from ocf_agents.runtime.process import stat

PROC = "/proc"
ACCOUNT = "hacluster"  # of which some of Pacemaker's daemons are
# The cluster's programs, systemd's, and what the disk itself depends on.
FOLDERS = ("/usr/lib/pacemaker", "/usr/libexec/pacemaker", "/usr/lib/systemd", "/lib/systemd")
PROGRAMS = (
    *("pacemakerd", "pacemaker-remoted", "pacemaker_remoted", "corosync", "corosync-qdevice"),
    *("corosync-notifyd", "sbd", "dlm_controld", "boothd", "iscsid", "multipathd", "pcsd"),
)
SBIN = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
# Services that are the cluster's with all their processes, whatever these are called (pcsd is in
# part a Ruby interpreter). Not pacemaker.service: there the resources' own processes are, too.
SERVICES = (
    *("corosync", "corosync-notifyd", "corosync-qdevice", "pcsd", "pcsd-ruby", "sbd", "sbd_remote"),
    *("dlm", "booth", "iscsid", "open-iscsi", "multipathd"),
)
TEMPLATES = ("booth@",)
PROCESS_1 = 1


def is_spared(pid: int) -> bool:
    """Tell whether a process must not be ended."""
    if pid == PROCESS_1 or pid in _ancestors():
        return True
    return _is_roots(pid) and (_runs_a_program_of_the_cluster(pid) or _is_of_a_service(pid))


def is_users(pid: int) -> bool:
    """Tell whether a process is neither root's, in whatever way, nor a service's of the system.

    Those below Pacemaker's are applications, which are a resource's.
    """
    ids = _user_ids(pid)
    units = {_unit(path) for path in _control_groups(pid)}
    services = {unit for unit in units if unit.endswith(".service")} - {"pacemaker.service"}
    return bool(ids) and "0" not in ids and not services


def _is_roots(pid: int) -> bool:
    """Tell whether all of a process's user IDs are root's, or the cluster's account's."""
    ids = _user_ids(pid)
    return ids == {"0"} or ids == {_number_of_account()}


def _user_ids(pid: int) -> set[str]:
    """Return the user IDs of a process; none if it has ended."""
    try:
        with open(f"{PROC}/{pid}/status", encoding="utf-8", errors="replace") as file:
            return {one for line in file if line.startswith("Uid:") for one in line.split()[1:]}
    except OSError:
        return set()


def _number_of_account() -> str:
    import pwd

    try:
        return str(pwd.getpwnam(ACCOUNT).pw_uid)
    except KeyError:
        return "0"


def _runs_a_program_of_the_cluster(pid: int) -> bool:
    """Tell whether a process's program is one of those, in this mount namespace.

    In a container any file can have such a path.
    """
    try:
        program = os.readlink(f"{PROC}/{pid}/exe").removesuffix(" (deleted)")  # after an update
        folder, _, name = program.rpartition("/")
        if not (folder in FOLDERS or (folder in SBIN and name in PROGRAMS)):
            return False
        return _is_of_this_namespace(f"{PROC}/{pid}/exe")
    except OSError:
        return False  # it has ended


def _is_of_this_namespace(link: str) -> bool:
    descriptor = os.open(link, os.O_PATH | os.O_CLOEXEC)
    try:
        return mount_id(descriptor) in {mount.id for mount in mounts()}
    finally:
        os.close(descriptor)


def _is_of_a_service(pid: int) -> bool:
    """Tell whether a process belongs to one of those services, by its control group.

    The system's units are right below the slices; a user's are below the service of that user.
    """
    return any(_is_service(_unit(path)) for path in _control_groups(pid))


def _control_groups(pid: int) -> list[str]:
    """Return the control groups of a process; none if it has ended."""
    try:
        with open(f"{PROC}/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n").split(":", 2)[2] for line in file if line.count(":") > 1]
    except OSError:
        return []


def _unit(path: str) -> str:
    """Return the system's unit that a control group is of."""
    parts = [part for part in path.split("/") if part]
    while parts and parts[0].endswith(".slice"):
        if parts.pop(0) == "user.slice":
            return ""
    return parts[0] if parts else ""


def _is_service(unit: str) -> bool:
    name = unit.removesuffix(".service")
    return name != unit and (name in SERVICES or name.startswith(TEMPLATES))


def _ancestors() -> set[int]:
    """Return the processes that this one descends from."""
    found: set[int] = set()
    pid = os.getppid()
    while pid > 1:
        found.add(pid)
        fields = stat(pid)
        pid = int(fields[1]) if fields else 0
    return found
