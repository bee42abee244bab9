"""`takeover fence history`: show which nodes were fenced, by what, and why it failed."""

from __future__ import annotations

import click

from pcs_wrapper.commands.durations import since_option
from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@as_json
@since_option
@click.pass_obj
def history(machine: Machine, *, as_json: bool, since: str | None) -> None:
    """Show every attempt to fence a node, of all nodes in one order, the newest first.

    Each line says when it ended, which node was fenced, whether that succeeded, who asked, which
    device did it, how long it took, and why it failed. Pacemaker keeps this history until all nodes
    have stopped, and it is the same on every node. Which device was used, how long it took, and the
    agent's own words are only in the journals of the nodes that asked and that ran the agent: this
    node's is read.

    \b
    Examples:
      takeover fence history
      takeover fence history --since 2h
      takeover fence history --since "2026-11-30 03:00" --json

    Exit codes: 0 the history was shown; 1 the command failed; 2 the command line is wrong; 4 no
    cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.commands.durations import since_when
    from pcs_wrapper.fencing.attempts import read_history
    from pcs_wrapper.views.fencing import history_json, history_text

    begin = since_when(since, machine.now())
    attempts = read_history(machine, begin)
    if as_json:
        print_text(history_json(attempts))
    else:
        print_lines(history_text(attempts, since=since or ""))
