"""`takeover cluster stop`: stop the cluster on all nodes, or on some of them."""

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
@click.pass_context
def stop(
    ctx: click.Context,
    nodes: tuple[str, ...],
    *,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    password_file: Path | None,
) -> None:
    """Stop the cluster on every NODE; by default on all, and with it every service.

    First the command says what stops, what moves and for how long clients wait for it, and whether
    the nodes that stay have quorum; then it asks. The nodes stay nodes of the cluster: they join
    again when the cluster is started there, and when they boot, if it starts at boot.

    Run it on any node of the cluster: the others are reached by pcsd. Afterwards nothing of the
    cluster runs on a NODE, SBD included. What Pacemaker leaves alone, as in maintenance, goes on
    without a cluster, which is told. Interrupted, the same command stops what still runs.

    \b
    Examples:
      takeover cluster stop --dry-run
      takeover cluster stop
      takeover cluster stop node2 --yes

    Exit codes: 0 the cluster is stopped on every NODE; 1 something still runs there, or does not
    run any more that should, or you did not agree, or the command failed; 2 there is no such node.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.running import stopping
    from pcs_wrapper.views.members.running import (
        stop_dry_run_json,
        stop_text,
        stopped_json,
        stopped_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    if dry_run:
        planned = stopping.prepare(machine, nodes)
        steps = stopping.steps(machine, planned)
        if as_json:
            print_text(stop_dry_run_json(planned, steps))
        else:
            print_lines((*stop_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover cluster stop"):
        planned = stopping.prepare(machine, nodes)
        print_lines(stop_text(planned), err=True)
        if not yes and not agreed(f"stop the cluster on {', '.join(planned.nodes)}?"):
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        done = stopping.make(machine, planned, lambda: password(password_file))
    if as_json:
        print_text(stopped_json(done))
    else:
        print_lines(stopped_text(done))
    ctx.exit(1 if done.harm else 0)
