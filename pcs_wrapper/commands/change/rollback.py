"""`takeover rollback`: take changes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from pcs_wrapper.change.rolling_back import Rollback


@click.command()
@click.argument("number", required=False, type=int)
@as_json
@dry_run
@click.option("-m", "--message", default="", help="Why, for the history.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--unless-confirmed",
    is_flag=True,
    help="Do it only if checkpoint NUMBER still waits to be confirmed; do not ask.",
)
@click.pass_context
def rollback(
    ctx: click.Context,
    number: int | None,
    *,
    as_json: bool,
    dry_run: bool,
    message: str,
    yes: bool,
    unless_confirmed: bool,
) -> None:
    """Take back the change of checkpoint NUMBER and those after it; without NUMBER: the last one.

    What others have changed meanwhile stays. `takeover history` shows the checkpoints.
    """
    from pcs_wrapper.change import rolling_back
    from pcs_wrapper.change.history import interruption
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.changes import rollback_text, rolled_back_json, rolled_back_text

    machine: Machine = ctx.obj
    machine.require_root()
    interruption.tell(machine)
    if dry_run:
        _show_plan(machine, rolling_back.prepare(machine, number), as_json=as_json)
        return
    # The timer's rollback waits for a command that is at work: an apply that takes its time.
    with lock.held(machine, "takeover rollback", wait=unless_confirmed):
        if unless_confirmed and not rolling_back.is_unconfirmed(machine, number):
            click.echo(f"checkpoint {number} does not wait to be confirmed: nothing to do")
            return
        planned = rolling_back.prepare(machine, number)
        for line in rollback_text(planned):
            click.echo(line, err=True)
        if not (yes or unless_confirmed):
            click.confirm("roll back?", abort=True, err=True)
        why = "not confirmed in time" if unless_confirmed else message
        done = rolling_back.roll_back(machine, planned, why)
    if as_json:
        click.echo(rolled_back_json(done))
    else:
        for line in rolled_back_text(done):
            click.echo(line)
    if done.failed:
        ctx.exit(1)


def _show_plan(machine: Machine, planned: Rollback, *, as_json: bool) -> None:
    from pcs_wrapper.change import rolling_back
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.views.changes import difference_text, rollback_dry_run_json, rollback_text

    steps = rolling_back.steps(machine, planned)
    if as_json:
        click.echo(rollback_dry_run_json(planned, steps))
        return
    lines = (*rollback_text(planned), *difference_text(planned.live, planned.target))
    for line in (*lines, *shown(steps)):
        click.echo(line)
