"""What a rig consists of: its nodes, networks, addresses, disks and the folders they live in."""

import ipaddress
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

#: Where running rigs are registered; gone after a reboot of the machine, like the rigs themselves.
RUN_DIR = Path("/run/takeover-rig")
MAX_NODES = 16
MAX_LUNS = 16

#: Loop devices below this number are left to the machine.
FIRST_LOOP = 64

TARGET = "iqn.2026-11.com.example:rig"
ISCSI_PORT = 3260


class Link(StrEnum):
    """A network of the rig, and the name of a node's interface in it.

    Addresses are from the blocks for documentation (RFC 5737, RFC 3849), so that nothing of the rig
    can be mistaken for a real host.
    """

    LINK0 = "link0"
    """First cluster link, also the network that clients use."""
    LINK1 = "link1"
    """Second cluster link."""
    STORAGE = "storage"
    """Between the nodes and the iSCSI target."""

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        """The link's IPv4 network."""
        return {
            Link.LINK0: ipaddress.IPv4Network("198.51.100.0/24"),
            Link.LINK1: ipaddress.IPv4Network("203.0.113.0/25"),
            Link.STORAGE: ipaddress.IPv4Network("203.0.113.128/26"),
        }[self]

    @property
    def subnet6(self) -> ipaddress.IPv6Network:
        """The link's IPv6 network."""
        index = list(Link).index(self)
        return ipaddress.IPv6Network(f"2001:db8:{index}::/64")

    def host(self, number: int) -> list[str]:
        """The addresses, with prefix length, of host `number` in this link."""
        return [f"{net[number]}/{net.prefixlen}" for net in (self.subnet, self.subnet6)]


CLUSTER_LINKS = (Link.LINK0, Link.LINK1)

# Host numbers inside each link's networks. Nodes follow FIRST_NODE_HOST.
STORAGE_HOST = 1
FIRST_NODE_HOST = 11
CLIENT_HOST = 60
FLOATING_HOST = 100
"""The first of the host numbers that are free for services, in `Link.LINK0`."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The shape of one rig; everything else about it follows from these values.

    Args:
        name: tells rigs on the same machine apart.
        purpose: what it was brought up for, so that it is only replaced for the same.
        nodes: number of nodes, 1 to 16; they are called node1, node2, …
        luns: number of LUNs that the iSCSI target exports, numbered from 1.
        lun_mib: size of each LUN in MiB (sparse, in memory).
        release: Debian release of the root tree.
        tree: the root tree that nodes boot from.
        wheel: the wheel of Takeover that is installed in every node.
        loop_base: first of the `nodes * luns` loop device numbers that belong to this rig.
    """

    name: str
    purpose: str
    nodes: int
    luns: int
    lun_mib: int
    release: str
    tree: str
    wheel: str
    loop_base: int

    @cached_property
    def node_names(self) -> list[str]:
        """The names of the nodes: node1, node2, …."""
        return [f"node{number}" for number in range(1, self.nodes + 1)]

    @property
    def run_dir(self) -> Path:
        """The rig's folder, seen from the machine and from the controller."""
        return RUN_DIR / self.name

    @property
    def private_dir(self) -> Path:
        """A file system in memory that only the controller sees, and that goes with it."""
        return self.run_dir / "private"

    @property
    def control_socket(self) -> Path:
        """Where the controller takes its orders."""
        return self.run_dir / "control.sock"

    @property
    def fence_socket(self) -> Path:
        """Where the nodes' fence agent calls the controller; bind-mounted into every node."""
        return self.private_dir / "fence.sock"

    @property
    def log_file(self) -> Path:
        """What the controller and its children print."""
        return self.run_dir / "controller.log"

    @property
    def cgroup(self) -> str:
        """Name of the rig's cgroup, directly below the root of the cgroup v2 hierarchy."""
        return f"takeover-rig-{self.name}"

    def node_address(self, node: str, link: Link) -> str:
        """IPv4 address of a node in a link, without prefix length."""
        return str(link.subnet[self.node_host(node)])

    def node_host(self, node: str) -> int:
        """The node's host number in every link."""
        return FIRST_NODE_HOST + self.node_names.index(node)

    def loop_number(self, node: str, lun: int) -> int:
        """Loop devices are global to the machine: the one that `node` uses for `lun`, from 1."""
        return self.loop_base + self.node_names.index(node) * self.luns + lun - 1

    @property
    def loop_numbers(self) -> range:
        """All loop devices of this rig."""
        return range(self.loop_base, self.loop_base + self.nodes * self.luns)

    @property
    def portal(self) -> str:
        """The iSCSI portal as `address:port`."""
        return f"{Link.STORAGE.subnet[STORAGE_HOST]}:{ISCSI_PORT}"

    def save(self) -> None:
        """Write the layout to the rig's folder, where `load` finds it."""
        (self.run_dir / "layout.json").write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, name: str) -> "Layout | None":
        """The layout of the rig of that name; None if there is no such rig."""
        try:
            return cls(**json.loads((RUN_DIR / name / "layout.json").read_text()))
        except FileNotFoundError:
            return None


def floating_address(number: int = 0) -> str:
    """One of the IPv4 addresses in the clients' network that no host of the rig has."""
    return str(Link.LINK0.subnet[FLOATING_HOST + number])


def running_layouts() -> list[Layout]:
    """The layouts of all rigs on this machine."""
    names = [path.parent.name for path in RUN_DIR.glob("*/layout.json")]
    return [layout for name in sorted(names) if (layout := Layout.load(name))]


def free_loop_base(count: int) -> int:
    """The first of `count` consecutive loop device numbers that no rig on this machine uses."""
    base = FIRST_LOOP
    for layout in sorted(running_layouts(), key=lambda each: each.loop_base):
        if base + count <= layout.loop_base:
            break
        base = max(base, layout.loop_numbers.stop)
    return base
