"""The arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

description_file = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
adopt = click.option(
    "--adopt",
    is_flag=True,
    help="Take over resources that others made, if the description has their IDs.",
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Change nothing; print the commands that would be run."
)
