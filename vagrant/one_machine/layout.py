"""What a rig consists of: its nodes, disks, and the folders they live in."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from vagrant.common.disks import ISCSI_PORT
from vagrant.common.names import names_of_nodes
from vagrant.common.networks import FIRST_NODE_HOST, STORAGE_HOST, WITNESS_HOST, Link

#: Where running rigs are registered; gone after a reboot of the machine, like the rigs themselves.
RUN_DIR = Path("/run/takeover-rig")
MAX_NODES = 16
MAX_LUNS = 16
#: The name of the host that runs corosync-qnetd.
WITNESS = "witness"

#: Loop devices below this number are left to the machine.
FIRST_LOOP = 64


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The shape of one rig; everything else about it follows from these values.

    Args:
        name: Tells rigs on the same machine apart.
        purpose: What it was brought up for, so that it is only replaced for the same.
        nodes: Number of nodes, 1 to 16; they are called node1, node2, …
        luns: Number of LUNs that the iSCSI target exports, numbered from 1.
        lun_mib: Size of each LUN in MiB (sparse, in memory).
        release: Debian release of the root tree.
        tree: The root tree that nodes boot from.
        wheel: The wheel of Takeover that is installed in every node.
        loop_base: First of the `nodes * luns` loop device numbers that belong to this rig.
        witness: Whether there is a host that runs corosync-qnetd beside the nodes.
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
    witness: bool = False

    @cached_property
    def node_names(self) -> list[str]:
        """The names of the nodes: node1, node2, …."""
        return names_of_nodes(self.nodes)

    @property
    def host_names(self) -> list[str]:
        """The names of all hosts that can be worked on: the nodes, and the witness."""
        return [*self.node_names, *([WITNESS] if self.witness else [])]

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
        """Return a node's IPv4 address in a link, without prefix length."""
        return str(link.subnet[self.node_host(node)])

    def node_host(self, node: str) -> int:
        """Return the number that a node, or the witness, has in every link."""
        if node == WITNESS:
            return WITNESS_HOST
        return FIRST_NODE_HOST + self.node_names.index(node)

    def loop_number(self, node: str, lun: int) -> int:
        """Return the number of the loop device that `node` uses for `lun`, from 1."""
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
        """Return the layout of the rig of that name; None if there is no such rig."""
        try:
            return cls(**json.loads((RUN_DIR / name / "layout.json").read_text()))
        except FileNotFoundError:
            return None


def running_layouts() -> list[Layout]:
    """Return the layouts of all rigs on this machine."""
    names = [path.parent.name for path in RUN_DIR.glob("*/layout.json")]
    return [layout for name in sorted(names) if (layout := Layout.load(name))]


def free_loop_base(count: int) -> int:
    """Return the first of `count` consecutive loop device numbers that no rig uses."""
    base = FIRST_LOOP
    for layout in sorted(running_layouts(), key=lambda each: each.loop_base):
        if base + count <= layout.loop_base:
            break
        base = max(base, layout.loop_numbers.stop)
    return base
