"""`takeover node evict`: take a node out of the cluster that cannot be reached."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.asking import agreed, typed
from pcs_wrapper.commands.cluster.options import yes
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
@click.option(
    "--even-so",
    is_flag=True,
    help="Evict it although something is not well with the others, or something says that it is "
    "on and no device can switch it off.",
)
@click.pass_context
def evict(
    ctx: click.Context,
    node: str,
    *,
    file: Path | None,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    even_so: bool,
) -> None:
    """Take NODE out of the cluster, which is gone and cannot be reached, once it is surely off.

    The cluster's configuration stays on NODE, so NODE must not come back by itself. First the
    command asks everything that can be asked from here whether NODE is on. If a fencing device says
    that it is, the device switches it off, and it stays off. If no device knows, you are asked to
    type NODE's name, which confirms that you have seen that it has no power; --yes does not answer
    that. IF IT STILL RUNS, ITS SERVICES RUN TWICE, and their data is destroyed.

    Then Corosync and Pacemaker forget NODE. A node that is a member, or whose pcsd answers, is
    refused: `takeover node remove` destroys its configuration, too. If NODE comes back later, run
    `pcs cluster destroy` on it; `takeover node add NODE --replace` does that and makes it a node
    again. Interrupted or killed, the same command says how far it has come, and goes on.

    \b
    Examples:
      takeover node evict --dry-run node3
      takeover node evict node3 --description cluster.toml

    Exit codes: 0 NODE is evicted, and all is well; 1 something went wrong, it was refused, or you
    did not agree; 2 there is no such node, or the description is wrong; 4 no cluster runs on this
    machine; 130 it was interrupted.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.membership import evicting
    from pcs_wrapper.views.members.membership import (
        evicted_text,
        eviction_dry_run_json,
        eviction_text,
        removed_json,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    if dry_run:
        planned = evicting.prepare(machine, node, file)
        steps, _ = evicting.steps(machine, planned, even_so=even_so)
        if as_json:
            print_text(eviction_dry_run_json(planned, steps))
        else:
            print_lines((*eviction_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover node evict"):
        planned = evicting.prepare(machine, node, file)
        print_lines(eviction_text(planned), err=True)
        evicting.require(machine, planned, even_so=even_so)
        if planned.way == "confirm":
            is_wanted = typed(f"if {node} has no power, type its name", node)
        else:
            is_wanted = yes or agreed(f"evict {node} from {planned.removal.config.name}?")
        if not is_wanted:
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        removed = evicting.make(machine, planned, even_so=even_so)
    if as_json:
        print_text(removed_json(removed))
    else:
        print_lines(evicted_text(removed))
    ctx.exit(1 if removed.harm else 0)
