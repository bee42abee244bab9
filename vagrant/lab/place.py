"""Where a lab is kept on the machine, what it consists of, and how to get into its namespaces."""

import ipaddress
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from vagrant.common.disks import ISCSI_PORT, TARGET
from vagrant.common.kernel import cgroup2_root
from vagrant.common.names import names_of_nodes
from vagrant.common.networks import FIRST_NODE_HOST, STORAGE_HOST, Link

LABS = Path("/var/lib/takeover-lab")
STORAGE = "storage"
MAX_NODES = 8
MAX_LUNS = 8

#: What libvirt calls a machine and a network of the lab; vagrant/Vagrantfile says the same.
DOMAIN_PREFIX = "takeover_"
NETWORK_PREFIX = "takeover-"

SBD_TARGET = "iqn.2026-11.com.example:sbd"
CHAP_USER = "takeover"
CHAP_SECRET_FILE = "/etc/takeover/chap.secret"  # noqa: S105 - the file's name


@dataclass(frozen=True, kw_only=True)
class LabLayout:
    """The shape of a lab.

    Args:
        name: Tells labs apart.
        purpose: What it was brought up for.
        nodes: Number of nodes, 2 to 8; they are called node1, node2, …
        luns: Number of data LUNs, numbered from 1.
        lun_mib: Size of each in MiB.
        release: Debian release that the machines run.
        private: Whether the lab has a libvirtd of its own, in namespaces; else it is the machine's.
        addresses: Of each machine in the management network.
        keys: File of the private SSH key for each machine.
    """

    name: str
    purpose: str
    nodes: int
    luns: int
    lun_mib: int
    release: str
    private: bool
    addresses: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @cached_property
    def node_names(self) -> list[str]:
        """The names of the nodes: node1, node2, …."""
        return names_of_nodes(self.nodes)

    @property
    def machines(self) -> list[str]:
        """The names of all virtual machines."""
        return [STORAGE, *self.node_names]

    def node_address(self, node: str, link: Link) -> str:
        """Return a node's IPv4 address in a link, without prefix length."""
        return str(link.subnet[FIRST_NODE_HOST + self.node_names.index(node)])

    @property
    def portals(self) -> list[str]:
        """The iSCSI target's portals as `address:port`, one for each path to its disks."""
        return [
            f"{ipaddress.IPv4Address(link.subnet[STORAGE_HOST])}:{ISCSI_PORT}"
            for link in (Link.STORAGE, Link.LINK1)
        ]

    @property
    def portal(self) -> str:
        """The portal in the storage network."""
        return self.portals[0]

    @property
    def sbd_device(self) -> str:
        """SBD's disk, as every node names it."""
        return f"/dev/disk/by-path/ip-{self.portal}-iscsi-{SBD_TARGET}-lun-0"

    def data_device(self, lun: int) -> str:
        """Return the name of a data disk on a node that has attached it."""
        return f"/dev/disk/by-path/ip-{self.portal}-iscsi-{TARGET}-lun-{lun}"


class Place:
    """The folder of a lab, and the namespaces that belong to it.

    Args:
        name: The lab's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = LABS / name
        self.log = self.folder / "keeper.log"
        self.pid_file = self.folder / "keeper.pid"
        self.mounts_file = self.folder / "mounts.json"
        self.ssh_config = self.folder / "ssh/config"
        #: Vagrant's own state: out of the checkout, and gone with the lab.
        self.vagrant_home = self.folder / "vagrant"
        self.dotfile = self.folder / "dotfile"

    @property
    def cgroup(self) -> Path:
        """The cgroup that every process of a private lab is in."""
        return cgroup2_root() / f"takeover-lab-{self.name}"

    def load(self) -> LabLayout | None:
        """Return the lab's layout; None if there is no such lab."""
        try:
            return LabLayout(**json.loads((self.folder / "layout.json").read_text()))
        except FileNotFoundError:
            return None

    def save(self, layout: LabLayout) -> None:
        """Write the layout where `load` finds it."""
        partial = self.folder / "layout.json.partial"
        partial.write_text(json.dumps(asdict(layout), indent=2) + "\n")
        partial.rename(self.folder / "layout.json")

    def enter(self, *, private: bool) -> list[str]:
        """Return the beginning of a command line that runs a program in the lab's namespaces."""
        if not private:
            return []
        pid = self.pid_file.read_text().strip()
        return ["nsenter", f"--target={pid}", "--net", "--mount", "--pid", "--ipc"]
