"""`takeover service prepare`: a filesystem on a new service's empty disk, and its first data."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import as_json, description_file, dry_run
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("service")
@description_file
@click.argument("command", metavar="[-- COMMAND]", nargs=-1)
@dry_run
@as_json
@click.pass_obj
def prepare(
    machine: Machine,
    *,
    service: str,
    file: Path,
    command: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make the filesystem of the new SERVICE of the description FILE, and run COMMAND in it.

    The disk has to be empty; one with anything on it is left alone. It is attached, gets the
    filesystem that FILE says, is mounted where the service will have it, and belongs to the user of
    the service's application. This user runs COMMAND in it, to make what the application needs.
    Then it is unmounted and detached again: from now on the cluster does that. No cluster has to
    run. If COMMAND fails, the disk is emptied again.

    Run it once for a service, on one of its nodes.

    \b
    Examples:
      takeover service prepare --dry-run shop cluster.toml
      takeover service prepare shop cluster.toml
      takeover service prepare shop cluster.toml -- /usr/lib/postgresql/15/bin/initdb -D data

    Exit codes: 0 the disk is prepared; 1 it is not empty, or the command failed; 2 the command line
    or the description is wrong.
    """  # noqa: D301 - \b is click's
    from cib_templates.reading.reading import read_description
    from pcs_wrapper.beginning import preparing
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.machine import lock
    from pcs_wrapper.views.beginning import prepared_json, prepared_text

    wanted = preparing.preparation(read_description(file), service, command)
    if dry_run:
        steps = list(preparing.planned(wanted))
        if as_json:
            print_text(prepared_json(wanted, "", steps))
        else:
            print_lines(shown(steps))
        return
    machine.require_root()
    with lock.held(machine, "takeover service prepare"):
        device = preparing.prepare(machine, wanted)
    if as_json:
        print_text(prepared_json(wanted, device, []))
    else:
        print_lines(prepared_text(wanted))
