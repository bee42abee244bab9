"""`takeover service ban`: keep a service off a node."""

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
def ban(ctx: click.Context, service: str, node: str, **given: Unpack[Common]) -> None:
    """Keep SERVICE off NODE until `unpin`: it leaves NODE, which cannot take it over any more.

    `takeover status` shows the ban, and `takeover apply` leaves it. `pcs resource clear SERVICE`
    ends it, too. It is refused if no other node could run the service, unless --yes is given.

    \b
    Example:
      takeover service ban shop node3 -m "slow disk"

    Exit codes: 0 the service runs; 1 it is not so, with the reason, or the command
    failed or was refused; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.services import placing

    carry(ctx, "service ban", lambda seen: placing.ban(seen, service, node), **given)
