"""`takeover node replace`: have a machine take the place of a node, alive or dead."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path

import click

from pcs_wrapper.commands.asking import agreed, typed
from pcs_wrapper.commands.cluster.options import known_password_file, yes
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("old", metavar="OLD", shell_complete=completing.nodes)
@click.argument("new", metavar="[NEW]", required=False)
@click.option(
    "--address",
    "addresses",
    metavar="ADDRESS",
    multiple=True,
    help="NEW's address on a link; once for each link, in the order of the other nodes'. Without "
    "it, the addresses are those of NEW in the description, or OLD's if NEW has its name.",
)
@click.option(
    "--description",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Put NEW in the place of OLD in this description, too; its comments stay as they are.",
)
@click.option(
    "--replace",
    "destroys",
    is_flag=True,
    help="Destroy the configuration of the cluster that NEW was in, or is in.",
)
@as_json
@dry_run
@yes
@known_password_file
@click.option(
    "--even-so",
    is_flag=True,
    help="Do it although something is in the way that is no reason by itself, as for `takeover "
    "node remove`, `evict` and `add`.",
)
@click.pass_context
def replace(
    ctx: click.Context,
    old: str,
    new: str | None,
    *,
    addresses: tuple[str, ...],
    file: Path | None,
    destroys: bool,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    password_file: Path | None,
    even_so: bool,
) -> None:
    """Have the machine NEW take the place of the node OLD, which is alive or gone.

    Without NEW, another machine of the same name takes it, or the same one that was wiped. NEW is
    prepared as for `takeover node add`. First this node is authenticated to NEW, and NEW is asked
    what it has: if it cannot become a node, OLD stays.

    Then OLD leaves. If it is a member, its services leave first, as with `takeover node remove`. If
    it cannot be reached, it has to be surely off, as with `takeover node evict`: a device switches
    it off, or you type its name because you have seen that it has no power. --yes does not answer
    that. Then NEW is added, as with `takeover node add`, and runs nothing before it is known what
    fences it. OLD leaves first so that the cluster never has more nodes than before: beside a dead
    node, one more would cost it its quorum.

    What pauses, pins and bans say of OLD goes. In the description, NEW gets OLD's table, its plug
    and its place in every list: see that the plug is right before you apply it. Interrupted or
    killed, the same command says how far it has come, and goes on.

    \b
    Examples:
      takeover node replace node3 --description cluster.toml --dry-run
      takeover node replace node3 --description cluster.toml
      takeover node replace node3 node4 --address 198.51.100.14 --address 203.0.113.14

    Exit codes: 0 NEW has taken OLD's place and may run things, or is held until it is known what
    fences it; 1 something went wrong, it was refused, or you did not agree; 2 there is no node OLD,
    or the addresses or the description are wrong; 4 no cluster runs on this machine; 130 it was
    interrupted.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.errors import ClusterError
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.membership import adding, joining, replacing
    from pcs_wrapper.views.members.replacing import (
        replaced_json,
        replaced_text,
        replacement_dry_run_json,
        replacement_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    new = new or old
    prepare = partial(replacing.prepare, machine, old, new, file, replace=destroys)
    if dry_run:
        planned = prepare(addresses)
        steps = replacing.steps(machine, planned, even_so=even_so)
        if as_json:
            print_text(replacement_dry_run_json(planned, steps))
        else:
            print_lines((*replacement_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover node replace"):
        planned = prepare(addresses)
        ask = cache(lambda: password(password_file))
        if planned.joins.is_stranger:
            # What else is in its way is told before anybody is asked for a password.
            joining.require(machine, planned.joins, even_so=even_so)
            adding.authenticate(machine, planned.joins, ask)
            planned = prepare(addresses)
        if planned.joins.is_stranger:
            raise ClusterError(
                f"pcsd on {new} does not take what pcs has just got there. Is "
                f"{planned.joins.links[0]} the address of {new}? Nothing was changed"
            )
        print_lines(replacement_text(planned), err=True)
        replacing.require(machine, planned, even_so=even_so)
        if planned.asks_for_its_name:
            is_wanted = typed(f"if the node {old} has no power, type its name", old)
        else:
            is_wanted = yes or planned.is_complete or agreed(f"replace {old}?")
        if not is_wanted:
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        replaced = replacing.make(machine, planned, ask, prepare, even_so=even_so)
    if as_json:
        print_text(replaced_json(replaced))
    else:
        print_lines(replaced_text(replaced))
    ctx.exit(1 if replaced.harm else 0)
