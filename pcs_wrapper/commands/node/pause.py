"""`takeover node pause`: let a node run nothing, or take nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.durations import duration
from pcs_wrapper.commands.node import options
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from datetime import timedelta


@click.command()
@click.argument("node", metavar="NODE", shell_complete=completing.nodes)
@click.option("--keep", is_flag=True, help="Let NODE keep what it runs, and only take nothing new.")
@click.option(
    "--for",
    "lasting",
    metavar="TIME",
    callback=duration,
    help="End the pause after this time, such as 2h. Pacemaker does that, whatever is rebooted.",
)
@as_json
@dry_run
@options.wait
@options.even_so
@options.over_others
@options.message
@click.pass_context
def pause(
    ctx: click.Context,
    node: str,
    *,
    keep: bool,
    lasting: timedelta | None,
    as_json: bool,
    dry_run: bool,
    wait: timedelta | None,
    even_so: bool,
    over_others: bool,
    message: str,
) -> None:
    """Let NODE run nothing, and wait until everything that ran there runs elsewhere.

    What moves where, and for how long clients wait for it, is told first. If a service has nowhere
    else to run, nothing is changed, unless --even-so is given. The node stays a member of the
    cluster and goes on voting, and it stays paused when it is rebooted.

    With --keep it keeps what it runs, and takes nothing new: what fails elsewhere is not recovered
    there. What it runs now may also start there again.

    A pause is in the history (takeover history), and `takeover node resume NODE` ends it. Without
    --keep and --for it is the standby of pcs, and pcs node unstandby NODE ends it, too; with one of
    them it is a constraint, which takeover node list names, and pcs constraint delete removes.

    \b
    Examples:
      takeover node pause --dry-run node2
      takeover node pause node2 -m "new memory"
      takeover node pause node2 --for 2h
      takeover node pause node2 --keep

    Exit codes: 0 the node is paused, and drained without --keep; 1 something still runs there, or
    does not run any more that should, or the command failed; 2 the command line is wrong; 4 no
    cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.nodes import pausing

    machine: Machine = ctx.obj
    until = None
    if lasting is not None:
        until = (machine.now() + lasting).replace(microsecond=0)
    chosen = options.options_of(message, wait, even_so=even_so, over_others=over_others)
    ctx.exit(
        options.carry_out(
            machine,
            "takeover node pause",
            lambda: pausing.prepare_pause(
                machine, node, keep=keep, until=until, patient=not even_so
            ),
            chosen,
            as_json=as_json,
            dry_run=dry_run,
        )
    )
