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

    Each push of apply and rollback has one: when, who, what became of it, why, what was changed.
    """
    from dataclasses import asdict

    from pcs_wrapper.change.history import interruption
    from pcs_wrapper.change.history.checkpoints import Checkpoints
    from pcs_wrapper.views.changes import changes_text, checkpoint_text
    from pcs_wrapper.views.output import to_json

    machine.require_root()
    interruption.tell(machine)
    checkpoints = Checkpoints(machine.state).all()
    if as_json:
        click.echo(to_json({"checkpoints": [asdict(each) for each in checkpoints]}))
        return
    if not checkpoints:
        click.echo("no checkpoints: nothing was applied from this node yet")
    for checkpoint in checkpoints:
        click.echo(checkpoint_text(checkpoint))
        for line in changes_text(checkpoint.changes):
            click.echo(f"    {line}")
        if checkpoint.note:
            note = checkpoint.note.replace("\n", "\n    ")
            click.echo(f"    {note}")
