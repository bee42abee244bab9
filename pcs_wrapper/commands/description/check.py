"""`takeover check`: find every mistake in a description, and warn of doubtful settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.options import as_json, description_file
from pcs_wrapper.commands.printing import print_line, print_text

if TYPE_CHECKING:
    from pcs_wrapper.machine.machine import Machine


@click.command()
@description_file
@as_json
@click.pass_context
def check(ctx: click.Context, file: Path, *, as_json: bool) -> None:
    """Find every mistake in the description FILE.

    The command needs neither root nor a cluster, and changes nothing. It also warns of settings
    that are allowed but probably not intended; a warning is not a failure. If it runs on one of the
    description's nodes, it also checks whether that node has the programs and the interfaces
    that the services need, and whether two services have the same disk or mount point there by
    different names.

    \b
    Example:
      takeover check cluster.toml

    Exit codes: 0 the description has no mistakes; 2 it has mistakes.
    """  # noqa: D301 - \b is click's
    from cib_templates.checks.advice import LocalHost
    from cib_templates.errors import DescriptionError
    from cib_templates.reading.reading import read_with_advice
    from pcs_wrapper.change.judging.conflicts import check_names
    from pcs_wrapper.views.findings import check_json

    machine: Machine = ctx.obj
    interfaces = [each.name for each in machine.interfaces.glob("*")]
    here = LocalHost(machine.host, interfaces, machine.has_program)
    try:
        description, warnings = read_with_advice(file, here)
        check_names(machine, description)
    except DescriptionError as error:
        if not as_json:
            raise
        print_text(check_json(error.findings, ()))
        ctx.exit(error.exit_code)
    if as_json:
        print_text(check_json((), warnings))
        return
    for warning in warnings:
        print_line(f"warning: {warning}", err=True)
    print_line(
        f"{file}: no mistakes. Cluster {description.cluster.name}; "
        f"nodes: {', '.join(description.nodes)}; "
        f"services: {', '.join(description.services) or 'none'}"
    )
