"""`takeover service start`: start a service, or a part of it, and prove that it runs."""

from __future__ import annotations

from typing import Unpack

import click

from pcs_wrapper.commands.service.carrying import Common, carry, common, name, parts


@click.command()
@name
@parts
@common
@click.pass_context
def start(
    ctx: click.Context, service: str, parts: tuple[str, ...], **given: Unpack[Common]
) -> None:
    """Start SERVICE, or some of its parts, and prove that it runs, or say why it does not.

    If it does not run although it was never stopped, its failures are cleared, so that Pacemaker
    tries again. Where a part was stopped together with its whole service, the whole service is
    started.

    \b
    Examples:
      takeover service start shop
      takeover service start shop --part app

    Exit codes: 0 it runs; 1 it is not so, with the reason, or the command
    failed or was refused; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.services import switching

    carry(ctx, "service start", lambda seen: switching.start(seen, service, parts), **given)
