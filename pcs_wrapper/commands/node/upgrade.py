"""`takeover upgrade`: upgrade the packages of this node while its services run on the others."""

from __future__ import annotations

import click

from pcs_wrapper.commands.asking import agreed
from pcs_wrapper.commands.options import as_json, dry_run
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine


@click.command()
@click.argument("packages", metavar="[PACKAGE]...", nargs=-1)
@click.option("--system", is_flag=True, help="Upgrade all packages of this node.")
@click.option(
    "--reboot",
    is_flag=True,
    help="Reboot this node if that is needed, as with a new kernel, while no service runs here.",
)
@as_json
@dry_run
@click.option("-y", "--yes", is_flag=True, help="Do not ask first.")
@click.option(
    "--even-so",
    is_flag=True,
    help="Upgrade although something is not well, or a service would stop for that time.",
)
@click.option(
    "--forget",
    is_flag=True,
    help="Forget an upgrade of this node that is not complete. Nothing else is changed.",
)
@click.pass_context
def upgrade(
    ctx: click.Context,
    packages: tuple[str, ...],
    *,
    system: bool,
    reboot: bool,
    as_json: bool,
    dry_run: bool,
    yes: bool,
    even_so: bool,
    forget: bool,
) -> None:
    """Upgrade this node with apt, while its services run on the other nodes.

    By default the packages of the cluster are upgraded: Pacemaker, Corosync, pcs, the agents and
    their libraries, as far as they are installed. Name a PACKAGE to upgrade only that, or give
    --system. apt downloads first; then the services leave, the cluster is stopped here, the
    packages are installed (configuration files that you have changed stay), the cluster starts,
    and when all is well, the node runs services again. What moves, for how long clients wait, and
    whether a reboot is needed, is told before; afterwards the measured outage.

    It upgrades only the node that it is typed on: nobody should be root on all nodes by being root
    on one. At the end it says which node is next, which the history of the cluster knows. Until
    then the nodes have different versions, which is allowed for this time; what cannot be mixed,
    packages that would have to be removed, and older versions are refused. The first harm ends it.

    After a reboot, an interruption, or when harm is put right, `takeover status` says how far it
    has come, and `takeover upgrade` on the same node goes on.

    \b
    Examples:
      takeover upgrade --dry-run
      takeover upgrade
      takeover upgrade --system --reboot
      takeover upgrade pacemaker --yes --json

    Exit codes: 0 the node is upgraded and all is well, there is nothing to upgrade, or it is being
    rebooted; 1 something went wrong, it was refused, or you did not agree; 2 a PACKAGE is not
    installed; 4 no cluster runs on this machine; 130 it was interrupted.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.change.execution import shown
    from pcs_wrapper.machine import lock
    from pcs_wrapper.nodes.upgrading import upgrading
    from pcs_wrapper.views.members.upgrading import (
        forgotten_json,
        forgotten_text,
        upgrade_dry_run_json,
        upgrade_text,
        upgraded_json,
        upgraded_text,
    )

    machine: Machine = ctx.obj
    machine.require_root()
    if system and packages:
        raise click.UsageError("--system upgrades all packages: name none")

    def prepare() -> upgrading.Planned:
        return upgrading.prepare(machine, packages, system=system, reboot=reboot, even_so=even_so)

    if dry_run:
        planned = prepare()
        steps = upgrading.steps(machine, planned, even_so=even_so)
        if as_json:
            print_text(upgrade_dry_run_json(planned, steps))
        else:
            print_lines((*upgrade_text(planned), *shown(steps)))
        return
    with lock.held(machine, "takeover upgrade"):
        if forget:
            forgotten = upgrading.forget(machine)
            if as_json:
                print_text(forgotten_json(forgotten))
            else:
                print_line(forgotten_text(forgotten))
            return
        planned = prepare()
        print_lines(upgrade_text(planned), err=True)
        if planned.is_anything:
            upgrading.require(machine, planned, even_so=even_so)
            if not yes and not agreed(f"upgrade {planned.upgrade.node}?"):
                print_line("nothing was changed", err=True)
                ctx.exit(1)
        done = upgrading.make(machine, planned, even_so=even_so)
    if as_json:
        print_text(upgraded_json(done))
    else:
        print_lines(upgraded_text(done))
    ctx.exit(1 if done.turn.harm else 0)
