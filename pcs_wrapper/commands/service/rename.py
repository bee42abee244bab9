"""`takeover service rename`: another name for a service, in its description and in the cluster."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.change.apply import show_plan
from pcs_wrapper.commands.options import as_json, description_file, dry_run, even_so
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.commands.shell import completing
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("old", shell_complete=completing.services)
@click.argument("new")
@description_file
@click.option("-m", "--message", default="", help="The reason, for the history.")
@even_so
@dry_run
@as_json
@click.pass_context
def rename(
    ctx: click.Context,
    *,
    old: str,
    new: str,
    file: Path,
    message: str,
    even_so: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give the service OLD the name NEW, in the description FILE and in the cluster.

    To the cluster it is a new service: the old one stops first, and the new one starts when nothing
    of it runs any more, so clients wait about as long as for a restart. If the new one does not
    run, the old one is given back. FILE is changed when the cluster has taken the name: its tables,
    and where other services name it; comments stay. Fragments are left as they are.

    Whatever else FILE has that the cluster has not is applied, too; `takeover plan` shows it.

    \b
    Examples:
      takeover service rename --dry-run shop store cluster.toml
      takeover service rename shop store cluster.toml

    Exit codes: 0 the service runs by its new name; 1 it does not, and has its old one, or the
    command failed; 2 the command line or the description is wrong; 4 no cluster runs on this
    machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change import applying, renaming
    from pcs_wrapper.views.change.changes import applied_json, applied_text

    machine: Machine = ctx.obj
    renamed = renaming.renamed(file, old, new)
    options = applying.Options(message or f"{old} is called {new}", even_so=even_so)
    if dry_run:
        show_plan(machine, renamed.description, options, as_json=as_json)
        return
    applied = applying.apply(machine, renamed.description, options)
    if not applied.failed:
        renamed.write()
    if as_json:
        print_text(applied_json(applied))
    else:
        print_lines(applied_text(applied))
    if applied.failed:
        ctx.exit(1)
    print_line(f"{file}: {'; '.join(renamed.edited.what)}", err=True)
