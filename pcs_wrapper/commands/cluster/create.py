"""`takeover cluster create`: create the cluster of a description."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.cluster import options
from pcs_wrapper.commands.options import description_file, dry_run
from pcs_wrapper.commands.printing import print_lines
from pcs_wrapper.machine.machine import Machine


@click.command()
@description_file
@options.password_file
@dry_run
@click.pass_obj
def create(machine: Machine, file: Path, password_file: Path | None, *, dry_run: bool) -> None:
    """Create the cluster of the description FILE, with its fencing devices.

    Run it on one of the nodes. On every node pcsd must run, and the user hacluster must have the
    same password. If a part of the cluster is missing, it is completed, and if it is stopped, it is
    started; it is never destroyed. The services are not created: `takeover apply FILE` does that
    afterwards. If the description has SBD disks, the data on them is lost when SBD is set up.

    \b
    Examples:
      takeover cluster create --dry-run cluster.toml
      takeover cluster create cluster.toml --password-file /root/hacluster.password

    Exit codes: 0 the cluster has quorum, and its fencing devices run; 1 the command failed; 2 the
    command line or the description is wrong.
    """  # noqa: D301 - \b is click's
    from cib_templates.reading.reading import read_description
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.change.looking.condition import look
    from pcs_wrapper.cluster import creation
    from pcs_wrapper.cluster.password import password
    from pcs_wrapper.views.state import state_text

    description = read_description(file)
    if dry_run:
        print_lines(shown(creation.steps(machine, description)))
        return
    state = creation.create(machine, description, lambda: password(password_file))
    print_lines(state_text(state, look(machine, state)))
