"""Builds the box, unless it is there already, and prints its path."""

import sys

import click

from vagrant.box.build import box_for
from vagrant.debian import PYTHON_OF, TreeError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("release", type=click.Choice(list(PYTHON_OF)), default="bookworm")
def main(release: str) -> None:
    """Build Takeover's own Vagrant box for a Debian release, and print its path."""
    try:
        click.echo(box_for(release, lambda step: click.echo(step, err=True)))
    except (TreeError, OSError) as error:
        sys.exit(f"box: {error}")


if __name__ == "__main__":
    main(prog_name="python -m vagrant.box")
