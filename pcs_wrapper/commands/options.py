"""The arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

description_file = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
adopt = click.option(
    "--adopt",
    is_flag=True,
    help="Take over resources with the description's IDs that Takeover did not make: mark them, "
    "and change nothing else.",
)
with_changes = click.option(
    "--adopt-with-changes",
    "with_changes",
    is_flag=True,
    help="Take over such resources, and change them and others as the description says.",
)
even_so = click.option(
    "--even-so",
    is_flag=True,
    help="Change the cluster although something holds it up, such as a node that cannot be fenced. "
    "Without quorum it is never changed.",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Change nothing; print the steps and commands that would run."
)
