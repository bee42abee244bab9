"""`takeover plan`: show a change and its effects before it is made."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import adopt, as_json, description_file, with_changes
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.exit_codes import ExitCode
from pcs_wrapper.machine.machine import Machine


@click.command()
@description_file
@as_json
@adopt
@with_changes
@click.option(
    "--out",
    metavar="PLAN",
    type=click.Path(path_type=Path),
    help="Save the plan for `takeover apply PLAN`. The file may contain secrets; its mode is 0600.",
)
@click.option(
    "--cib",
    "cib_file",
    metavar="CIB",
    type=click.Path(path_type=Path),
    help="Plan from the CIB in this file (see `pcs cluster cib`), not the cluster that runs here.",
)
@click.pass_context
def plan(
    ctx: click.Context,
    file: Path,
    *,
    as_json: bool,
    adopt: bool,
    with_changes: bool,
    out: Path | None,
    cib_file: Path | None,
) -> None:
    """Show what `takeover apply FILE` would change, and what the cluster would then do.

    Nothing is changed. The plan shows the differences, what would stop, start or move because of
    them (Pacemaker's own scheduler is asked), how long clients would not be served, and how long a
    failure of a node or an application would last afterwards.

    \b
    Examples:
      takeover plan cluster.toml
      takeover plan cluster.toml --out change.plan
      takeover plan cluster.toml --cib live.xml

    Exit codes: 0 there is nothing to change; 3 there is something to change; 1 the command failed;
    2 the command line or the description is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from cib_templates.reading.reading import description_text, parse_description
    from pcs_wrapper.change.planning import plan_file, plan_live
    from pcs_wrapper.views.change.plan import plan_json, plan_text

    machine: Machine = ctx.obj
    text = description_text(file)
    description = parse_description(text, file)
    adopt = adopt or with_changes
    if cib_file is None:
        planned = plan_live(machine, description, adopt=adopt, with_changes=with_changes)
    else:
        planned = plan_file(machine, description, cib_file, adopt=adopt, with_changes=with_changes)
    if out is not None:
        from pcs_wrapper.change import saved_plan

        saved_plan.save(out, file, text, planned.old, planned.new)
    if as_json:
        print_text(plan_json(planned))
    else:
        print_lines(plan_text(planned))
    if planned.diff:
        ctx.exit(ExitCode.DIFFERENT)
