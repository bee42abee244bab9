"""`takeover drift`: show where the cluster differs from its description."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import as_json, description_file
from pcs_wrapper.commands.printing import print_lines, print_text
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
    help="Compare the CIB in this file (see `pcs cluster cib`), not the cluster that runs here.",
)
@click.pass_context
def drift(ctx: click.Context, file: Path, *, as_json: bool, cib_file: Path | None) -> None:
    """Show where the cluster differs from the description FILE. Nothing is changed.

    Each difference is shown with the described value and the value in the cluster. `takeover apply`
    restores the described values; to keep the others, write them into the description. Resources
    and constraints that Takeover does not manage are listed as such.

    \b
    Examples:
      takeover drift cluster.toml
      takeover drift cluster.toml --cib live.xml

    Exit codes: 0 the cluster is as described; 3 something differs; 1 the command failed; 2 the
    command line or the description is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from cib_templates.reading.reading import read_description
    from pcs_wrapper.change.drifting import drift_file, drift_live
    from pcs_wrapper.views.change.drift import drift_json, drift_text

    machine: Machine = ctx.obj
    description = read_description(file)
    if cib_file is None:
        found = drift_live(machine, description)
    else:
        found = drift_file(cib_file, description)
    if as_json:
        print_text(drift_json(found))
    else:
        print_lines(drift_text(found))
    if found.diff:
        ctx.exit(ExitCode.DIFFERENT)
