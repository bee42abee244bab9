"""`takeover node add`: make a machine a node of the cluster."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import click

from pcs_wrapper.commands.asking import agreed
from pcs_wrapper.commands.cluster.options import known_password_file, yes
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("node", metavar="NODE")
@click.option(
    "--address",
    "addresses",
    metavar="ADDRESS",
    multiple=True,
    help="NODE's address on a link; once for each link, in the order of the other nodes'. Without "
    "it, the addresses are those of the description.",
)
@click.option(
    "--description",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Add NODE to this description, too; its comments stay as they are. If it has NODE, its "
    "addresses are taken.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Destroy the configuration of the cluster that NODE was in, or is in.",
)
@as_json
@dry_run
@yes
@known_password_file
@click.option(
    "--even-so",
    is_flag=True,
    help="Add it although something is in the way that is no reason by itself, such as agents that "
    "NODE lacks, or a newer Pacemaker.",
)
@click.pass_context
def add(
    ctx: click.Context,
    node: str,
    *,
    addresses: tuple[str, ...],
    file: Path | None,
    replace: bool,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    password_file: Path | None,
    even_so: bool,
) -> None:
    """Make NODE a node of the cluster; no service is interrupted.

    Pacemaker, pcs and Takeover have to be installed on NODE and pcsd has to run there
    (docs/installing.md). First this node is authenticated to NODE; with a wrong password nothing is
    changed. Then NODE is asked what it has: an older Pacemaker, a missing package and the
    configuration of another cluster are refused, the latter unless you say --replace. Then the
    command says what it does, and asks.

    NODE runs nothing until it is known what fences it. If no fencing device that the cluster has
    knows NODE, it stays so: describe what fences it, `takeover apply FILE`, then run this again.
    Interrupted or killed, the same command says how far it has come, and goes on. `takeover node
    remove NODE` takes it back.

    \b
    Examples:
      takeover node add node4 --address 198.51.100.14 --address 203.0.113.14 --dry-run
      takeover node add node4 --description cluster.toml
      takeover node add node4 --description cluster.toml --replace

    Exit codes: 0 NODE is a node and may run things, or is held until it is known what fences it;
    1 something went wrong, it was refused, or you did not agree; 2 the addresses or the description
    are wrong; 4 no cluster runs on this machine; 130 it was interrupted.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.errors import ClusterError
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.membership import adding, joining
    from pcs_wrapper.views.members.joining import (
        added_json,
        added_text,
        joining_dry_run_json,
        joining_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    if dry_run:
        planned = joining.prepare(machine, node, addresses, file, replace=replace)
        steps, _ = adding.steps(planned)
        if as_json:
            print_text(joining_dry_run_json(planned, steps))
        else:
            print_lines((*joining_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover node add"):
        planned = joining.prepare(machine, node, addresses, file, replace=replace)
        ask = cache(lambda: password(password_file))
        if planned.is_stranger:
            # What else is in the way is told before anybody is asked for a password.
            joining.require(machine, planned, even_so=even_so)
            adding.authenticate(machine, planned, ask)
            planned = joining.prepare(machine, node, addresses, file, replace=replace)
        if planned.is_stranger:
            raise ClusterError(
                f"pcsd on {node} does not take what pcs has just got there. Is "
                f"{planned.links[0]} the address of {node}? Nothing was changed"
            )
        print_lines(joining_text(planned), err=True)
        joining.require(machine, planned, even_so=even_so)
        what = f"make {node} a node of the cluster {planned.config.name}?"
        if not (yes or planned.is_complete or agreed(what)):
            print_line(f"nothing was changed in the cluster or on {node}", err=True)
            ctx.exit(1)
        added = adding.make(machine, planned, ask)
    if as_json:
        print_text(added_json(added))
    else:
        print_lines(added_text(added))
    ctx.exit(1 if added.harm else 0)
