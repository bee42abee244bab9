"""`takeover cluster`: the commands about the cluster as a whole."""

from __future__ import annotations

import click

from pcs_wrapper.commands.lazy import LazyGroup


@click.command(
    cls=LazyGroup,
    lazy={
        "create": (
            "pcs_wrapper.commands.cluster.create:create",
            "Create the cluster of a description.",
        ),
        "configure": (
            "pcs_wrapper.commands.cluster.configure:configure",
            "Change Corosync's times and links to those of a description.",
        ),
        "start": (
            "pcs_wrapper.commands.cluster.start:start",
            "Start the cluster on all nodes, or on some.",
        ),
        "stop": (
            "pcs_wrapper.commands.cluster.stop:stop",
            "Stop the cluster on all nodes, or on some.",
        ),
        "restart": (
            "pcs_wrapper.commands.cluster.restart:restart",
            "Restart the cluster on one node after another.",
        ),
        "destroy": (
            "pcs_wrapper.commands.cluster.destroy:destroy",
            "Destroy the cluster on all nodes, for good.",
        ),
    },
)
def cluster() -> None:
    """Create, configure, start, stop, restart (node by node) or destroy the cluster."""
