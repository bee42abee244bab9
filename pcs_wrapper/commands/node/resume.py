"""`takeover node resume`: let a paused node run things again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.node import options
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from datetime import timedelta


@click.command()
@click.argument("node", metavar="NODE", shell_complete=completing.nodes)
@as_json
@dry_run
@options.wait
@options.even_so
@options.over_others
@options.message
@click.pass_context
def resume(
    ctx: click.Context,
    node: str,
    *,
    as_json: bool,
    dry_run: bool,
    wait: timedelta | None,
    even_so: bool,
    over_others: bool,
    message: str,
) -> None:
    """End the pause of NODE, however it was paused, and wait until it can run things again.

    That is a pause by `takeover node pause`, with or without --keep and --for, the standby of pcs,
    and one that would end with a restart of the node's cluster. What comes back, and for how long
    clients wait for it, is told first: usually services stay where they are.

    \b
    Examples:
      takeover node resume --dry-run node2
      takeover node resume node2

    Exit codes: 0 the node can run things again; 1 it cannot yet, which is explained, or the command
    failed; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.nodes import pausing

    machine: Machine = ctx.obj
    chosen = options.options_of(message, wait, even_so=even_so, over_others=over_others)
    ctx.exit(
        options.carry_out(
            machine,
            "takeover node resume",
            lambda: pausing.prepare_resume(machine, node, patient=not even_so),
            chosen,
            as_json=as_json,
            dry_run=dry_run,
        )
    )
