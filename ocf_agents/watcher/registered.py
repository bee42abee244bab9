"""The registrations of the agents, as the watcher reads them (runtime/registration.py)."""

from __future__ import annotations

import os

from ocf_agents.runtime.registration import identity, identity_of

LARGEST = 65536  # bytes; a registration has some hundred


class Registration:
    """A registration.

    Args:
        path: The file.

    Attributes:
        path: The file.
        identity: What tells the file from a later one of the same name.
        resource: The resource that registered.
        node: The node's name in the cluster.
        namespaces: Those that the resource runs in.
        watches: What to watch: kinds with their values (watches.py).

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no registration.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
        try:
            self.identity = identity_of(os.fstat(descriptor))
            lines = os.read(descriptor, LARGEST).decode(errors="surrogateescape").split("\n")
        finally:
            os.close(descriptor)
        values = [line.split("=", 1) for line in lines if "=" in line]
        named = {name: value for name, value in values if name != "watch"}
        self.resource = named.get("resource", "")
        self.node = named.get("node", "")
        self.namespaces = named.get("namespaces", "")
        self.watches = [value for name, value in values if name == "watch"]
        if not self.resource or not self.node:
            raise ValueError("it names no resource or no node")

    @property
    def stands(self) -> bool:
        """Whether it is still there, and not replaced by that of a later start."""
        return identity(self.path) == self.identity

    def remove(self) -> bool:
        """Remove it, and tell whether it stood until now."""
        if not self.stands:
            return False
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            return False
        return True


def discard(file: str) -> None:
    """Remove a file that is no registration, if that can be done."""
    try:
        os.unlink(file)
    except OSError:
        return  # a folder, which is passed over each time
