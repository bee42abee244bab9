"""`takeover quorum status`: who may decide, and what happens if a node or the witness goes next."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pcs_wrapper.errors import ClusterError
from pcs_wrapper.health.condition import properties_of, watchdog_fences
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.certificates import Certificate, read_certificates
from pcs_wrapper.pacemaker.crm_mon import Node, read_state
from pcs_wrapper.pacemaker.votes import Votes, read_votes

_TWO = 2
# What Pacemaker does in a part of the cluster without quorum (its property no-quorum-policy).
_POLICIES = {
    "stop": "all services stop there",
    "freeze": "what runs there goes on, and nothing is recovered",
    "suicide": "all nodes there are fenced",
    "fence": "all nodes there are fenced",
    "demote": "what is promoted there is demoted, and all else stops",
    "ignore": "everything goes on there as if nothing had happened",
    "watchdogs": "all nodes there are reset by their watchdogs (SBD)",
}
_DEFAULT_POLICY = "stop"
# Without a disk, SBD resets a node that has no quorum, whatever the policy is (sbd(8)).
_BY_WATCHDOGS = "watchdogs"


@dataclass(frozen=True)
class Loss:
    """What happens if a node or the witness goes next, and nothing else changes.

    Attributes:
        what: The node's name, or the witness's.
        is_witness: Whether it is the witness.
        left: The votes that are left.
        goes_on: Whether those that are left still decide.
        means: What that means, in a sentence.
    """

    what: str
    is_witness: bool
    left: int
    goes_on: bool
    means: str


@dataclass(frozen=True)
class Quorum:
    """Who decides in this cluster, and what may be lost.

    Attributes:
        has_quorum: Whether this part of the cluster may decide.
        votes: Its votes.
        members: The nodes that are in it.
        absent: The other nodes that vote.
        who: Who may decide, in a sentence.
        losses: What happens if one of its members, or the witness, goes next.
        settings: What else is set, a sentence for each.
        certificates: This node's certificates for the witness; None if they are not known.
    """

    has_quorum: bool
    votes: Votes
    members: tuple[str, ...]
    absent: tuple[str, ...]
    who: str
    losses: tuple[Loss, ...]
    settings: tuple[str, ...]
    certificates: tuple[Certificate, ...] | None


def read_quorum(machine: Machine) -> Quorum:
    """Return who decides in the cluster that runs here, and what may be lost.

    Args:
        machine: This machine.

    Raises:
        NotRoot: The user is not root: Corosync tells its votes to nobody else.
        ClusterUnreachable: No cluster runs on this machine.
        ClusterError: Corosync does not tell its votes.
        ProgramError: A Pacemaker tool is missing, fails or hangs.
    """
    machine.require_root()
    state = read_state(machine)
    votes = read_votes(machine)
    if votes is None:
        raise ClusterError(
            "Corosync does not tell its votes: corosync-quorumtool is missing, or does not answer. "
            "Look at it: systemctl status corosync"
        )
    properties = properties_of(cib.query(machine))
    policy = policy_of(properties)
    voters = [node for node in state.nodes if not node.remote]
    members = [node for node in voters if node.number in votes.members]
    return Quorum(
        has_quorum=state.quorum,
        votes=votes,
        members=tuple(node.name for node in members),
        absent=tuple(node.name for node in voters if node not in members),
        who=who_may_decide(votes, len(voters)),
        losses=tuple(losses(votes, members, policy)),
        settings=tuple(_settings(votes, policy)),
        certificates=read_certificates(machine) if votes.witness is not None else None,
    )


def policy_of(properties: Mapping[str, str]) -> str:
    """Return what becomes of a part of the cluster without quorum: no-quorum-policy, or SBD's.

    Args:
        properties: The cluster's properties.
    """
    if watchdog_fences(properties):
        return _BY_WATCHDOGS
    return properties.get("no-quorum-policy", _DEFAULT_POLICY)


def who_may_decide(votes: Votes, nodes: int) -> str:
    """Return in a sentence which nodes together may decide.

    Args:
        votes: The votes of this part of the cluster.
        nodes: The number of nodes that vote.
    """
    own = 0 if votes.witness is None else votes.witness.votes
    if votes.expected - own != nodes or any(each != 1 for each in votes.members.values()):
        return f"whoever has {votes.needed} of the {votes.expected} votes"
    if "2Node" in votes.flags:
        return "either of the two nodes alone, when it has fenced the other (two_node)"
    alone = _of(votes.needed, nodes)
    if votes.witness is None:
        return alone
    named = f"the witness {votes.witness.host}".rstrip()
    together = f"{_of(max(votes.needed - own, 1), nodes)} to which {named} gives its vote"
    return together if votes.needed > nodes else f"{together}, or {alone} without it"


def _of(count: int, nodes: int) -> str:
    if count >= nodes:
        return "both nodes together" if nodes == _TWO else f"all {nodes} nodes together"
    return f"any {count} of the {nodes} nodes"


def losses(votes: Votes, members: Sequence[Node], policy: str) -> Iterator[Loss]:
    """Yield what happens if each member, or the witness, goes next, and nothing else changes.

    Args:
        votes: The votes of this part of the cluster.
        members: The nodes that are in it.
        policy: What Pacemaker does without quorum.
    """
    without = without_quorum(policy)
    for node in members:
        rest = [each for each in members if each is not node]
        left = votes.total - votes.members[node.number]
        goes_on = decide_without(votes, {node.number})
        names = _and([each.name for each in rest])
        verb = "goes" if len(rest) == 1 else "go"
        if not rest:
            means = "it is the last node: nothing runs any more"
        elif goes_on:
            means = f"{names} {verb} on, and take{'s' * (len(rest) == 1)} over what it runs"
        else:
            means = f"{names} {'has' if len(rest) == 1 else 'have'} no quorum: {without}"
        yield Loss(node.name, is_witness=False, left=left, goes_on=goes_on, means=means)
    witness = votes.witness
    if witness is not None and witness.is_voting:
        left = votes.total - witness.votes
        goes_on = left >= votes.needed
        means = "everything goes on" if goes_on else f"the nodes alone have no quorum: {without}"
        yield Loss(witness.host, is_witness=True, left=left, goes_on=goes_on, means=means)


def decide_without(votes: Votes, lost: Collection[str]) -> bool:
    """Return whether the other members still decide when some are lost, or stopped.

    Args:
        votes: The votes of this part of the cluster.
        lost: The IDs that Corosync knows those by that are lost.
    """
    rest = votes.members.keys() - set(lost)
    if not rest:
        return False
    left = votes.total - sum(votes.members.get(each, 0) for each in lost)
    if "AutoTieBreaker" in votes.flags and 2 * left == votes.expected:
        # Half of the votes are enough, if the node that breaks ties stays.
        return votes.breaks_ties in rest
    return left >= votes.needed


def without_quorum(policy: str) -> str:
    """Return in a clause what Pacemaker does in a part of the cluster without quorum.

    Args:
        policy: As `policy_of` returns it; empty for the default.
    """
    return _POLICIES.get(policy or _DEFAULT_POLICY, f"no-quorum-policy is {policy}")


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _settings(votes: Votes, policy: str) -> Iterator[str]:
    """Yield what else is set that decides who may form the cluster."""
    if "2Node" in votes.flags:
        yield "two_node: one of the two nodes is enough, and fencing decides which"
    if "WaitForAll" in votes.flags:
        yield (
            "wait_for_all: after the whole cluster was off, nothing starts before all nodes have "
            "been there at the same time"
        )
    elif "2Node" in votes.flags:
        yield (
            "wait_for_all is off: a node that starts alone decides at once, and may fence the other"
        )
    if "LastManStanding" in votes.flags:
        yield (
            "last_man_standing: some seconds after a loss the rest is counted anew, so that one "
            "node after the other may be lost"
        )
    if "AutoTieBreaker" in votes.flags:
        node = votes.tie_breaker
        which = node if node in ("lowest", "highest") else f"first of the IDs {node} as its"
        yield f"auto_tie_breaker: of two halves, that with the {which} node ID decides"
    if policy not in (_DEFAULT_POLICY, _BY_WATCHDOGS):
        yield f"no-quorum-policy is {policy}: without quorum, {_POLICIES.get(policy, 'unknown')}"
