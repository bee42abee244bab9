"""`takeover cluster destroy`: destroy the cluster on all nodes, for good."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.asking import typed
from pcs_wrapper.commands.cluster import options
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@as_json
@dry_run
@options.yes
@options.known_password_file
@click.option(
    "--even-so",
    is_flag=True,
    help="Destroy it although a node cannot be reached, and keeps its configuration.",
)
@click.pass_context
def destroy(
    ctx: click.Context,
    *,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    password_file: Path | None,
    even_so: bool,
) -> None:
    """Destroy the cluster on all nodes: its services stop, and its configuration is deleted.

    The data of services stays on its disks, and so do descriptions: `takeover cluster create` and
    `takeover apply` make the cluster again, with a new history. What this node has kept of the old
    one is put aside. First the command says what stops, and asks you to type the cluster's name; to
    answer in a script, give --yes. It refuses if a node cannot be reached, as that would keep its
    configuration. There is no way back.

    \b
    Examples:
      takeover import > cluster.toml
      takeover cluster destroy --dry-run
      takeover cluster destroy

    Exit codes: 0 the cluster is destroyed on every node; 1 it is not on one of them, it was
    refused, you did not agree, or the command failed.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.cluster.progress import Progress
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.membership import destroying
    from pcs_wrapper.views.members.membership import (
        destroyed_json,
        destroyed_text,
        destruction_dry_run_json,
        destruction_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    if dry_run:
        planned = destroying.prepare(machine)
        steps, _ = destroying.steps(planned)
        if as_json:
            print_text(destruction_dry_run_json(planned, steps))
        else:
            print_lines((*destruction_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover cluster destroy"):
        planned = destroying.prepare(machine)
        print_lines(destruction_text(planned), err=True)
        destroying.require(planned, even_so=even_so)
        name = planned.config.name
        if not yes and not typed(f"to destroy the cluster {name}, type its name", name):
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        destroyed = destroying.make(machine, planned, lambda: password(password_file))
        Progress(machine.state, name).forget()
    if as_json:
        print_text(destroyed_json(destroyed))
    else:
        print_lines(destroyed_text(destroyed))
    ctx.exit(1 if destroyed.harm else 0)
