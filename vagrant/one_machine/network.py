"""The rig's networks: a bridge for each link, and hosts plugged into them by veth pairs.

The bridges are in the controller's own network namespace, every host has one of its own, and
nothing connects them with the machine: no packet can leave the rig.
"""

import subprocess
from pathlib import Path

from vagrant.common.kernel import mount
from vagrant.common.networks import Link

#: Where `ip netns` keeps names; the controller has a file system of its own here.
NETNS_DIR = Path("/run/netns")


class Network:
    """The bridges, and the port of each host in them. A cut cable stays cut while a host is off."""

    def __init__(self) -> None:
        self._cut: set[tuple[str, Link]] = set()

    def create(self) -> None:
        """Make the bridges. To be called once, in new mount and network namespaces."""
        NETNS_DIR.mkdir(parents=True, exist_ok=True)
        mount("tmpfs", NETNS_DIR, "tmpfs")
        # The bridges only switch: without addresses of their own they answer nobody.
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        _ip("link set lo up")
        for link in Link:
            _ip(
                f"link add {link} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                f"link set {link} up",
            )

    def plug(self, host: str, number: int, links: tuple[Link, ...]) -> Path:
        """Make a network namespace for a host with an interface in each link.

        Args:
            host: Names the namespace.
            number: The host's number in every link.
            links: The links it is connected to.

        Returns:
            The file that stands for the namespace.
        """
        _ip(f"netns add {host}")
        for link in links:
            port = _port(host, link)
            _ip(
                f"link add {port} type veth peer"
                f" name {link} address {_mac(link, number)} netns {host}",
                f"link set {port} master {link} {self._state(host, link)}",
            )
            _ip(
                *(f"address add {address} dev {link}" for address in _with_options(link, number)),
                f"link set {link} up",
                "link set lo up",
                netns=host,
            )
        return NETNS_DIR / host

    def unplug(self, host: str) -> None:
        """Take a host off every link at once and remove its namespace, if it has one.

        Removing it with all its addresses matters: it outlives the host's processes, and would go
        on answering for a floating IP that was on it.
        """
        if (NETNS_DIR / host).exists():
            for link in Link:
                # A host need not be in every link.
                subprocess.run(
                    ["ip", "link", "delete", _port(host, link)], capture_output=True, check=False
                )
            _ip(f"netns delete {host}")

    def cut(self, host: str, links: tuple[Link, ...]) -> None:
        """Pull the host's cables out of these links: its interfaces lose their carrier."""
        self._cut |= {(host, link) for link in links}
        self._apply(host, links)

    def heal(self, host: str, links: tuple[Link, ...]) -> None:
        """Plug the host's cables in again."""
        self._cut -= {(host, link) for link in links}
        self._apply(host, links)

    def cut_links(self, host: str) -> list[Link]:
        """Return the links whose cable is pulled out at this host."""
        return [link for link in Link if (host, link) in self._cut]

    def _apply(self, host: str, links: tuple[Link, ...]) -> None:
        if (NETNS_DIR / host).exists():
            _ip(*(f"link set {_port(host, link)} {self._state(host, link)}" for link in links))

    def _state(self, host: str, link: Link) -> str:
        return "down" if (host, link) in self._cut else "up"


def _port(host: str, link: Link) -> str:
    """Return the name of a host's port in a bridge, which has 15 characters at most."""
    return f"{host}-{list(Link).index(link)}"


def _mac(link: Link, number: int) -> str:
    """Return the address of a network card: the same after every power cycle.

    Others have it in their ARP tables.
    """
    return f"02:00:00:00:{list(Link).index(link):02x}:{number:02x}"


def _with_options(link: Link, number: int) -> list[str]:
    # Duplicate address detection would leave the address unusable for a second at every power-on.
    ipv4, ipv6 = link.host(number)
    return [f"{ipv4} broadcast +", f"{ipv6} nodad"]


def _ip(*commands: str, netns: str | None = None) -> None:
    """Run `ip` commands in one process.

    Raises:
        RuntimeError: One failed; the message has ip's own.
    """
    prefix = ["ip", "-netns", netns] if netns else ["ip"]
    result = subprocess.run(
        [*prefix, "-batch", "-"],
        input="\n".join(commands) + "\n",
        text=True,
        capture_output=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"ip: {'; '.join(commands)}: {result.stderr.strip()}")
