"""`takeover witness`: the commands about the witness."""

from __future__ import annotations

import click

from pcs_wrapper.commands.lazy import LazyGroup


@click.command(
    cls=LazyGroup,
    lazy={
        "add": (
            "pcs_wrapper.commands.witness.add:add",
            "Let a host outside of the cluster vote, too.",
        ),
        "remove": (
            "pcs_wrapper.commands.witness.remove:remove",
            "Let the nodes alone vote again.",
        ),
    },
)
def witness() -> None:
    """Add a witness that votes beside the nodes, or remove it.

    With it, one half of the nodes goes on when the other half is lost: of two nodes, the last one.
    It is a host outside of the cluster on which corosync-qnetd runs; it may serve many clusters.
    `takeover quorum status` shows who votes.
    """
