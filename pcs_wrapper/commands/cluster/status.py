"""`takeover status`: what runs where, or why not."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.machine.machine import Machine


@click.command()
@as_json
@click.pass_obj
def status(machine: Machine, *, as_json: bool) -> None:
    """Show quorum, nodes, services, fencing and failures, and why a service does not run."""
    from pcs_wrapper.change.history import interruption
    from pcs_wrapper.health.explanation import read_explained_state
    from pcs_wrapper.views.state import state_json, state_text

    state = read_explained_state(machine)
    interruption.tell(machine)
    if as_json:
        click.echo(state_json(state))
        return
    for line in state_text(state):
        click.echo(line)
