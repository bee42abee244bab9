"""`takeover status`: what runs where, or why not."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.machine.machine import Machine


@click.command()
@as_json
@click.pass_obj
def status(machine: Machine, *, as_json: bool) -> None:
    """Show quorum, nodes, services, fencing and failures; for a service that is down: why."""
    from pcs_wrapper.change.history import interruption
    from pcs_wrapper.health.explanation import read_explained_state
    from pcs_wrapper.views.output import to_json
    from pcs_wrapper.views.state import state_data, state_text

    state = read_explained_state(machine)
    interruption.tell(machine)
    if as_json:
        click.echo(to_json(state_data(state)))
        return
    for line in state_text(state):
        click.echo(line)
