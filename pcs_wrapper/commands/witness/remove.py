"""`takeover witness remove`: let the nodes alone vote again."""

from __future__ import annotations

import click

from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.witness.carrying import carry
from pcs_wrapper.machine.machine import Machine


@click.command()
@dry_run
@as_json
@click.pass_obj
def remove(machine: Machine, *, dry_run: bool, as_json: bool) -> None:
    """Let the nodes alone vote again, and forget their certificates for the witness.

    No service is interrupted. It is refused while the nodes that are there would have no quorum
    without it. The witness itself need not be there.

    \b
    Examples:
      takeover witness remove --dry-run
      takeover witness remove

    Exit codes: 0 the nodes alone vote; 1 the command failed or was refused; 4 no cluster runs on
    this machine.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.cluster import witness

    carry(machine, witness.prepare_remove(machine), None, dry_run=dry_run, as_json=as_json)
