"""`takeover service pin`: keep a service on a node."""

from __future__ import annotations

from typing import Unpack

import click

from pcs_wrapper.commands.service.carrying import Common, carry, common, name
from pcs_wrapper.commands.shell import completing


@click.command()
@name
@click.argument("node", shell_complete=completing.nodes)
@common
@click.pass_context
def pin(ctx: click.Context, service: str, node: str, **given: Unpack[Common]) -> None:
    """Keep SERVICE on NODE: it goes there, and prefers NODE to all others until `unpin`.

    If NODE fails, another node takes the service over, and it goes back when NODE has returned.
    `takeover status` shows the pin, and `takeover apply` leaves it. `pcs resource clear SERVICE`
    ends it, too.

    \b
    Example:
      takeover service pin shop node2

    Exit codes: 0 the service runs; 1 it is not so, with the reason, or the command
    failed or was refused; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.services import placing

    carry(ctx, "service pin", lambda seen: placing.pin(seen, service, node), **given)
