"""`takeover confirm`: keep a change that would be rolled back."""

from __future__ import annotations

import click

from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("number", required=False, type=int)
@click.pass_obj
def confirm(machine: Machine, number: int | None) -> None:
    """Keep the change of checkpoint NUMBER that was made with `apply --confirm`.

    Without NUMBER: the newest one that is waiting for it.
    """
    from pcs_wrapper.change.history.confirmation import confirm as keep

    click.echo(f"checkpoint {keep(machine, number).number} is confirmed")
