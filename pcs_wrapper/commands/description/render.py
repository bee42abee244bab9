"""`takeover render`: print the CIB of a new cluster with this description."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import description_file
from pcs_wrapper.commands.printing import print_line, print_text
from pcs_wrapper.machine.machine import Machine
from pcs_wrapper.machine.terminal import escaped_xml


@click.command()
@description_file
@click.pass_obj
def render(machine: Machine, file: Path) -> None:
    """Print the CIB that the description FILE makes in a new cluster. Nothing is changed.

    Secrets in the description's fragments are in the CIB as they are, since it would be another one
    without them; a warning tells where.

    The command needs neither root nor a cluster. If Pacemaker is installed, the CIB is checked
    against its schema.

    \b
    Example:
      takeover render cluster.toml > cib.xml

    Exit codes: 0 the CIB was printed; 1 Pacemaker's schema rejects it; 2 the description has
    mistakes.
    """  # noqa: D301 - \b is click's
    from cib_templates.cib.secrecy.masking import places
    from cib_templates.cib.text import to_text
    from cib_templates.cib.validation import check_schema, is_installed
    from cib_templates.reading.reading import read_description
    from cib_templates.rendering.render import render as to_cib

    cib = to_cib(read_description(file))
    if is_installed(machine.schemas):
        check_schema(cib, machine.schemas)
    else:
        print_line(
            "the CIB was not checked against Pacemaker's schema: there is none in "
            f"{machine.schemas}",
            err=True,
        )
    if secrets := places(cib):
        machine.console.warning(
            f"the CIB that is printed has secrets in it: {', '.join(secrets)}. Only root should be "
            "able to read a file with it"
        )
    print_text(escaped_xml(to_text(cib)))
