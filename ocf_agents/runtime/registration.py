"""What the agents leave for the node's watcher: for each running resource a file, a registration.

A start writes it, and a stop removes it before it does anything else: whatever ends after that is
meant to end.
"""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time

from ocf_agents.runtime import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "takeover-watch"  # below the folder for agents' run-time files
# In FOLDER, none of which can be mistaken for another, whatever resources are called:
SUFFIX, TEMPORARY = ".watch", ".new"
SOCKET = "socket"  # a datagram has the watcher read the registrations again
LOCK = "lock"  # whoever holds it is the node's watcher
FAILURE = "takeover-failure-"  # and a resource: the node attribute for the reason of its failure
NAMESPACES = ("mnt", "net", "pid")  # what the names in a registration depend on (namespaces(7))


def failure_attribute(resource: str) -> str:
    """Return the node attribute that has the time and the reason of a resource's last failure."""
    return FAILURE + resource


def folder(environ: Mapping[str, str]) -> str:
    """Return the folder of the registrations."""
    return f"{state.folder(environ)}/{FOLDER}"


def path(environ: Mapping[str, str], instance: str) -> str:
    """Return where the registration of a resource is, if there is one."""
    return f"{folder(environ)}/{state.plain(instance)}{SUFFIX}"


def write(environ: Mapping[str, str], instance: str, node: str, watches: list[str]) -> None:
    """Write the registration of a resource.

    Args:
        environ: The environment of the action.
        instance: The name of the resource in the cluster.
        node: The name of this node in the cluster.
        watches: What to watch: kinds with their values (watcher/watches.py).

    Raises:
        OSError: It cannot be written.
    """
    from ocf_agents.runtime.rights.folders import make_folder

    file = path(environ, instance)
    make_folder(folder(environ), 0o700)
    lines = [
        f"resource={instance}",
        f"node={node}",
        f"namespaces={namespaces()}",
        *(f"watch={each}" for each in watches),
    ]
    if any("\n" in line for line in lines):
        raise OSError(f"{instance!r} or what is watched for it has a line break")
    temporary = _temporary(file)
    flags = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_NOFOLLOW | posix.O_CLOEXEC
    descriptor = posix.open(temporary, flags, 0o600)
    try:
        posix.write(
            descriptor, "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
        )
    finally:
        posix.close(descriptor)
    posix.replace(temporary, file)


def withdraw(environ: Mapping[str, str], instance: str) -> None:
    """Remove the registration of a resource, if there is one.

    The watcher is not woken: it looks whether the file is still there before it reports a failure.
    """
    file = path(environ, instance)
    for each in (file, _temporary(file)):  # the latter if a start was killed while it wrote
        try:
            posix.unlink(each)
        except FileNotFoundError:
            continue  # it was never registered, or its failure was reported


def identity(file: str) -> tuple[int, ...]:
    """Return what tells a file from every other that had its name; () if there is none."""
    try:
        return identity_of(posix.lstat(file))
    except OSError:
        return ()


def identity_of(found: posix.stat_result) -> tuple[int, ...]:
    """Return what tells a file from every other that had its name."""
    return (found.st_dev, found.st_ino, found.st_mtime_ns)


def namespaces() -> str:
    """Return the namespaces of this process: in others, addresses, mounts and PIDs differ."""
    return " ".join(posix.readlink(f"/proc/self/ns/{kind}") for kind in NAMESPACES)


def _temporary(file: str) -> str:
    return file.removesuffix(SUFFIX) + TEMPORARY
