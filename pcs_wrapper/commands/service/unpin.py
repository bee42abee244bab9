"""`takeover service unpin`: end pins and bans of a service."""

from __future__ import annotations

from typing import Unpack

import click

from pcs_wrapper.commands.service.carrying import Common, carry, common, name
from pcs_wrapper.commands.shell import completing


@click.command()
@name
@click.argument("node", required=False, shell_complete=completing.nodes)
@common
@click.pass_context
def unpin(ctx: click.Context, service: str, node: str | None, **given: Unpack[Common]) -> None:
    """End the pins and bans of SERVICE, or only those of NODE, also those that pcs has made.

    The service may then go where its description prefers it: that is said beforehand.

    \b
    Examples:
      takeover service unpin shop
      takeover service unpin shop node3

    Exit codes: 0 the service runs; 1 it is not so, with the reason, or the command
    failed or was refused; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.services import placing

    carry(ctx, "service unpin", lambda seen: placing.unpin(seen, service, node), **given)
