"""What `takeover status` says of a real cluster's votes, and ways to take votes away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.breaking import broken_fencing
from vagrant.common.waiting import eventually
from vagrant.demo.faults import wait_until_whole
from vagrant.one_machine.layout import WITNESS
from vagrant.one_machine.rig import OneMachineRig
from vagrant.rig import Rig

#: How long a change of the votes may take, in seconds: the heartbeat of the witness is 2 s.
_LIMIT = 40.0
SILENT = f"the witness {WITNESS} DOES NOT VOTE"
ONE_MISSING = "1 vote is missing: services run again when enough nodes, or the witness, are back"


def votes_of_witness(count: int) -> str:
    """Return what status says of a witness that votes."""
    return f"the witness {WITNESS} has {count} of them"


def told(rig: Rig, node: str) -> tuple[str, str]:
    """Return the two lines about the votes that status prints on a node."""
    lines = rig.run(node, "takeover", "status").stdout.splitlines()
    where = next((n for n, line in enumerate(lines) if line.startswith("votes: ")), None)
    if where is None:
        return "", "\n".join(lines)
    return lines[where].removeprefix("votes: "), lines[where + 1].strip()


def is_told(rig: Rig, node: str, votes: str, may_be_lost: str) -> None:
    """Wait until status says on a node what is true, and check that it does."""
    expected = (votes, may_be_lost)
    eventually(lambda: told(rig, node) == expected, _LIMIT * rig.equipment.patience, pause=0.3)
    assert told(rig, node) == expected


@contextmanager
def lost(rig: Rig, node: str) -> Iterator[None]:
    """Have a node without power, which no other can switch on; at last the cluster is whole."""
    with broken_fencing(rig, node):
        rig.power(node, "off")
        yield
    rig.power(node, "on")
    wait_until_whole(rig)


def bring_witness_back(rig: Rig) -> None:
    """Switch the witness on again, and have it vote."""
    assert isinstance(rig, OneMachineRig)
    rig.power(WITNESS, "on")
    rig.wait_for_boot(WITNESS)
    rig.run(WITNESS, "systemctl", "start", "corosync-qnetd", check=True)
