"""`takeover restore`: have the cluster of a backup again."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.asking import agreed
from pcs_wrapper.commands.cluster import options
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.password_file
@click.option(
    "--replace", is_flag=True, help="Replace the configuration of a cluster that does not run."
)
@options.yes
@dry_run
@as_json
@click.pass_context
def restore(
    ctx: click.Context,
    file: Path,
    password_file: Path | None,
    *,
    replace: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Have the cluster of the backup FILE again, on its nodes or on new ones with their names.

    Run it on one of the nodes. The nodes have the names and addresses that the cluster had, the
    same packages and Takeover's agents, pcsd runs there, and the user hacluster has the same
    password on all of them. The configurations and keys are sent to every node, and the cluster is
    started. Its services start as soon as their disks are there. A file that is different here is
    left as it is, and named.

    If it is interrupted, the same command goes on. While a cluster runs on one of the nodes
    nothing is restored, and another cluster's configuration on them is only replaced with
    --replace; to take back a change of the configuration, see `takeover rollback`.

    \b
    Examples:
      takeover restore --dry-run /root/shop.tar.gz
      takeover restore /root/shop.tar.gz --password-file /root/hacluster.password --yes

    Exit codes: 0 all nodes are online; 1 the command failed or was refused; 2 the command line is
    wrong, or FILE is no backup.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.backup import archive, restoring
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.change.looking.condition import look
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.backup import (
        restore_dry_run_json,
        restore_text,
        restored_json,
        restored_text,
    )
    from pcs_wrapper.views.state import state_text

    machine: Machine = ctx.obj
    machine.require_root()
    planned = restoring.prepare(machine, file, archive.read(file), replace=replace)
    if dry_run:
        steps = restoring.steps(machine, planned)
        if as_json:
            print_text(restore_dry_run_json(planned, steps))
        else:
            print_lines((*restore_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover restore"):
        print_lines(restore_text(planned), err=True)
        if not yes and not agreed("restore it?"):
            print_line("nothing was changed", err=True)
            ctx.exit(1)
        state = restoring.make(machine, planned, lambda: password(password_file))
    if as_json:
        print_text(restored_json(planned))
    else:
        print_lines((*restored_text(planned), *state_text(state, look(machine, state))))
