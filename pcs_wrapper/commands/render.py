"""`takeover render`: a description as the CIB of a cluster that has nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import description_file
from pcs_wrapper.environment import Environment


@click.command()
@description_file
@click.pass_obj
def render(environment: Environment, file: Path) -> None:
    """Print the CIB that the description FILE makes in a new cluster."""
    from cib_templates.reading import read_description
    from cib_templates.render import render as to_cib
    from cib_templates.render import to_text
    from cib_templates.schema import check_schema, is_installed

    cib = to_cib(read_description(file))
    if is_installed(environment.schemas):
        check_schema(cib, environment.schemas)
    else:
        click.echo(
            f"not checked against Pacemaker's schema: it is not installed in {environment.schemas}",
            err=True,
        )
    click.echo(to_text(cib), nl=False)
