"""Four faults, and what each of them cost: measured by the client, and from outside the nodes."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from vagrant.common.errors import RigError
from vagrant.demo.client import Client
from vagrant.demo.shop import DIRECTORY, SERVICE, Administrator, cluster_status
from vagrant.rig import Rig

#: How long the client writes undisturbed before a fault, in seconds, so that there is data to lose.
STEADY = 2.0

#: How long the service may take to come back, and the cluster to be whole again, in seconds. Far
#: more than either needs: these end a run in which something is broken, and promise nothing.
SERVED_LIMIT = 180.0
WHOLE_LIMIT = 180.0

#: From one look at whether it is whole to the next, in seconds.
_PAUSE = 0.5


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong on the node that runs the service.

    Args:
        name: What happens.
        strike: Makes it happen to a node.
        mend: Repairs what does not repair itself, once the service is back.
        moves: Whether another node must take over.
    """

    name: str
    strike: Callable[[Administrator, str], None]
    mend: Callable[[Administrator, str], None]
    moves: bool


@dataclass(frozen=True)
class Outcome:
    """What a fault cost.

    Args:
        name: The fault.
        outage_s: The longest time without an acknowledged row, in seconds.
        acknowledged: Rows acknowledged since the client began.
        lost: How many of those are missing.
        double_mounts: Moments at which the filesystem was mounted on two live nodes.
        source: The node that ran the service before.
        target: The node that runs it now.
    """

    name: str
    outage_s: float
    acknowledged: int
    lost: int
    double_mounts: int
    source: str
    target: str

    @property
    def harmless(self) -> bool:
        """Whether nothing was lost and nothing was mounted twice."""
        return self.lost == 0 and self.double_mounts == 0

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as JSON data, with the names `from` and `to`."""
        data = asdict(self)
        source, target = data.pop("source"), data.pop("target")
        return {**data, "from": source, "to": target}


def _standby(admin: Administrator, node: str) -> None:
    limit = SERVED_LIMIT * admin.rig.equipment.patience
    admin.types(node, "pcs", "node", "standby", node, f"--wait={limit:.0f}")


def _unstandby(admin: Administrator, node: str) -> None:
    admin.types(node, "pcs", "node", "unstandby", node)


def _kill_postgres(admin: Administrator, node: str) -> None:
    # The scope that ocf:takeover:app runs it in has all of its processes.
    admin.types(node, "systemctl", "kill", "--signal=KILL", f"takeover-app-{SERVICE}-app.scope")


def _power_off(admin: Administrator, node: str) -> None:
    admin.rig.power(node, "off")


def _cut(admin: Administrator, node: str) -> None:
    admin.rig.cut(node)


def _heal(admin: Administrator, node: str) -> None:
    admin.rig.heal(node)


def _power_on(admin: Administrator, node: str) -> None:
    # Where nodes end themselves nobody does it for them; where it is on already, nothing happens.
    admin.rig.power(node, "on")


def _nothing(_admin: Administrator, _node: str) -> None:
    """Do nothing: the cluster repairs it by itself."""


FAULTS = [
    Fault("planned move", _standby, _unstandby, moves=True),
    Fault("PostgreSQL killed", _kill_postgres, _nothing, moves=False),
    Fault("node powered off", _power_off, _power_on, moves=True),
    Fault("node cut off", _cut, _heal, moves=True),
]


def inflict(fault: Fault, admin: Administrator, client: Client) -> Outcome:
    """Make a fault happen to the node that runs the service, and wait until all is well again.

    Raises:
        ClientError: The client is not served, or not again, or cannot check its rows.
        RigError: The cluster does not become whole again, or the mounts cannot be observed.
    """
    rig = admin.rig
    source = active_node(rig)
    double_mounts = len(rig.status()["disks"]["double_mounts"])
    client.write_steadily(STEADY * rig.equipment.patience)
    begin = time.monotonic()
    fault.strike(admin, source)
    client.wait_until_served(time.monotonic(), SERVED_LIMIT * rig.equipment.patience)
    target = active_node(rig)
    fault.mend(admin, source)
    wait_until_whole(rig)
    outage = client.outage(begin, time.monotonic())
    check = client.check()
    return Outcome(
        name=fault.name,
        outage_s=round(outage, 2),
        acknowledged=check.acknowledged,
        lost=len(check.lost),
        double_mounts=len(rig.status()["disks"]["double_mounts"]) - double_mounts,
        source=source,
        target=target,
    )


def active_node(rig: Rig) -> str:
    """Return the node that has the service's filesystem mounted, seen from outside.

    Raises:
        RigError: No node or several have it mounted.
    """
    nodes: list[str] = rig.status()["disks"]["mounted"].get("1", [])
    if len(nodes) != 1:
        raise RigError(f"{DIRECTORY} is mounted on {', '.join(nodes) or 'no node'}, not on one")
    return nodes[0]


def wait_until_whole(rig: Rig, limit: float = WHOLE_LIMIT) -> None:
    """Wait until every node is a member again, and the service runs.

    Raises:
        RigError: It is not so when the time is over; the message has the cluster's status.
    """
    limit *= rig.equipment.patience
    end = time.monotonic() + limit
    while not _is_whole(rig):
        if time.monotonic() > end:
            node = _reachable_node(rig.status())
            status = rig.run(node, "takeover", "status").stdout
            raise RigError(f"the cluster is not whole after {limit:.0f} s:\n{status}")
        # Where it costs more to ask, what is waited for takes longer, too: asking holds it up.
        time.sleep(_PAUSE * rig.equipment.patience)


def _is_whole(rig: Rig) -> bool:
    machines = rig.status()
    if not all(node["power"] == "on" for node in machines["nodes"].values()):
        return False
    try:
        status = cluster_status(rig, _reachable_node(machines))
    except RigError:
        return False  # the node that was asked is not a member yet, or has just been fenced
    members = {node["name"] for node in status["nodes"] if node["state"] == "online"}
    services = [service["state"] for service in status["services"]]
    return (
        bool(status["quorum"])
        and members == set(rig.layout.node_names)
        and bool(services)
        and all(state == "running" for state in services)
    )


def _reachable_node(machines: dict[str, Any]) -> str:
    """Return a node that can be asked: one that is on, and that was not cut off.

    Args:
        machines: A rig's status.

    Raises:
        RigError: There is none.
    """
    for name, node in machines["nodes"].items():
        if node["power"] == "on" and not node["cut"]:
            return str(name)
    raise RigError("every node is off or cut off")
