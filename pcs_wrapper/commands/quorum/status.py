"""`takeover quorum status`: show who may decide, and what happens if a node goes next."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@as_json
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show who may form the cluster, what may be lost, and what happens if a node goes next.

    Services run only where there is quorum: more than half of the votes. Each node has one, and a
    witness may have some. For each node, and for the witness, is told whether the rest goes on if
    it goes next. The age of the certificates for the witness is told, too, if this node has them.

    \b
    Examples:
      takeover quorum status
      takeover quorum status --json

    Exit codes: 0 this part of the cluster has quorum; 1 it has none, or the command failed; 4 no
    cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.health.losses import read_quorum
    from pcs_wrapper.views.corosync.quorum import quorum_json, quorum_text

    machine: Machine = ctx.obj
    found = read_quorum(machine)
    if as_json:
        print_text(quorum_json(found))
    else:
        print_lines(quorum_text(found, machine.now()))
    if not found.has_quorum:
        ctx.exit(1)
