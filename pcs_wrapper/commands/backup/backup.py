"""`takeover backup`: save everything that a cluster is made of."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_lines, print_text
from pcs_wrapper.machine.machine import Machine

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=_PATH)
@click.argument("descriptions", metavar="[DESCRIPTION]...", type=_PATH, nargs=-1)
@as_json
@click.pass_obj
def backup(machine: Machine, file: Path, descriptions: tuple[Path, ...], *, as_json: bool) -> None:
    """Save everything that the cluster is made of into FILE, which only root can read.

    It has the CIB, the configuration and the keys of Corosync and Pacemaker, the machines that pcsd
    knows, SBD's settings, this node's checkpoints, the DESCRIPTIONs that are given, and the files
    that the configuration names, such as scripts of alerts and files with passwords. The data of
    the services are not in it. The cluster may run meanwhile, and need not. A file that is there is
    not overwritten.

    Keep FILE on another machine. `takeover restore FILE` has the cluster again, also on new nodes.

    \b
    Examples:
      takeover backup /root/shop.tar.gz /root/cluster.toml
      takeover backup "/backup/shop-$(date +%F).tar.gz"

    Exit codes: 0 it was saved; 1 the command failed; 2 the command line is wrong, or FILE is there
    already or cannot be written.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.backup import archive, gathering
    from pcs_wrapper.pacemaker.versions import takeover_version
    from pcs_wrapper.views.backup import backup_json, backup_text

    archive.require_new(file)
    saved = gathering.gather(machine, takeover_version().number or "", descriptions)
    archive.write(file, saved)
    if as_json:
        print_text(backup_json(file, saved.manifest))
    else:
        print_lines(backup_text(file, saved.manifest))
