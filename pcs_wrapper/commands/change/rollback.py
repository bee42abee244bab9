"""`takeover rollback`: take changes back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.asking import agreed
from pcs_wrapper.commands.options import as_json, dry_run, even_so
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from pcs_wrapper.change.rolling_back import Rollback


@click.command()
@click.argument("number", required=False, type=int)
@as_json
@dry_run
@even_so
@click.option("-m", "--message", default="", help="The reason for the rollback, for the history.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--unless-confirmed",
    is_flag=True,
    help="Roll back only if checkpoint NUMBER still waits to be confirmed; do not ask.",
)
@click.pass_context
def rollback(
    ctx: click.Context,
    number: int | None,
    *,
    as_json: bool,
    dry_run: bool,
    even_so: bool,
    message: str,
    yes: bool,
    unless_confirmed: bool,
) -> None:
    """Take back the change of checkpoint NUMBER, and all later changes, from whichever node.

    If NUMBER is not given, the last change that is in the cluster is taken back. `takeover history`
    shows the checkpoints and their numbers. Changes that others have made since stay, unless they
    conflict with the rollback. The command shows what it is going to do, and asks first.

    \b
    Examples:
      takeover rollback --dry-run
      takeover rollback 2

    If something holds the cluster up, such as a node that must be fenced and cannot be, nothing is
    changed, unless the rollback is the cure of it or --even-so is given. With --unless-confirmed it
    is made in any case.

    Exit codes: 0 all services and fencing devices run afterwards (a service that an administrator
    has disabled need not); 1 one of them does not run, the rollback failed, or you did not agree to
    it; 2 the command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change import rolling_back
    from pcs_wrapper.change.judging import readiness
    from pcs_wrapper.change.services import passing
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.change.changes import rollback_text, rolled_back_json, rolled_back_text

    machine: Machine = ctx.obj
    machine.require_root()
    rolling_back.resolve_unfinished(machine)
    if dry_run:
        _show_plan(machine, rolling_back.prepare(machine, number), as_json=as_json)
        return
    # The timer's rollback waits while another command, such as a long apply, holds the lock.
    with lock.held(machine, "takeover rollback", patience=math.inf if unless_confirmed else 0.0):
        if unless_confirmed:
            planned = rolling_back.unless_confirmed(machine, number)
            if isinstance(planned, str):
                print_line(planned)
                return
        else:
            if not even_so:
                passing.clear(machine)
            planned = rolling_back.prepare(machine, number, patient=not even_so)
        print_lines(rollback_text(planned), err=True)
        # The timer's rollback is made in any case: its change may be what holds the cluster up.
        if not unless_confirmed:
            readiness.require(machine, planned.readiness, even_so=even_so)
        if not (yes or unless_confirmed) and not agreed("roll back?"):
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        reason = "not confirmed in time" if unless_confirmed else message
        done = rolling_back.roll_back(machine, planned, reason, asks=not unless_confirmed)
    if as_json:
        print_text(rolled_back_json(done))
    else:
        print_lines(rolled_back_text(done))
    if done.failed:
        ctx.exit(1)


def _show_plan(machine: Machine, planned: Rollback, *, as_json: bool) -> None:
    from pcs_wrapper.change import rolling_back
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.change.judging import readiness
    from pcs_wrapper.views.change.changes import (
        difference_text,
        rollback_dry_run_json,
        rollback_text,
    )

    steps = rolling_back.steps(machine, planned)
    readiness.warn(machine, planned.readiness)
    if as_json:
        print_text(rollback_dry_run_json(planned, steps))
        return
    lines = (*rollback_text(planned), *difference_text(planned.live, planned.target))
    print_lines((*lines, *shown(steps)))
