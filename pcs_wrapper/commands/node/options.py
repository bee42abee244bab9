"""What `takeover node pause` and `resume` have in common: their options, and how they are run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.durations import duration
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from datetime import timedelta

    from pcs_wrapper.nodes.pausing import Options, Planned

message = click.option("-m", "--message", default="", help="The reason, for the history.")
wait = click.option(
    "--wait",
    metavar="TIME",
    callback=duration,
    help="Wait for at most this time, such as 5m; by default, for as long as the services' own "
    "time limits allow.",
)
even_so = click.option(
    "--even-so",
    is_flag=True,
    help="Do it although a service would have nowhere to run, or something holds the cluster up. "
    "Without quorum it is never done.",
)
over_others = click.option(
    "--over-others",
    is_flag=True,
    help="Do not wait until an earlier change is confirmed; its timer then does not take it back.",
)


def options_of(
    message: str, wait: timedelta | None, *, even_so: bool, over_others: bool
) -> Options:
    """Return the options of a pause, or of its end."""
    from pcs_wrapper.nodes.pausing import Options

    seconds = None if wait is None else int(wait.total_seconds())
    return Options(message, seconds, even_so=even_so, over_others=over_others)


def carry_out(
    machine: Machine,
    command: str,
    prepare: Callable[[], Planned],
    options: Options,
    *,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Pause or resume a node, or show what that would do; return the exit code.

    Args:
        machine: This machine.
        command: The command, for whoever runs another one meanwhile.
        prepare: Finds out what it changes.
        options: Its options.
        as_json: Whether the result is printed as JSON.
        dry_run: Whether it is only shown.
    """
    from pcs_wrapper.change import rolling_back
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.change.judging import readiness
    from pcs_wrapper.change.services import passing
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes import pausing
    from pcs_wrapper.views.members.nodes import (
        done_json,
        done_text,
        node_dry_run_json,
        planned_text,
    )

    machine.require_root()
    rolling_back.resolve_unfinished(machine)
    if dry_run:
        planned = prepare()
        steps = pausing.steps(machine, planned, options)
        readiness.warn(machine, planned.readiness)
        if as_json:
            print_text(node_dry_run_json(planned, steps))
        else:
            print_lines((*planned_text(planned), *shown(steps)))
        return 0
    with lock.held(machine, command):
        if not options.even_so:
            passing.clear(machine)
        planned = prepare()
        print_lines(planned_text(planned), err=True)
        pausing.require(machine, planned, options)
        done = pausing.make(machine, planned, options)
    if as_json:
        print_text(done_json(done))
    else:
        print_lines(done_text(done))
        if done.checkpoint is not None and done.harm:
            print_line(f"to take it back: takeover rollback {done.checkpoint}")
    return 1 if done.harm else 0
