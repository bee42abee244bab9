"""`takeover agents install`: install the agents where Pacemaker looks for them."""

from __future__ import annotations

from pathlib import Path

import click

from pcs_wrapper.commands.printing import print_line


@click.command()
@click.option(
    "--root",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("/"),
    help="The root folder of the system to install into; / if it is not given.",
)
def install(root: Path) -> None:
    """Install the agents ocf:takeover:app, filesystem and ip where Pacemaker looks for them.

    They are written to /usr/lib/ocf/resource.d/takeover, and the path of each is printed. Their
    modules are copied to /usr/lib/takeover/agents, and run with the system's Python: run the
    command on every node, and again after each update of Takeover. Running resources are not
    restarted.

    \b
    Example:
      takeover agents install
    """  # noqa: D301 - \b is click's
    from ocf_agents.install.copies import foreign
    from ocf_agents.install.launchers import InstallError, install_agents
    from pcs_wrapper.errors import ClusterError, Interrupted

    try:
        installed = install_agents(root)
    except InstallError as error:
        raise ClusterError(str(error)) from error
    except KeyboardInterrupt:
        raise Interrupted("not all agents are installed; run the same command again") from None
    for path in installed:
        print_line(str(path))
    if others := foreign():
        more = f" and {len(others) - 1} others" if others[1:] else ""
        print_line(
            f"warning: {others[0]}{more} can be changed by somebody else than root, and the "
            "agents, which root runs, were copied from there. Install Takeover where only root can "
            "write, and run this again.",
            err=True,
        )
