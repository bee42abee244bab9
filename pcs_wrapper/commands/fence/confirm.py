"""`takeover fence confirm`: tell the cluster that a node is off that cannot be fenced."""

from __future__ import annotations

import click

from pcs_wrapper.commands.asking import typed
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("node", metavar="NODE", shell_complete=completing.nodes)
@as_json
@dry_run
@click.option(
    "--even-so",
    is_flag=True,
    help="Confirm it although something says that the node is on. A member of the cluster is never "
    "confirmed.",
)
@click.pass_context
def confirm(ctx: click.Context, node: str, *, as_json: bool, dry_run: bool, even_so: bool) -> None:
    """Tell the cluster that NODE is off, when no fencing device could switch it off.

    While a node has to be fenced and cannot be, the cluster starts nothing that the node may have
    run. If you have seen with your own eyes that it has no power, confirm that. IF THE NODE STILL
    RUNS, ITS DATA IS DESTROYED: another node then mounts the same filesystem, both write to it, and
    neither the cluster nor a file system check can repair that; only a backup does.

    Before it believes you, the command asks whatever can be asked from here: whether Corosync has
    heard of the node, whether its addresses answer, what its fencing devices say. If anything says
    that the node is on, it refuses. Then it asks you to type the node's name; to answer in a
    script, write it to standard input. There is no way back.

    \b
    Examples:
      takeover fence confirm --dry-run node3
      takeover fence confirm node3

    Exit codes: 0 it is confirmed, or the cluster does not wait for it; 1 it was refused, you did
    not agree, or a service does not run afterwards; 2 there is no such node; 4 no cluster runs on
    this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.fencing import confirming
    from pcs_wrapper.health import diagnosis
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.fence_changes import (
        confirmation_dry_run_json,
        confirmation_text,
        confirmed_json,
        confirmed_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    with lock.held(machine, "takeover fence confirm"):
        planned = confirming.prepare(machine, node)
        if dry_run and as_json:
            print_text(
                confirmation_dry_run_json(planned, confirming.steps(planned, even_so=even_so))
            )
            ctx.exit(1 if confirming.may_be_on(planned, even_so=even_so) else 0)
        print_lines(confirmation_text(planned), err=not dry_run)
        if not planned.is_needed and not planned.node.online:
            if as_json:
                print_text(confirmed_json(planned, planned.state))
            return
        confirming.require_off(planned, even_so=even_so)
        if dry_run:
            print_lines(shown(confirming.steps(planned, even_so=even_so)))
            return
        if not typed(f"if {node} has no power, type its name", node):
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        state = confirming.confirm(machine, planned, even_so=even_so)
    if as_json:
        print_text(confirmed_json(planned, state))
    else:
        print_lines(confirmed_text(planned, state))
    if not all(each.is_running or each.is_disabled for each in diagnosis.services(state)):
        ctx.exit(1)
