"""A small cluster, with a service that needs no disk, for the question who decides and who wins."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vagrant.common.errors import RigError
from vagrant.common.networks import CLUSTER_LINKS, floating_address
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import Administrator, create_cluster, prepare_nodes
from vagrant.one_machine.layout import WITNESS
from vagrant.one_machine.rig import OneMachineRig
from vagrant.rig import Rig

SERVICE = "door"
#: Answers whoever knocks as PostgreSQL does, with one letter: `bench.knocking` knows it.
_PROGRAM = "/root/door.py"
_DOOR = """\
import socketserver

class Door(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(64)
        self.request.sendall(b"R")

socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", 5432), Door).serve_forever()
"""
_SERVICE = f"""
[services.{SERVICE}]
pattern = "standby"

[services.{SERVICE}.app]
command = ["/usr/bin/python3", "{_PROGRAM}"]
ready = "tcp:127.0.0.1:5432"
health = "tcp:127.0.0.1:5432"

[services.{SERVICE}.address]
ip = "{floating_address()}"
prefix = 24
"""
#: The fastest that corosync-qnetd and Corosync can do, so that nobody waits for a heartbeat.
WITNESSED = f"""
[quorum.device]
host = "{WITNESS}"
timeout = "2s"
sync_timeout = "5s"
"""
_MOVE_LIMIT = 60


def small_description(rig: Rig, more: str = "") -> str:
    """Return the description of the cluster of all nodes of a rig, with more at its end."""
    layout = rig.layout
    nodes = "".join(
        f"[nodes.{name}]\nlinks = "
        f"{json.dumps([layout.node_address(name, link) for link in CLUSTER_LINKS])}\n"
        for name in layout.node_names
    )
    head = f'schema = 1\n[cluster]\nname = "small"\ntoken = "{rig.equipment.token_time}"\n'
    return head + nodes + rig.equipment.fencing + _SERVICE + more


@contextmanager
def small_cluster(
    name: str, release: str, nodes: int, say: Callable[[str], None], *, more: str = ""
) -> Iterator[Administrator]:
    """Run the small cluster on a rig of its own; both are gone afterwards.

    Args:
        name: The rig's name; one of that name is replaced.
        release: Debian release of the nodes.
        nodes: How many there are.
        say: Called with what is done, and on which node.
        more: The rest of its description. With `WITNESSED`, a witness decides, too.

    Raises:
        RigError: The rig or the cluster does not come up.
    """
    rig = OneMachineRig(name)
    rig.down()
    try:
        rig.up(nodes=nodes, lun_mib=1, release=release, witness=bool(more), say=say)
        admin = Administrator(rig, lambda node, line: say(f"{node}# {line}"), lambda _: None)
        witness = [WITNESS] if more else []
        prepare_nodes(admin, *witness)
        for host in witness:
            # As Debian's package does when it is installed.
            admin.types(host, "systemctl", "enable", "--now", "corosync-qnetd")
        for node in rig.layout.node_names:
            rig.write(node, _PROGRAM, _DOOR)
        create_cluster(admin, rig.layout.node_names[0], small_description(rig, more))
        wait_until_whole(rig)
        yield admin
    finally:
        rig.down()


def serving_node(rig: Rig) -> str | None:
    """Return the node that has the service's address, as it is seen on it; None if none has it.

    Raises:
        RigError: Several have it.
    """
    nodes = [
        name
        for name, node in rig.status()["nodes"].items()
        if node["power"] == "on"
        and floating_address() in rig.run(name, "ip", "-brief", "address").stdout
    ]
    if len(nodes) > 1:
        raise RigError(f"{', '.join(nodes)} have {floating_address()} at the same time")
    return nodes[0] if nodes else None


def serve_from(admin: Administrator, node: str) -> None:
    """Have a node serve, and wait until it does."""
    rig = admin.rig
    if serving_node(rig) != node:
        others = [name for name in rig.layout.node_names if name != node]
        admin.types(node, "pcs", "node", "standby", *others, f"--wait={_MOVE_LIMIT}")
        admin.types(node, "pcs", "node", "unstandby", *others, f"--wait={_MOVE_LIMIT}")
    wait_until_whole(rig)
    if serving_node(rig) != node:
        raise RigError(f"{node} does not serve")


def cut_between(admin: Administrator, cut: str, watch: float) -> dict[str, bool]:
    """Pull a node's cables, so that two nodes lose each other, and plug them in again.

    Args:
        admin: Who works on the rig; the cluster is whole, and is whole again afterwards.
        cut: The node.
        watch: How long to look at what happens, in seconds.

    Returns:
        For each node, whether it has lived on; the others were fenced.
    """
    rig = admin.rig
    before = {name: node["pid"] for name, node in rig.status()["nodes"].items()}
    rig.cut(cut)
    time.sleep(watch)
    after = {name: node["pid"] for name, node in rig.status()["nodes"].items()}
    rig.heal(cut)
    wait_until_whole(rig)
    return {name: after[name] == pid for name, pid in before.items()}
