"""`takeover service restart`: restart a service, or a part of it."""

from __future__ import annotations

from typing import Unpack

import click

from pcs_wrapper.commands.service.carrying import Common, carry, common, name, parts


@click.command()
@name
@parts
@common
@click.pass_context
def restart(
    ctx: click.Context, service: str, parts: tuple[str, ...], **given: Unpack[Common]
) -> None:
    """Stop SERVICE, or some of its parts, and start it again, also while it is unmanaged.

    In a service, what starts after a part is restarted with it. An unmanaged service, or one in
    maintenance, is managed for the time of the restart only; if it does not start on its node
    then, it may be started on another one.

    Nothing is left in the configuration afterwards. If the command is killed after the stop, the
    service is started again when its time is over, or by the next command.

    \b
    Examples:
      takeover service restart shop
      takeover service restart shop --part app

    Exit codes: 0 it runs again; 1 it is not so, with the reason, or the command
    failed or was refused; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.services import switching

    carry(ctx, "service restart", lambda seen: switching.restart(seen, service, parts), **given)
