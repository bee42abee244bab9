"""`takeover cluster start`: start the cluster on all nodes, or on some of them."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.cluster import options
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@options.nodes
@as_json
@dry_run
@options.known_password_file
@click.pass_context
def start(
    ctx: click.Context,
    nodes: tuple[str, ...],
    *,
    as_json: bool,
    dry_run: bool,
    password_file: Path | None,
) -> None:
    """Start the cluster on every NODE, and wait until all runs that should; by default on all.

    Run it on any node of the cluster: the others are reached by pcsd. Where the cluster runs
    already, nothing is changed. A node whose pcsd does not answer is left, and the others are
    started: that is said, and the exit code is 1. Interrupted, the same command goes on.

    \b
    Examples:
      takeover cluster start
      takeover cluster start node2 node3
      takeover cluster start --dry-run

    Exit codes: 0 the cluster runs on every NODE, with quorum, and so do its services and fencing
    devices; 1 something does not, which is explained, or the command failed; 2 there is no such
    node.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.change.looking.condition import look
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.running import starting
    from pcs_wrapper.views.members.running import (
        start_dry_run_json,
        start_text,
        started_json,
        started_text,
    )
    from pcs_wrapper.views.state import state_text

    machine: Machine = ctx.obj
    machine.require_root()
    if dry_run:
        planned = starting.prepare(machine, nodes)
        steps = starting.steps(planned)
        if as_json:
            print_text(start_dry_run_json(planned, steps))
        else:
            print_lines((*start_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover cluster start"):
        planned = starting.prepare(machine, nodes)
        print_lines(start_text(planned), err=True)
        done = starting.make(machine, planned, lambda: password(password_file))
    if as_json:
        print_text(started_json(done))
    else:
        if done.state is not None:
            print_lines(state_text(done.state, look(machine, done.state)))
        print_lines(started_text(done))
    ctx.exit(1 if done.harm else 0)
