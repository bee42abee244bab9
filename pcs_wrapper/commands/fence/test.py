"""`takeover fence test`: really fence one node after another, and time it."""

from __future__ import annotations

from datetime import timedelta

import click

from pcs_wrapper.commands.asking import agreed
from pcs_wrapper.commands.durations import duration
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("nodes", metavar="[NODE]...", nargs=-1, shell_complete=completing.nodes)
@as_json
@dry_run
@click.option("-y", "--yes", is_flag=True, help="Do not ask before the nodes are fenced.")
@click.option(
    "--back-within",
    metavar="DURATION",
    default="15m",
    show_default=True,
    callback=duration,
    help="The time in which a node must have booted and joined again, such as 90s or 15m.",
)
@click.option(
    "--even-so", is_flag=True, help="Test although something is not well, or a service would stop."
)
@click.pass_context
def test(
    ctx: click.Context,
    nodes: tuple[str, ...],
    *,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    back_within: timedelta,
    even_so: bool,
) -> None:
    """Really fence every NODE, one after the other, and time each step.

    Without a NODE, all nodes are fenced but the one that this runs on. A node that is fenced loses
    its power at once: what it runs is taken over by another node, and clients wait meanwhile. First
    the command says what moves where and for how long clients will wait, and asks. It refuses if
    anything is not well, if quorum would be lost, or if a service could run nowhere else.

    The next node is only fenced when the one before is back and all is well again; the first harm
    ends the test. It can be interrupted at any time: a node that was fenced boots again by itself.

    \b
    Examples:
      takeover fence test --dry-run
      takeover fence test node3
      takeover fence test --yes --json

    Exit codes: 0 every node was fenced, is back, and all is well; 1 something went wrong, it was
    refused, or you did not agree; 2 there is no such node; 4 no cluster runs on this machine; 130
    it was interrupted.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.fencing import testing
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.fence_changes import (
        test_dry_run_json,
        test_plan_text,
        tested_json,
        tested_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    with lock.held(machine, "takeover fence test"):
        plan = testing.prepare(machine, nodes, back_within.total_seconds())
        steps, _ = testing.steps(plan)
        if dry_run and as_json:
            print_text(test_dry_run_json(plan, steps))
            return
        print_lines(test_plan_text(plan), err=not dry_run)
        if dry_run:
            print_lines(shown(steps))
            return
        testing.require_well(machine, plan, even_so=even_so)
        if not yes and not agreed(f"cut the power of {', then '.join(plan.nodes)}?"):
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        tested = testing.fence_in_turn(machine, plan)
    if as_json:
        print_text(tested_json(tested))
    else:
        print_lines(tested_text(tested))
    if any(each.harm for each in tested):
        ctx.exit(1)
