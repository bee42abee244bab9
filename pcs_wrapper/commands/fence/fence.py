"""`takeover fence`: the commands about fencing."""

from __future__ import annotations

import click

from pcs_wrapper.commands.lazy import LazyGroup


@click.command(
    cls=LazyGroup,
    lazy={
        "list": (
            "pcs_wrapper.commands.fence.list_:list_",
            "Show what can fence each node, and whether it would work now.",
        ),
        "history": (
            "pcs_wrapper.commands.fence.history:history",
            "Show which nodes were fenced, by what, and why it failed.",
        ),
        "confirm": (
            "pcs_wrapper.commands.fence.confirm:confirm",
            "Tell the cluster that a node is off that cannot be fenced.",
        ),
        "test": (
            "pcs_wrapper.commands.fence.test:test",
            "Really fence one node after another, and time it.",
        ),
    },
)
def fence() -> None:
    """See how nodes are fenced, prove that it works, and help when it does not.

    A node that has failed is fenced (switched off) before another one takes over what it ran:
    otherwise both could write to the same disk.
    """
