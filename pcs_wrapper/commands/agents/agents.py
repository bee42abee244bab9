"""`takeover agents`: the resource agents on this machine."""

from __future__ import annotations

import click

from pcs_wrapper.commands.lazy import LazyGroup


@click.command(
    cls=LazyGroup,
    lazy={
        "install": (
            "pcs_wrapper.commands.agents.install:install",
            "Put the ocf:takeover agents where Pacemaker looks for them.",
        ),
        "check": (
            "pcs_wrapper.commands.agents.check:check",
            "Test whether an agent does what the OCF Resource Agent API asks for.",
        ),
    },
)
def agents() -> None:
    """Install the resource agents, or test whether one does what it has to."""
