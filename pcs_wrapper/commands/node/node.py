"""`takeover node`: the commands about the nodes of a cluster."""

from __future__ import annotations

import click

from pcs_wrapper.commands.lazy import LazyGroup


@click.command(
    cls=LazyGroup,
    lazy={
        "list": (
            "pcs_wrapper.commands.node.list:list_",
            "Show how each node is, and why.",
        ),
        "pause": (
            "pcs_wrapper.commands.node.pause:pause",
            "Let a node run nothing, or take nothing new.",
        ),
        "resume": (
            "pcs_wrapper.commands.node.resume:resume",
            "Let a paused node run things again.",
        ),
        "add": (
            "pcs_wrapper.commands.node.add:add",
            "Make a machine a node of the cluster.",
        ),
        "evict": (
            "pcs_wrapper.commands.node.evict:evict",
            "Take a node out of the cluster that cannot be reached.",
        ),
        "replace": (
            "pcs_wrapper.commands.node.replace:replace",
            "Have a machine take the place of a node.",
        ),
        "remove": (
            "pcs_wrapper.commands.node.remove:remove",
            "Take a node out of the cluster, after its services.",
        ),
    },
)
def node() -> None:
    """List the nodes of the cluster; pause, resume, add, remove, evict or replace one."""
