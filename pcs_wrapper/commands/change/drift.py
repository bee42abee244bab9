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

    Told is what is described, and what is there now: `takeover apply` puts it right, or the
    description learns it. What the description has nothing to do with is listed as not managed.

    Exit code 0: all is as described; 3: something is not.
    """
    from cib_templates.reading.reading import read_description
    from pcs_wrapper.change.drifting import drift_file, drift_live
    from pcs_wrapper.views.output import to_json
    from pcs_wrapper.views.plan import difference_data, differences_text

    machine: Machine = ctx.obj
    description = read_description(file)
    if cib_file is None:
        found = drift_live(machine, description)
    else:
        found = drift_file(cib_file, description)
    if as_json:
        differences = [difference_data(each) for each in found.diff.differences]
        click.echo(to_json({"differences": differences, "not_managed": list(found.not_managed)}))
    else:
        click.echo("not as described:" if found.diff else "all is as described")
        for line in differences_text(found.diff):
            click.echo(line)
        if found.not_managed:
            click.echo(f"not managed: {', '.join(found.not_managed)}")
    if found.diff:
        ctx.exit(ExitCode.DIFFERENT)
