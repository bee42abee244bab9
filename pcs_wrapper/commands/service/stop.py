"""`takeover service stop`: stop a service, or a part of it."""

from __future__ import annotations

from typing import Unpack

import click

from pcs_wrapper.commands.service.carrying import Common, carry, common, name, parts


@click.command()
@name
@parts
@common
@click.pass_context
def stop(ctx: click.Context, service: str, parts: tuple[str, ...], **given: Unpack[Common]) -> None:
    """Stop SERVICE, or some of its parts, until `takeover service start`.

    In a service, what starts after a part stops with it: without its filesystem, an application
    does not run. A later `takeover apply` leaves it stopped, unless the description says
    `enabled = true`.

    \b
    Examples:
      takeover service stop shop -m "new schema"
      takeover service stop shop --part app

    Exit codes: 0 it has stopped; 1 it is not so, with the reason, or the command
    failed or was refused; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.services import switching

    carry(ctx, "service stop", lambda seen: switching.stop(seen, service, parts), **given)
