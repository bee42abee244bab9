"""`takeover quorum`: the commands about quorum."""

from __future__ import annotations

import click

from pcs_wrapper.commands.lazy import LazyGroup


@click.command(
    cls=LazyGroup,
    lazy={
        "status": (
            "pcs_wrapper.commands.quorum.status:status",
            "Show who may decide, and what happens if a node goes next.",
        ),
    },
)
def quorum() -> None:
    """Show who may decide in the cluster, and what may be lost."""
