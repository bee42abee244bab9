"""`takeover --version`: the versions of Takeover and of the programs that it drives."""

from __future__ import annotations

import click

from pcs_wrapper.commands.printing import print_line


def show_versions(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """Print the versions and end the program, if `--version` was given."""
    if not wanted or ctx.resilient_parsing:
        return
    from pcs_wrapper.machine.runner import Runner
    from pcs_wrapper.pacemaker.versions import installed_versions, takeover_version

    runner = Runner() if ctx.obj is None else ctx.obj.runner
    for each in (takeover_version(), *installed_versions(runner)):
        print_line(f"{each.name}, {each.problem or f'version {each.number}'}")
    ctx.exit()


version_option = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=show_versions,
    help="Show the versions of Takeover, Pacemaker, Corosync and pcs, and exit.",
)
