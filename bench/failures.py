"""What goes wrong in `bench.failure_detection`: failures of the demo's resources on one node."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vagrant.common.errors import RigError
from vagrant.common.networks import Link, floating_address
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import DIRECTORY, SERVICE, Administrator, cluster_status
from vagrant.one_machine.layout import Layout
from vagrant.rig import Rig

SCOPE = f"takeover-app-{SERVICE}-app.scope"
#: An address of its own on an interface of its own, which goes down: not the one of the cluster's
#: messages, so that it is not their delay that is measured.
LINK_RESOURCE = "link2-address"
_LINK, _LINK_ADDRESS = "link2", str(Link.LINK0.subnet[200])
#: More than the cluster takes for a change, in seconds.
_LIMIT = 60.0
_LOAD_THRESHOLD = 80  # Pacemaker's own, in percent of a node's processors


def _nothing(_rig: Rig, _node: str) -> None:
    """The recovery is the repair."""


@dataclass(frozen=True)
class Failure:
    """A failure of a resource on the node that runs it.

    Args:
        name: what happens.
        resource: the resource that has failed then.
        reason: part of what is said of it.
        strike: makes it happen to a node, and returns when, in seconds since the epoch.
        mend: repairs what does not repair itself.
        seen_at: the resources at which it may be seen first, as a pattern; else at that one.
    """

    name: str
    resource: str
    reason: str
    strike: Callable[[Rig, str], float]
    mend: Callable[[Rig, str], None] = _nothing
    seen_at: str = ""


def _timed(rig: Rig, node: str, script: str) -> float:
    """Run a script on a node; return when it began."""
    done = rig.run(node, "sh", "-c", f"date +%s.%N; {script}", check=True)
    return float(done.stdout.split()[0])


def _kill(rig: Rig, node: str) -> float:
    return _timed(rig, node, f"echo 1 > /sys/fs/cgroup/system.slice/{SCOPE}/cgroup.kill")


def _delete_address(rig: Rig, node: str) -> float:
    return _timed(rig, node, f"ip address del {floating_address()}/24 dev {Link.LINK0}")


def _take_link_down(rig: Rig, node: str) -> float:
    return _timed(rig, node, f"ip link set {_LINK} down")


def _take_link_up(rig: Rig, node: str) -> None:
    rig.run(node, "ip", "link", "set", _LINK, "up", check=True)


def _break_filesystem(rig: Rig, node: str) -> float:
    """Have ext4 find an error, on which it makes itself read-only."""
    rig.run(node, "mount", "-o", "remount,errors=remount-ro", DIRECTORY, check=True)
    time.sleep(0.5)  # that was a remount, too
    # Nodes see /sys, but may not write there.
    layout = Layout.load(rig.name)
    if layout is None:
        raise RigError(f"{rig.name} is no one-machine rig")
    trigger = Path(f"/sys/fs/ext4/loop{layout.loop_number(node, 1)}/trigger_fs_error")
    began = time.time()
    trigger.write_text("1")
    return began


FAILURES = [
    Failure("PostgreSQL killed", "shop-app", "has ended", _kill),
    Failure("address deleted", "shop-address", "was removed from", _delete_address),
    Failure("link down", LINK_RESOURCE, "is down", _take_link_down, _take_link_up),
    Failure(
        "filesystem read-only",
        "shop-filesystem",
        "read-only",
        _break_filesystem,
        seen_at="shop-(filesystem|app)",  # PostgreSQL ends itself when it cannot write any more
    ),
]


def node_of(rig: Rig, resource: str) -> str:
    """Return the node that runs a resource.

    Raises:
        RigError: none does.
    """
    status = cluster_status(rig, rig.layout.node_names[0])
    for service in status["services"]:
        for part in service["parts"]:
            if part["id"] == resource and part["nodes"]:
                return str(part["nodes"][0])
    raise RigError(f"{resource} does not run")


def forget_failures(admin: Administrator) -> None:
    """Have the cluster forget what has failed, so that the next failure is the first again."""
    admin.types(admin.rig.layout.node_names[0], "pcs", "resource", "cleanup")
    wait_until_whole(admin.rig)


def set_watching(admin: Administrator, *, on: bool) -> None:
    """Turn the watching of all resources on or off."""
    node = admin.rig.layout.node_names[0]
    value = "watch=true" if on else "watch=false"
    for resource in {failure.resource for failure in FAILURES}:
        admin.types(node, "pcs", "resource", "update", resource, value)
    admin.types(node, "crm_resource", "--wait", f"--timeout={_LIMIT:.0f}")


@contextmanager
def equipped(admin: Administrator) -> Iterator[None]:
    """Give the nodes what the rig's lack, as long as the `with` block lasts.

    That is the kernel's log, which every machine has (kmsg(4)), and an interface that may go down.
    And machines of their own: each sees the load of all of them, at which Pacemaker would have one
    action wait for the other (Pacemaker Explained, `load-threshold`).
    """
    nodes = admin.rig.layout.node_names
    threshold = f"load-threshold={_LOAD_THRESHOLD * len(nodes)}%"
    admin.types(nodes[0], "pcs", "property", "set", threshold)
    for node in nodes:
        admin.types(node, "mknod", "--mode=600", "/dev/kmsg", "c", "1", "11")
        admin.rig.run(node, "systemctl", "stop", "takeover-watcher")  # the next one finds the log
        admin.types(node, *f"ip link add {_LINK} type veth peer name {_LINK}-far".split())
        for end in (_LINK, f"{_LINK}-far"):
            admin.types(node, "ip", "link", "set", end, "up")
    address = (f"ip={_LINK_ADDRESS}", f"nic={_LINK}", "cidr_netmask=32")
    monitor = ("op", "monitor", "interval=10s")
    agent = "ocf:takeover:ip"
    admin.types(nodes[0], "pcs", "resource", "create", LINK_RESOURCE, agent, *address, *monitor)
    wait_until_whole(admin.rig)
    try:
        yield
    finally:
        admin.types(nodes[0], "pcs", "resource", "delete", LINK_RESOURCE)
        admin.types(nodes[0], "pcs", "property", "unset", "load-threshold")
        for node in nodes:
            admin.types(node, "ip", "link", "delete", _LINK)
            admin.types(node, "rm", "/dev/kmsg")
