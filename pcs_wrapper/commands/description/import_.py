"""`takeover import`: a cluster as a description."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.machine.machine import Machine


@click.command("import")
@click.option(
    "--cib",
    "cib_file",
    metavar="CIB",
    type=click.Path(path_type=Path),
    help="Import this file (pcs cluster cib CIB) in place of the cluster that runs here.",
)
@click.option(
    "--corosync-conf",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With --cib: that cluster's corosync.conf, which has its nodes' links.",
)
@click.pass_context
def import_(ctx: click.Context, cib_file: Path | None, corosync_conf: Path | None) -> None:
    """Print a description of the cluster that runs here, to begin with.

    Resources of others' become services with the same resources: `takeover plan --adopt` shows what
    taking them over changes, `takeover apply --adopt` does it. What cannot be said stays as it is,
    and is listed in the description's first lines and on standard error. Exit code 1: the cluster
    lacks something without which Takeover applies nothing, such as fencing; also listed there.
    """
    from pcs_wrapper.cluster.importing import import_file, import_live
    from pcs_wrapper.errors import UsageError

    machine: Machine = ctx.obj
    if (cib_file is None) != (corosync_conf is None):
        raise UsageError("--cib and --corosync-conf belong together: give both or none")
    if cib_file is not None and corosync_conf is not None:
        imported = import_file(machine, cib_file, corosync_conf)
    else:
        imported = import_live(machine)
    click.echo(imported.text, nl=False)
    for each in (*imported.undescribed, *imported.mistakes):
        machine.console.warning(str(each))
    if imported.mistakes:
        ctx.exit(1)
