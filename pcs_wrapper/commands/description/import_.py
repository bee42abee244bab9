"""`takeover import`: print a description of an existing cluster."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.printing import print_text
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.terminal import escaped_toml


@click.command("import")
@click.option(
    "--cib",
    "cib_file",
    metavar="CIB",
    type=click.Path(path_type=Path),
    help="Import the CIB in this file (see `pcs cluster cib`), not the cluster that runs here.",
)
@click.option(
    "--corosync-conf",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The corosync.conf of the cluster of --cib, which contains the links of its nodes.",
)
@click.pass_context
def import_(ctx: click.Context, cib_file: Path | None, corosync_conf: Path | None) -> None:
    """Print a description of the cluster that runs here, as a first draft. Nothing is changed.

    Resources that Takeover did not make become services with the same resources. `takeover plan
    --adopt` shows what would change if Takeover managed them, and `takeover apply --adopt` changes
    it. What a description cannot express stays in the cluster as it is. It is listed in the first
    lines of the description and on standard error.

    \b
    Examples:
      takeover import > cluster.toml
      takeover import --cib cib.xml --corosync-conf corosync.conf > cluster.toml

    Exit codes: 0 the description can be applied; 1 the command failed, or the cluster lacks
    something that Takeover requires, such as fencing, which is listed in the same places; 2 the
    command line is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.cluster.importing import import_file, import_live
    from pcs_wrapper.errors import UsageError

    machine: Machine = ctx.obj
    if (cib_file is None) != (corosync_conf is None):
        raise UsageError("--cib and --corosync-conf belong together: give both, or neither")
    if cib_file is not None and corosync_conf is not None:
        imported = import_file(machine, cib_file, corosync_conf)
    else:
        imported = import_live(machine)
    print_text(escaped_toml(imported.text))
    for each in (*imported.undescribed, *imported.mistakes):
        machine.console.warning(str(each))
    if imported.mistakes:
        ctx.exit(1)
