"""`takeover node remove`: take a node out of the cluster, after its services."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.asking import agreed
from pcs_wrapper.commands.cluster.options import known_password_file, yes
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("node", metavar="NODE", shell_complete=completing.nodes)
@click.option(
    "--description",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take NODE out of this description, too; its comments stay as they are.",
)
@as_json
@dry_run
@yes
@known_password_file
@click.option(
    "--even-so",
    is_flag=True,
    help="Remove it although something is not well, a service would stop, or NODE cannot be "
    "reached and keeps its configuration.",
)
@click.pass_context
def remove(
    ctx: click.Context,
    node: str,
    *,
    file: Path | None,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    password_file: Path | None,
    even_so: bool,
) -> None:
    """Take NODE out of the cluster: its services leave first, and nothing restarts elsewhere.

    First the command says what moves and for how long clients wait, and asks. Then NODE is drained,
    the cluster's configuration is destroyed on it, so that it can neither join again nor stop the
    others by accident, and Corosync and Pacemaker forget it. What pauses, pins and bans say of NODE
    goes with it. It refuses if anything is not well with the others, if they would have no quorum,
    or if a service could run nowhere else.

    The description changes in place with --description; then `takeover apply FILE` takes out what
    fences NODE. Run the command on another node. Interrupted or killed, the same command says how
    far it has come, and goes on; as long as NODE is only drained, `takeover node resume NODE` takes
    that back.

    \b
    Examples:
      takeover node remove --dry-run node3
      takeover node remove node3 --description cluster.toml
      takeover apply cluster.toml

    Exit codes: 0 NODE is removed, and all is well; 1 something went wrong, it was refused, or you
    did not agree; 2 there is no such node, or the description is wrong; 4 no cluster runs on this
    machine; 130 it was interrupted.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.membership import removing
    from pcs_wrapper.views.members.membership import (
        removal_dry_run_json,
        removal_text,
        removed_json,
        removed_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    if dry_run:
        planned = removing.prepare(machine, node, file)
        steps, _ = removing.steps(machine, planned)
        if as_json:
            print_text(removal_dry_run_json(planned, steps))
        else:
            print_lines((*removal_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover node remove"):
        planned = removing.prepare(machine, node, file)
        print_lines(removal_text(planned), err=True)
        removing.require(machine, planned, even_so=even_so)
        if not yes and not agreed(f"remove {node} from the cluster {planned.config.name}?"):
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        removed = removing.make(machine, planned, lambda: password(password_file))
    if as_json:
        print_text(removed_json(removed))
    else:
        print_lines(removed_text(removed))
    ctx.exit(1 if removed.harm else 0)
