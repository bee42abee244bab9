"""The demo's service at work on a rig of its own, for whoever wants to measure or to test it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from vagrant.common.networks import floating_address
from vagrant.demo.client import Client
from vagrant.demo.faults import wait_until_whole
from vagrant.demo.shop import Administrator, create_cluster, create_database, prepare_nodes
from vagrant.kinds import KINDS, named
from vagrant.one_machine.layout import WITNESS
from vagrant.one_machine.rig import OneMachineRig
from vagrant.rig import Rig

#: How long the first row may take, in seconds.
_SERVED_LIMIT = 60.0


@contextmanager
def running_service(
    name: str,
    release: str,
    say: Callable[[str], None],
    luns: int = 1,
    kind: str = KINDS[0],
    *,
    witness: bool = False,
) -> Iterator[tuple[Administrator, Client]]:
    """Run the demo's service on a rig, and a client that it serves; both are gone afterwards.

    Args:
        name: The rig's name; one of that name is replaced.
        release: Debian release of the nodes.
        say: Called with what is done, and on which node.
        luns: Number of shared disks; the service uses the first.
        kind: The kind of rig, one of `KINDS`.
        witness: Whether there is a host for corosync-qnetd beside the nodes, if the kind has any.

    Raises:
        RigError: The rig or the cluster does not come up.
        ClientError: The client is not served.
    """
    rig = named(kind, name)
    rig.down()
    try:
        make = rig.up
        if witness and isinstance(rig, OneMachineRig):
            make = partial(rig.up, witness=True)
        make(release=release, luns=luns, say=say)
        with service_on(rig, say) as running:
            yield running
    finally:
        rig.down()


@contextmanager
def service_on(rig: Rig, say: Callable[[str], None]) -> Iterator[tuple[Administrator, Client]]:
    """Run the demo's service on a rig that is up, and a client that it serves meanwhile.

    Args:
        rig: The rig; it has no cluster yet, and has one afterwards.
        say: Called with what is done, and on which node.

    Raises:
        RigError: The cluster does not come up.
        ClientError: The client is not served.
    """
    first = rig.layout.node_names[0]
    admin = Administrator(rig, lambda node, line: say(f"{node}# {line}"), lambda _: None)
    beside = [WITNESS] if rig.status().get("witness") else []
    prepare_nodes(admin, *beside)
    password = create_database(admin, first)
    create_cluster(admin, first)
    wait_until_whole(rig)
    with Client(rig, floating_address(), password) as client:
        client.wait_until_served(0, _SERVED_LIMIT * rig.equipment.patience)
        yield admin, client
