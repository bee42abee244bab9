"""`takeover cluster`: the cluster as a whole."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import description_file, dry_run
from pcs_wrapper.machine.machine import Machine


@click.group()
def cluster() -> None:
    """Create the cluster."""


@cluster.command()
@description_file
@click.option(
    "--password-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File of mode 0600 with the password of the user hacluster. "
    "Without it, the terminal or standard input is asked.",
)
@dry_run
@click.pass_obj
def create(machine: Machine, file: Path, password_file: Path | None, *, dry_run: bool) -> None:
    """Create the cluster of the description FILE, with fencing; services come with apply.

    Run it on one of the nodes. A cluster that is there already is completed.
    """
    from cib_templates.reading.reading import read_description
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster import creation
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.views.state import state_text

    description = read_description(file)
    if dry_run:
        for line in shown(creation.steps(machine, description)):
            click.echo(line)
        return
    state = creation.create(machine, description, lambda: password(password_file))
    for line in state_text(state):
        click.echo(line)
