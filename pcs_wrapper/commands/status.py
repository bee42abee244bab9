"""`takeover status`: what runs where, or why not."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.environment import Environment


@click.command()
@as_json
@click.pass_obj
def status(environment: Environment, *, as_json: bool) -> None:
    """Show quorum, nodes, services, fencing and failures; for a service that is down: why."""
    from pcs_wrapper import interruption
    from pcs_wrapper.explanation import read_explained_state
    from pcs_wrapper.report import state_data, state_text, to_json

    state = read_explained_state(environment)
    interruption.tell(environment)
    if as_json:
        click.echo(to_json(state_data(state)))
        return
    for line in state_text(state):
        click.echo(line)
