"""`takeover service maintenance`: leave a service alone, or manage it again."""

from __future__ import annotations

from typing import Unpack

import click

from pcs_wrapper.commands.service.carrying import Common, carry, common, name


@click.command()
@click.argument("switch", metavar="[on|off]", type=click.Choice(["on", "off"]))
@name
@common
@click.pass_context
def maintenance(ctx: click.Context, switch: str, service: str, **given: Unpack[Common]) -> None:
    """Leave SERVICE alone (on), or manage it again (off).

    In maintenance, Pacemaker neither monitors, starts nor stops it, and there is no failover, while
    an administrator works on it. It lasts, also over restarts of nodes, until it is switched off.
    With off, the service is also managed again if `pcs resource unmanage` was the reason. What
    Pacemaker then does about the state that it finds is said beforehand, as far as it knows.

    \b
    Examples:
      takeover service maintenance on shop -m "new disk"
      takeover service maintenance off shop

    Exit codes: 0 it is so; 1 it is not so, with the reason, or the command
    failed or was refused; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.services import placing

    carry(
        ctx,
        "service maintenance",
        lambda seen: placing.maintenance(seen, service, on=switch == "on"),
        **given,
    )
