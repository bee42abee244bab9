"""`takeover fence list`: show what can fence each node, and whether it would work now."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command("list")
@as_json
@click.option(
    "--quick", is_flag=True, help="Do not ask the devices whether they know each node's machine."
)
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool, quick: bool) -> None:
    """Show for each node which devices can fence it, in which order, and whether they would.

    For each device it shows where it runs, and what its last monitor and its last fencing said. A
    monitor only says that the device answers, so each device is also asked whether each node's
    machine is on (its agent's action `status`, from this node; nothing is switched). A device that
    has no such machine, or another node's, is found that way. One that does not answer is given up
    after 20 s, and the others are asked meanwhile. Of SBD's disks it is told which node has no slot
    there, so that it would not read that it has to end itself.

    \b
    Examples:
      takeover fence list
      takeover fence list --quick
      takeover fence list --json

    Exit codes: 0 every node can be fenced, as far as could be seen; 1 a node can be fenced by
    nothing, something else is wrong with fencing, or the command failed; 4 no cluster runs on this
    machine.
    """  # noqa: D301 - \b is click's
    from cib_templates.findings import Severity
    from pcs_wrapper.fencing.overview import overview
    from pcs_wrapper.views.fencing import overview_json, overview_text

    machine: Machine = ctx.obj
    machine.require_root()
    found = overview(machine, ask=not quick)
    if as_json:
        print_text(overview_json(found))
    else:
        print_lines(overview_text(found))
    if any(each.severity == Severity.ERROR for each in found.findings):
        ctx.exit(1)
