"""`takeover apply`: make the running cluster what the description says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.durations import duration
from pcs_wrapper.commands.options import adopt, as_json, description_file, dry_run
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from datetime import timedelta

    from cib_templates.model.description import Description
    from pcs_wrapper.change.applying import Options


@click.command()
@description_file
@as_json
@dry_run
@adopt
@click.option("-m", "--message", default="", help="Why, for the history.")
@click.option(
    "--confirm",
    metavar="TIME",
    callback=duration,
    help="Roll back unless `takeover confirm` comes within this time of the push, such as 5m.",
)
@click.option("--no-rollback", is_flag=True, help="Keep the change even if it does harm.")
@click.pass_context
def apply(
    ctx: click.Context,
    file: Path,
    *,
    as_json: bool,
    dry_run: bool,
    adopt: bool,
    message: str,
    confirm: timedelta | None,
    no_rollback: bool,
) -> None:
    """Make the running cluster what the description FILE says, and wait until it is.

    FILE may also be a plan that `takeover plan --out` saved: it is refused if the configuration has
    changed since. What is in the cluster and not Takeover's stays as it is. A change that does not
    make its services run, or hurts another, is taken back.
    """
    from pcs_wrapper.change import applying
    from pcs_wrapper.change.saved_plan import read
    from pcs_wrapper.views.changes import applied_json, applied_text

    machine: Machine = ctx.obj
    description, saved = read(file)
    options = applying.Options(message, not no_rollback, confirm, adopt, saved)
    if dry_run:
        _show_plan(machine, description, options, as_json=as_json)
        return
    applied = applying.apply(machine, description, options)
    if as_json:
        click.echo(applied_json(applied))
    else:
        for line in applied_text(applied):
            click.echo(line)
    if applied.failed:
        ctx.exit(1)


def _show_plan(
    machine: Machine, description: Description, options: Options, *, as_json: bool
) -> None:
    """Print what an apply would do: the difference, and the steps that would make it."""
    from pcs_wrapper.change import applying
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.change.prepare import prepare
    from pcs_wrapper.views.changes import apply_dry_run_json, changes_text, difference_text

    change = prepare(machine, description, adopt=options.adopt, saved=options.saved)
    steps = applying.steps(machine, change, options)
    if as_json:
        click.echo(apply_dry_run_json(change.changes, steps))
        return
    if not change.changes:
        click.echo("nothing to change")
    differences = (*changes_text(change.changes), *difference_text(change.old, change.new))
    for line in (*differences, *shown(steps)):
        click.echo(line)
