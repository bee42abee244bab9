"""What a cluster may lose before it loses its quorum, in sentences."""

from __future__ import annotations

from pcs_wrapper.pacemaker.votes import Votes, Witness


def votes_text(votes: Votes) -> str:
    """Return a clause about the votes: how many there are, and whether the witness has one."""
    text = f"{votes.total} of {votes.expected}, {votes.needed} needed"
    if votes.witness is None:
        return text
    if votes.witness.is_voting:
        own = votes.witness.votes
        return f"{text}; {_named(votes.witness)} has {own} of them"
    return f"{text}; {_named(votes.witness)} DOES NOT VOTE"


def _named(witness: Witness) -> str:
    return f"the witness {witness.host}".rstrip()


def losable_nodes(votes: Votes) -> int:
    """Return how many more nodes may be lost at once, if the witness stays as it is."""
    return max(min(votes.total - votes.needed, votes.nodes - 1), 0)


def may_be_lost(votes: Votes) -> str:
    """Return a sentence about what may be lost now so that the services go on."""
    witness = votes.witness
    missing = votes.needed - votes.total
    if missing > 0:
        who = "enough nodes" if witness is None else "enough nodes, or the witness,"
        lacks = "1 vote is missing" if missing == 1 else f"{missing} votes are missing"
        return f"{lacks}: services run again when {who} are back"
    nodes = losable_nodes(votes)
    if witness is None or not witness.is_voting:
        return f"{_nodes(nodes)} may be lost"
    # How many the nodes alone can miss, without the witness.
    rest = votes.nodes - votes.needed
    if rest < 0:
        return (
            f"{_nodes(nodes)} may be lost, but not the witness"
            if nodes
            else "nothing more may be lost, neither a node nor the witness"
        )
    if not rest:
        return f"{_nodes(nodes)} or the witness may be lost, not both"
    return f"{_nodes(nodes)} may be lost, or the witness and {_nodes(min(rest, votes.nodes - 1))}"


def _nodes(count: int) -> str:
    return {0: "no node", 1: "one node"}.get(count, f"{count} nodes")
