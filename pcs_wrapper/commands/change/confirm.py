"""`takeover confirm`: keep a change that would otherwise be rolled back."""

from __future__ import annotations

import click

from pcs_wrapper.commands.printing import print_line
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("number", required=False, type=int)
@click.pass_obj
def confirm(machine: Machine, number: int | None) -> None:
    """Keep a change that was made with `takeover apply --confirm`: it is not rolled back any more.

    NUMBER is the number of its checkpoint, which `takeover history` shows. If it is not given, the
    newest change that waits to be confirmed is kept. Run the command on any node of the cluster.

    \b
    Example:
      takeover apply --confirm 5m cluster.toml
      takeover confirm
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.history.confirmation import confirm as keep
    from pcs_wrapper.errors import Interrupted

    try:
        kept = keep(machine, number)
    except KeyboardInterrupt:
        raise Interrupted("`takeover history` shows whether it is confirmed") from None
    print_line(f"checkpoint {kept.number} is confirmed")
