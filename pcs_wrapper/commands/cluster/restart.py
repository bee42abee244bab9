"""`takeover cluster restart`: restart the cluster on one node after another."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.asking import agreed
from pcs_wrapper.commands.cluster import options
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@options.nodes
@as_json
@dry_run
@options.yes
@options.known_password_file
@click.option(
    "--even-so",
    is_flag=True,
    help="Restart although something is not well, or a service would stop for that time.",
)
@click.option(
    "--forget",
    is_flag=True,
    help="Forget a restart that was interrupted on this node. Nothing is changed in the cluster.",
)
@click.pass_context
def restart(
    ctx: click.Context,
    nodes: tuple[str, ...],
    *,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    password_file: Path | None,
    even_so: bool,
    forget: bool,
) -> None:
    """Restart the cluster on every NODE, one after the other; by default on all of them.

    Of each node the services leave first, as with `takeover node pause`; then its cluster is
    stopped and started, and when the node is back and all is well, the next one's turn comes. The
    nodes that run the least come first. The command says beforehand what moves and for how long
    clients wait, and asks; afterwards it tells the measured outage of each step. It refuses if
    anything is not well, if quorum would be lost, or if a service could run nowhere else; the first
    harm ends it.

    Run it on any node, also on one whose turn comes: its commands go on meanwhile. When it was
    interrupted, `takeover status` on this node says how far it has come, and the same command
    without a NODE goes on. The drained node is in standby only until its cluster is restarted.

    \b
    Examples:
      takeover cluster restart --dry-run
      takeover cluster restart
      takeover cluster restart node2 --yes --json

    Exit codes: 0 the cluster was restarted on every NODE, and all is well; 1 something went wrong,
    it was refused, or you did not agree; 2 there is no such node; 4 no cluster runs on this
    machine; 130 it was interrupted.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.running import restarting
    from pcs_wrapper.views.members.running import (
        forgotten_text,
        restart_dry_run_json,
        restart_text,
        restarted_json,
        restarted_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    if dry_run:
        planned = restarting.prepare(machine, nodes)
        steps = restarting.steps(machine, planned)
        if as_json:
            print_text(restart_dry_run_json(planned, steps))
        else:
            print_lines((*restart_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover cluster restart"):
        if forget:
            forgotten = restarting.forget(machine)
            if as_json:
                print_text(restarted_json((), forgotten.left))
            else:
                print_line(forgotten_text(forgotten))
            return
        planned = restarting.prepare(machine, nodes)
        print_lines(restart_text(planned), err=True)
        restarting.require(machine, planned, even_so=even_so)
        names = ", then ".join(turn.node for turn in planned.turns)
        if not yes and not agreed(f"restart the cluster on {names}?"):
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        turns = restarting.make(machine, planned, lambda: password(password_file))
    left = [turn.node for turn in planned.turns if turn not in turns]
    if as_json:
        print_text(restarted_json(turns, left))
    else:
        print_lines(restarted_text(turns, left))
    ctx.exit(1 if any(turn.harm for turn in turns) else 0)
