"""`takeover plan`: see a change before it is made."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import adopt, as_json, description_file
from pcs_wrapper.exit_codes import ExitCode
from pcs_wrapper.machine.machine import Machine


@click.command()
@description_file
@as_json
@adopt
@click.option(
    "--out",
    metavar="PLAN",
    type=click.Path(path_type=Path),
    help="Save the plan, for `takeover apply PLAN`. It may hold secrets; its mode is 0600.",
)
@click.option(
    "--cib",
    "cib_file",
    metavar="CIB",
    type=click.Path(path_type=Path),
    help="Plan from this file (pcs cluster cib CIB) in place of the cluster that runs here.",
)
@click.pass_context
def plan(
    ctx: click.Context,
    file: Path,
    *,
    as_json: bool,
    adopt: bool,
    out: Path | None,
    cib_file: Path | None,
) -> None:
    """Show what the description FILE would change, and what the cluster would do then.

    Nothing is changed. It shows the differences, what stops, starts or moves because of them, for
    how long clients are not served, and for how long a failure would last afterwards.

    Exit code 0: there is nothing to change; 3: there is something to change.
    """
    from cib_templates.reading.reading import description_text, parse_description
    from pcs_wrapper.change.planning import plan_file, plan_live
    from pcs_wrapper.views.plan import plan_json, plan_text

    machine: Machine = ctx.obj
    text = description_text(file)
    description = parse_description(text, file)
    if cib_file is None:
        planned = plan_live(machine, description, adopt=adopt)
    else:
        planned = plan_file(machine, description, cib_file, adopt=adopt)
    if out is not None:
        from pcs_wrapper.change import saved_plan

        saved_plan.save(out, file, text, planned.old, planned.new)
    if as_json:
        click.echo(plan_json(planned))
    else:
        for line in plan_text(planned):
            click.echo(line)
    if planned.diff:
        ctx.exit(ExitCode.DIFFERENT)
