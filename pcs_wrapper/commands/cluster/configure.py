"""`takeover cluster configure`: have Corosync as a description says, while everything runs."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import as_json, description_file, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@description_file
@dry_run
@as_json
@click.pass_obj
def configure(machine: Machine, file: Path, *, dry_run: bool, as_json: bool) -> None:
    """Change Corosync's times and links to those of the description FILE, while everything runs.

    `takeover apply` changes what Pacemaker has, and this what Corosync has: token,
    token_coefficient, consensus, and the addresses of the nodes' links. Nothing is restarted. Links
    are replaced one after another, each only while another one connects all nodes; of a cluster
    with one link, the new one comes first. A new address must be on its node's interface before.
    The witness has commands of its own: `takeover witness`.

    \b
    Examples:
      takeover cluster configure --dry-run cluster.toml
      takeover cluster configure cluster.toml

    Exit codes: 0 Corosync is as described; 1 the command failed or was refused; 2 the command line
    or the description is wrong; 4 no cluster runs on this machine.
    """  # noqa: D301 - \b is click's
    from cib_templates.reading.reading import read_description
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.cluster import configuring
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.corosync.configuring import configured_json, configured_text

    description = read_description(file)
    planned = configuring.prepare(machine, description)
    if not dry_run and planned.steps:
        with lock.held(machine, "takeover cluster configure"):
            print_lines(configured_text(planned), err=True)
            configuring.configure(machine, planned)
    if as_json:
        print_text(configured_json(planned))
    elif dry_run or not planned.steps:
        print_lines((*configured_text(planned), *shown(planned.steps)))
    else:
        print_line("Corosync is as described")
    if planned.steps and not dry_run and (command := configuring.known_by(planned.moved or {})):
        print_line(f"pcsd knows nodes by their old addresses: {command}", err=True)
