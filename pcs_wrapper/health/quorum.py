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
    if votes.total < votes.needed:
        missing = votes.needed - votes.total
        return (
            f"{_count(missing, 'vote')} {'is' if missing == 1 else 'are'} missing: services run "
            "again when enough nodes, or the witness, are back"
            if votes.witness is not None
            else f"{_count(missing, 'vote')} {'is' if missing == 1 else 'are'} missing: services "
            "run again when enough nodes are back"
        )
    nodes = losable_nodes(votes)
    if votes.witness is None or not votes.witness.is_voting:
        return f"{_nodes(nodes)} may be lost" if nodes else "no node may be lost"
    # The nodes alone, without the witness.
    rest = votes.nodes - votes.needed
    if rest < 0:
        return (
            f"{_nodes(nodes)} may be lost, but not the witness"
            if nodes
            else ("nothing more may be lost, neither a node nor the witness")
        )
    if not nodes:
        return "the witness may be lost, but no node"
    if not rest:
        return f"{_nodes(nodes)} or the witness may be lost, not both"
    return f"{_nodes(nodes)} may be lost, or the witness and {_nodes(min(rest, votes.nodes - 1))}"


def _nodes(count: int) -> str:
    return "one node" if count == 1 else f"{count} nodes"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
