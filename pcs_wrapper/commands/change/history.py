"""`takeover history`: what was changed, when, by whom and why."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.machine.machine import Machine


@click.command()
@as_json
@click.pass_obj
def history(machine: Machine, *, as_json: bool) -> None:
    """Show the checkpoints that this node keeps, the newest first.

    Each change that apply or rollback pushes has one. It says when and by whom the change was
    pushed, why, what became of it, and what was changed.
    """
    from pcs_wrapper.change.history import interruption
    from pcs_wrapper.change.history.checkpoints import Checkpoints
    from pcs_wrapper.views.history import history_json, history_text

    machine.require_root()
    interruption.tell(machine)
    checkpoints = Checkpoints(machine.state).all()
    if as_json:
        click.echo(history_json(checkpoints))
        return
    for line in history_text(checkpoints):
        click.echo(line)
