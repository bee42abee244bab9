"""`takeover render`: a description as the CIB of a cluster that has nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import description_file
from pcs_wrapper.machine.machine import Machine


@click.command()
@description_file
@click.pass_obj
def render(machine: Machine, file: Path) -> None:
    """Print the CIB that the description FILE makes in a new cluster."""
    from cib_templates.cib.text import to_text
    from cib_templates.cib.validation import check_schema, is_installed
    from cib_templates.reading.reading import read_description
    from cib_templates.rendering.render import render as to_cib

    cib = to_cib(read_description(file))
    if is_installed(machine.schemas):
        check_schema(cib, machine.schemas)
    else:
        click.echo(
            f"not checked against Pacemaker's schema: it is not installed in {machine.schemas}",
            err=True,
        )
    click.echo(to_text(cib), nl=False)
