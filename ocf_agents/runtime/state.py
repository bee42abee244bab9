"""What an agent remembers between its actions, at most until the next boot: one small file."""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def folder(environ: Mapping[str, str]) -> str:
    """Return the folder for run-time files of agents ($HA_RSCTMP, set by Pacemaker)."""
    return environ.get("HA_RSCTMP") or "/run/resource-agents"


def plain(instance: str) -> str:
    """Return the instance's name with only what file and systemd unit names may contain."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in instance)


def boot_id() -> str:
    """Return what tells this boot from all others."""
    with open("/proc/sys/kernel/random/boot_id", "rb", buffering=0) as file:
        return file.read().decode().strip()


class State:
    """The remembered values of one resource instance, readable by root only.

    Args:
        environ: The environment of the action.
        instance: The name of the resource.
    """

    def __init__(self, environ: Mapping[str, str], instance: str) -> None:
        self._folder = folder(environ)
        self.path = f"{self._folder}/takeover-{plain(instance)}.state"
        self._temporary = f"{self.path}.new"  # one name, so that killed actions leave no heap

    def read(self) -> dict[str, str]:
        """Return the values; none if nothing was remembered since the machine booted."""
        try:
            with open(self.path, "rb", buffering=0) as file:
                lines = file.read().decode().splitlines()
        except FileNotFoundError:
            return {}
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        return values if values.pop("boot", "") == boot_id() else {}

    def write(self, values: Mapping[str, str]) -> None:
        """Remember the values (without line breaks) in place of all earlier ones."""
        import os

        os.makedirs(self._folder, exist_ok=True)
        lines = [f"{name}={value}\n" for name, value in {"boot": boot_id(), **values}.items()]
        flags = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_NOFOLLOW
        descriptor = posix.open(self._temporary, flags, 0o600)
        try:
            posix.write(descriptor, "".join(lines).encode())
        finally:
            posix.close(descriptor)
        posix.replace(self._temporary, self.path)

    def forget(self) -> None:
        """Remove what was remembered."""
        for path in (self.path, self._temporary):
            if posix.access(path, posix.F_OK):  # nobody else removes it: one action at a time
                posix.unlink(path)
