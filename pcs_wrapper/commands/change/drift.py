"""`takeover drift`: where the cluster is no longer as its description says."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import as_json, description_file
from pcs_wrapper.exit_codes import ExitCode
from pcs_wrapper.machine.machine import Machine


@click.command()
@description_file
@as_json
@click.option(
    "--cib",
    "cib_file",
    metavar="CIB",
    type=click.Path(path_type=Path),
    help="Compare this file (pcs cluster cib CIB) in place of the cluster that runs here.",
)
@click.pass_context
def drift(ctx: click.Context, file: Path, *, as_json: bool, cib_file: Path | None) -> None:
    """Show what others have changed of what the description FILE says.

    For each difference it shows what is described, and what the cluster has now. `takeover apply`
    makes the cluster as described again; to keep what was changed, write it into the description.
    What the description has nothing to do with is listed as not managed.

    Exit code 0: all is as described; 3: something is not.
    """
    from cib_templates.reading.reading import read_description
    from pcs_wrapper.change.drifting import drift_file, drift_live
    from pcs_wrapper.views.drift import drift_json, drift_text

    machine: Machine = ctx.obj
    description = read_description(file)
    if cib_file is None:
        found = drift_live(machine, description)
    else:
        found = drift_file(cib_file, description)
    if as_json:
        click.echo(drift_json(found))
    else:
        for line in drift_text(found):
            click.echo(line)
    if found.diff:
        ctx.exit(ExitCode.DIFFERENT)
