"""`takeover agents`: the commands about the resource agents on this machine."""

from __future__ import annotations

import click

from pcs_wrapper.commands.lazy import LazyGroup


@click.command(
    cls=LazyGroup,
    lazy={
        "install": (
            "pcs_wrapper.commands.agents.install:install",
            "Install the ocf:takeover agents where Pacemaker looks for them.",
        ),
        "check": (
            "pcs_wrapper.commands.agents.check:check",
            "Test whether an agent follows the OCF Resource Agent API.",
        ),
    },
)
def agents() -> None:
    """Install Takeover's resource agents on this machine, or test any resource agent."""
