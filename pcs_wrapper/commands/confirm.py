"""`takeover confirm`: keep a change that would be rolled back."""

from __future__ import annotations

import click

from pcs_wrapper.environment import Environment


@click.command()
@click.argument("number", required=False, type=int)
@click.pass_obj
def confirm(environment: Environment, number: int | None) -> None:
    """Keep the change of checkpoint NUMBER that was made with `apply --confirm`.

    Without NUMBER: the newest one that is waiting for it.
    """
    from pcs_wrapper.confirmation import confirm as keep

    click.echo(f"checkpoint {keep(environment, number).number} is confirmed")
