"""Build the box, unless it is there already, and print its path: `python -m vagrant.box`."""

import os
import shutil
import sys
from pathlib import Path

import click

from vagrant.box.build import BOX_CACHE, box_for
from vagrant.common.debian import PYTHON_OF
from vagrant.common.errors import TreeError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("release", type=click.Choice(list(PYTHON_OF)), default="bookworm")
@click.option(
    "--cache",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where boxes are kept  [default: {BOX_CACHE}; ~/.cache/takeover-box if you are not root]",
)
def main(release: str, cache: Path | None) -> None:
    """Build Takeover's own Vagrant box for a Debian release, and print its path.

    Needs mmdebstrap, e2fsprogs and qemu-utils; root, or uidmap and a range in /etc/subuid.
    """
    if os.geteuid():
        _go_on_as_root_of_a_user_namespace(release, cache or Path("~/.cache/takeover-box"))
    try:
        box = box_for(release, lambda step: click.echo(step, err=True), cache or BOX_CACHE)
    except (TreeError, OSError) as error:
        sys.exit(f"box: {error}")
    click.echo(box)


def _go_on_as_root_of_a_user_namespace(release: str, cache: Path) -> None:
    """Become root there: the tree's files have many owners, the user's subordinate IDs."""
    if not shutil.which("newuidmap"):
        sys.exit("box: without root it needs newuidmap: apt install uidmap, or run it as root")
    user_namespace = ("unshare", "--map-root-user", "--map-auto", "--setuid", "0", "--setgid", "0")
    again = (sys.executable, "-m", "vagrant.box", release, "--cache", str(cache.expanduser()))
    os.execvp(user_namespace[0], [*user_namespace, "--mount", *again])


if __name__ == "__main__":
    main(prog_name="python -m vagrant.box")
