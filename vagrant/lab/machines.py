"""The virtual machines' power, cables and processors: libvirt's, by virsh(1)."""

import subprocess
from collections.abc import Sequence

from lxml import etree

from vagrant.common.errors import RigError
from vagrant.common.networks import Link
from vagrant.lab.place import DOMAIN_PREFIX, NETWORK_PREFIX, Place

_LIMIT = 120.0
_SNAPSHOT_LIMIT = 600.0
URI = "qemu:///system"

#: virsh domstate's words, and ours.
_POWER = {
    "running": "on",
    "paused": "frozen",
    "idle": "on",
    "in shutdown": "on",
    "pmsuspended": "on",
}


class Machines:
    """The virtual machines of a lab.

    Args:
        place: Where the lab is kept.
        private: Whether it is in namespaces of its own.
    """

    def __init__(self, place: Place, *, private: bool) -> None:
        self._place = place
        self._private = private
        self._cards: dict[str, dict[Link, str]] = {}

    def answers(self) -> bool:
        """Return whether there is a libvirtd."""
        return self._run("version").returncode == 0

    def power(self, machine: str) -> str:
        """Return whether a machine is on, off or frozen."""
        return _POWER.get(self._must("domstate", DOMAIN_PREFIX + machine).strip(), "off")

    def switch_on(self, machine: str) -> None:
        """Start a machine that is off; a frozen one goes on; nothing happens if it is on."""
        match self.power(machine):
            case "off":
                self._must("start", DOMAIN_PREFIX + machine)
            case "frozen":
                self._must("resume", DOMAIN_PREFIX + machine)

    def switch_off(self, machine: str) -> None:
        """Pull a machine's plug: it is not asked, and nothing of it is written any more."""
        if self.power(machine) != "off":
            self._must("destroy", DOMAIN_PREFIX + machine)

    def reset(self, machine: str) -> None:
        """Press a machine's reset button."""
        if self.power(machine) == "off":
            self._must("start", DOMAIN_PREFIX + machine)
        else:
            self._must("reset", DOMAIN_PREFIX + machine)

    def freeze(self, machine: str) -> None:
        """Stop a machine's processors, in the middle of what they are doing."""
        self._must("suspend", DOMAIN_PREFIX + machine)

    def thaw(self, machine: str) -> None:
        """Let a frozen machine go on, as if no time had passed."""
        self._must("resume", DOMAIN_PREFIX + machine)

    def save(self, machine: str, snapshot: str) -> None:
        """Keep a machine's disks and memory under a name; one of that name is replaced."""
        domain = DOMAIN_PREFIX + machine
        if snapshot in self._must("snapshot-list", domain, "--name").split():
            self._must("snapshot-delete", domain, snapshot)
        self._must("snapshot-create-as", domain, snapshot, limit=_SNAPSHOT_LIMIT)

    def restore(self, machine: str, snapshot: str) -> None:
        """Put a machine's disks and memory back to what was kept; it is frozen then."""
        where = (DOMAIN_PREFIX + machine, snapshot, "--paused", "--force")
        self._must("snapshot-revert", *where, limit=_SNAPSHOT_LIMIT)

    def connect(self, machine: str, links: Sequence[Link], *, up: bool) -> None:
        """Plug a machine's cables in or pull them; they stay so while it is off."""
        state = "up" if up else "down"
        cards = self._network_cards(machine)
        for link in links:
            where = (DOMAIN_PREFIX + machine, cards[link], state)
            self._must("domif-setlink", *where, "--config")
            if self.power(machine) != "off":
                self._must("domif-setlink", *where)

    def cut_links(self, machine: str) -> list[Link]:
        """Return the links whose cable is pulled at this machine."""
        return [
            link
            for link, interface in self._interfaces(machine).items()
            if (cable := interface.find("link")) is not None and cable.get("state") == "down"
        ]

    def _network_cards(self, machine: str) -> dict[Link, str]:
        """Return the MAC address of a machine's card in each link."""
        if machine not in self._cards:
            self._cards[machine] = {
                link: str(interface.xpath("string(mac/@address)"))
                for link, interface in self._interfaces(machine).items()
            }
        return self._cards[machine]

    def _interfaces(self, machine: str) -> dict[Link, etree._Element]:
        """Return what libvirt has of a machine's card in each link, also while it is off.

        All of it in one answer: virsh takes its time from the machines that are emulated beside it.
        """
        domain = etree.fromstring(self._must("dumpxml", DOMAIN_PREFIX + machine, "--inactive"))
        networks = {
            interface.xpath("string(source/@network)"): interface
            for interface in domain.iterfind("devices/interface")
        }
        return {
            link: networks[f"{NETWORK_PREFIX}{link}"]
            for link in Link
            if f"{NETWORK_PREFIX}{link}" in networks
        }

    def _must(self, *arguments: str, limit: float = _LIMIT) -> str:
        result = self._run(*arguments, limit=limit)
        if result.returncode:
            raise RigError(f"virsh {' '.join(arguments)}: {result.stderr.strip()}")
        return result.stdout

    def _run(self, *arguments: str, limit: float = _LIMIT) -> subprocess.CompletedProcess[str]:
        command = [*self._place.enter(private=self._private), "virsh", "--connect", URI, *arguments]
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
            stdin=subprocess.DEVNULL,
        )
