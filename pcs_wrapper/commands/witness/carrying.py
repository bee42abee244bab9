"""What both commands about the witness do: show, ask, change, and say who votes now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from pcs_wrapper.cluster.witness import Planned


def carry(
    machine: Machine, planned: Planned, password_file: Path | None, *, dry_run: bool, as_json: bool
) -> None:
    """Show what a command does, or do it and say who votes then.

    Args:
        machine: This machine.
        planned: What it does.
        password_file: The file with the password of the user hacluster on the witness.
        dry_run: Whether it is only shown.
        as_json: Whether the result is printed as JSON.
    """
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster import witness
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.health.losses import read_quorum
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.corosync.quorum import quorum_json, quorum_text
    from pcs_wrapper.views.corosync.witness import planned_text, witness_dry_run_json

    if dry_run:
        steps = witness.steps(planned)
        if as_json:
            print_text(witness_dry_run_json(planned, steps))
        else:
            print_lines((*planned_text(planned), *shown(steps)))
        return
    with lock.held(machine, f"takeover {planned.command}"):
        print_lines(planned_text(planned), err=True)
        if not planned.nothing:
            witness.carry_out(machine, planned, lambda: password(password_file))
    found = read_quorum(machine)
    if as_json:
        print_text(quorum_json(found))
    else:
        print_lines(quorum_text(found, machine.now()))
    if not planned.nothing:
        change = "add [quorum.device] to" if planned.device else "take [quorum.device] out of"
        print_line(f"in the description: {change} it, or `takeover drift` tells of it", err=True)


password_option = click.option(
    "--password-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file of mode 0600 with the password of the user hacluster on the witness. If it is not "
    "given, it is asked for on the terminal, or read from standard input.",
)
