"""The contract of a rig: what it can do, whatever it is made of. Tests and the demo know no more.

There are two kinds: `one_machine.rig.OneMachineRig` has nodes of namespaces, `lab.rig.LabRig` of
virtual machines. `kinds` makes either.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from vagrant.common.networks import CLUSTER_LINKS, Link


class RigLayout(Protocol):
    """The shape of a rig."""

    @property
    def release(self) -> str:
        """Debian release that the nodes run."""

    @property
    def node_names(self) -> list[str]:
        """The names of the nodes: node1, node2, …."""

    @property
    def portal(self) -> str:
        """The iSCSI portal as `address:port`."""

    def node_address(self, node: str, link: Link) -> str:
        """Return a node's IPv4 address in a link, without prefix length."""


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What a description has to say about a kind of rig, as TOML.

    Args:
        token_time: Corosync's, as a description has it.
        fencing: The tables that say how nodes are fenced.
        disk: The keys of a filesystem that say how its LUN is attached.
        patience: The factor by which the rig is slower than real machines.
    """

    token_time: str
    fencing: str
    disk: str
    patience: float = 1.0


class Rig(Protocol):
    """A cluster's machines, its shared disks and its networks, and ways to break them."""

    name: str

    @property
    def layout(self) -> RigLayout:
        """The shape of the running rig.

        Raises:
            RigError: The rig is not up.
        """

    @property
    def equipment(self) -> Equipment:
        """What a description says about this rig."""

    def up(
        self,
        *,
        nodes: int = 3,
        luns: int = 1,
        lun_mib: int = 1024,
        release: str = "bookworm",
        purpose: str = "lab",
        say: Callable[[str], None],
    ) -> None:
        """Bring the rig up and wait until every node has booted.

        Args:
            nodes: Number of nodes.
            luns: Number of shared disks.
            lun_mib: Size of each in MiB.
            release: Debian release that the nodes run.
            purpose: Kept in the layout, see `replaceable`.
            say: Called with each step that takes a while.

        Raises:
            RigError: A value is out of range, the rig is up already, or it did not come up; then
                nothing of it is left.
            TreeError: What the nodes boot could not be built.
        """

    def down(self) -> None:
        """Remove the rig and everything that remains of it; nothing happens if there is nothing.

        Raises:
            RigError: Something could not be removed.
        """

    def replaceable(self, purpose: str) -> bool:
        """Return whether nothing but a rig of this purpose, or remains of one, is in the way."""

    def is_up(self) -> bool:
        """Return whether the rig answers."""

    def wait_for_boot(self, node: str, limit: float = ...) -> None:
        """Wait until a node that is powered on has booted.

        Args:
            node: The node's name.
            limit: Seconds.

        Raises:
            RigError: The node has not booted when the time is over.
        """

    def command(self, node: str, *command: str) -> list[str]:
        """Return the command line that runs `command` on a node as root, from the machine."""

    def run(
        self, node: str, *command: str, check: bool = False, text: str = "", limit: float = ...
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a node and wait for it.

        Args:
            node: The node's name.
            command: The program and its arguments.
            check: Raise if it fails.
            text: Its standard input.
            limit: Seconds until it is given up.

        Raises:
            RigError: With `check`, when the command failed; or the node is off or does not exist.
            subprocess.TimeoutExpired: It took longer than `limit`.
        """

    def write(self, node: str, path: str, content: str) -> None:
        """Write a file on a node, readable by its root alone.

        Raises:
            RigError: The file could not be written.
        """

    def client_command(self, *command: str) -> list[str]:
        """Return the command line that runs a program of the machine in the client's network."""

    def power(self, node: str, state: str) -> None:
        """Switch a node's power: on, off or reset; not asking the node."""

    def cut(self, node: str, links: Sequence[Link] = CLUSTER_LINKS) -> None:
        """Pull a node's network cables.

        Args:
            node: The node's name.
            links: By default both cluster links, and the clients with them. The storage network
                stays, which is the more dangerous case: what the node writes still arrives.
        """

    def heal(self, node: str) -> None:
        """Plug all of a node's network cables in."""

    def set_fencing(self, node: str, *, works: bool) -> None:
        """Make the power switch of a node work, or refuse its fence agent."""

    def save(self, snapshot: str) -> None:
        """Keep the state of all machines under a name.

        Raises:
            RigError: The state cannot be kept.
        """

    def restore(self, snapshot: str) -> None:
        """Put all machines back to the state that was kept under a name.

        Raises:
            RigError: There is no such state.
        """

    def status(self) -> dict[str, Any]:
        """Return what is on, what is cut, what is mounted where.

        `nodes` has `power`, `cut`, `fencing` and `addresses` for each node; `disks` has `mounted`,
        the nodes for each LUN, and `double_mounts`, the moments at which they were more than one.
        """
