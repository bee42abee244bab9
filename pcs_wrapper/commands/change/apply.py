"""`takeover apply`: change the running cluster to match the description."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.durations import duration
from pcs_wrapper.commands.options import (
    adopt,
    as_json,
    description_file,
    dry_run,
    even_so,
    with_changes,
)
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
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
@with_changes
@even_so
@click.option("-m", "--message", default="", help="The reason for the change, for the history.")
@click.option(
    "--confirm",
    metavar="TIME",
    callback=duration,
    help="Roll the change back unless you run `takeover confirm` within this time, such as 5m.",
)
@click.option(
    "--over-others",
    is_flag=True,
    help="Undo what others have applied since this description was, or do not wait until an "
    "earlier change is confirmed.",
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
    with_changes: bool,
    even_so: bool,
    message: str,
    confirm: timedelta | None,
    over_others: bool,
    no_rollback: bool,
) -> None:
    """Change the running cluster to match the description FILE, and wait until it has settled.

    Only what Takeover manages is changed: everything else in the cluster stays as it is. If the
    services of the change do not run afterwards, or if another service was hurt, the change is
    rolled back.

    If something holds the cluster up, such as a node that must be fenced and cannot be, nothing is
    changed, unless the change is the cure of it. With --even-so it is made all the same, and it is
    not rolled back as long as something still holds the cluster up.

    A description that was applied before is refused if others have changed the cluster since: it
    would undo what they did. So is any change while an earlier one waits to be confirmed.

    FILE can also be a plan that `takeover plan --out` saved. It is refused if the cluster's
    configuration has changed since.

    \b
    Examples:
      takeover apply --dry-run cluster.toml
      takeover apply -m "add the batch service" cluster.toml
      takeover apply --confirm 5m cluster.toml

    Exit codes: 0 all described services and all fencing devices run (a service that an
    administrator has disabled need not); 1 one of them does not run, the change was rolled back, or
    the command failed; 2 the command line or the description is wrong; 4 no cluster runs on this
    machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change import applying
    from pcs_wrapper.change.saved_plan import read
    from pcs_wrapper.views.change.changes import applied_json, applied_text

    machine: Machine = ctx.obj
    description, saved = read(file)
    if saved and (sentence := saved.exposure(file)):
        machine.console.warning(sentence)
    adopt = adopt or with_changes
    options = applying.Options(
        message,
        rollback=not no_rollback,
        confirm=confirm,
        adopt=adopt,
        saved=saved,
        even_so=even_so,
        with_changes=with_changes,
        over_others=over_others,
    )
    if dry_run:
        show_plan(machine, description, options, as_json=as_json)
        return
    applied = applying.apply(machine, description, options)
    if as_json:
        print_text(applied_json(applied))
    else:
        print_lines(applied_text(applied))
    if applied.failed:
        ctx.exit(1)


def show_plan(
    machine: Machine, description: Description, options: Options, *, as_json: bool
) -> None:
    """Print what an apply would do: the difference, and the steps of the change.

    Args:
        machine: This machine.
        description: The description of the cluster.
        options: The options of the apply.
        as_json: Whether it is printed as JSON.
    """
    from pcs_wrapper.change import applying
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.change.judging import readiness
    from pcs_wrapper.change.looking.condition import tell
    from pcs_wrapper.views.change.changes import apply_dry_run_json, changes_text, difference_text

    change = applying.prepared(machine, description, options)
    tell(machine, (*change.condition, *change.outdated))
    steps = applying.steps(machine, change, options)
    readiness.warn(machine, change.readiness)
    if as_json:
        print_text(apply_dry_run_json(change.changes, steps))
        return
    if not change.changes:
        print_line("nothing to change")
    differences = (*changes_text(change.changes), *difference_text(change.old, change.new))
    print_lines((*differences, *shown(steps)))
