"""What the commands about the cluster as a whole have in common."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.shell import completing

password_file = click.option(
    "--password-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file of mode 0600 with the password of the user hacluster. If it is not given, the "
    "password is asked for on the terminal, or read from standard input.",
)
known_password_file = click.option(
    "--password-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file of mode 0600 with the password of the user hacluster. It is only needed if this "
    "node is not authenticated to another one; without it, it is asked for then.",
)
nodes = click.argument("nodes", metavar="[NODE]...", nargs=-1, shell_complete=completing.nodes)
yes = click.option("-y", "--yes", is_flag=True, help="Do not ask first.")
