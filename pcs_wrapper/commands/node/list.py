"""`takeover node list`: show how each node is, and why."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command("list")
@as_json
@click.pass_obj
def list_(machine: Machine, *, as_json: bool) -> None:
    """Show how each node is, why, and what it runs.

    It is read on this node alone: a node that hangs delays nothing. You need not be root, but then
    you must be a member of the group haclient.

    \b
    The states:
      online       it can run everything that may run there
      paused       it runs nothing, or takes nothing new (takeover node pause, pcs node standby)
      maintenance  Pacemaker leaves alone what it runs, and recovers nothing
      pending      it is joining the cluster
      offline      its cluster does not run
      unclean      the cluster has lost it, or cannot stop something there: it must be fenced
    A remote or guest node, which does not vote, is marked as `remote`.

    \b
    Examples:
      takeover node list
      takeover node list --json

    Exit codes: 0 the nodes were shown, however they are; 1 the command failed; 4 no cluster runs on
    this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.nodes.listing import read_nodes
    from pcs_wrapper.views.members.nodes import nodes_json, nodes_text

    nodes = read_nodes(machine)
    if as_json:
        print_text(nodes_json(nodes))
    else:
        print_lines(nodes_text(nodes))
