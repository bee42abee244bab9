"""`takeover service move`: move a service to another node, and leave nothing behind."""

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
def move(ctx: click.Context, service: str, node: str | None, **given: Unpack[Common]) -> None:
    """Move SERVICE to NODE, or to the best other node, and wait until it is well there.

    Nothing is left in the configuration afterwards: the constraint that moves the service is taken
    out again, also if the move fails or is interrupted. If the command is killed, the constraint
    ends by itself. It is said beforehand for how long clients will not be served, and afterwards
    for how long they were not.

    A move is refused if NODE cannot run the service, if the service would go back as soon as
    nothing holds it there, or if other services would be stopped or moved for it (unless --yes is
    given). To keep a service on a node, see `takeover service pin`.

    \b
    Examples:
      takeover service move shop
      takeover service move shop node2 --dry-run
      takeover service move shop node2 -m "node1 gets more memory"

    Exit codes: 0 the service runs on NODE; 1 it is not so, with the reason, or the command
    failed or was refused; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.services import moving

    carry(ctx, "service move", lambda seen: moving.prepare(seen, service, node), **given)
