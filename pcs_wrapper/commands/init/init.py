"""`takeover init`: begin a cluster with a description of what is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from pcs_wrapper.beginning.finding.found import Found
    from pcs_wrapper.beginning.given import Given


@click.command()
@click.argument(
    "file", metavar="[FILE]", type=click.Path(path_type=Path), default=Path("cluster.toml")
)
@click.option("--defaults", is_flag=True, help="Ask nothing: what no option says is as found.")
@click.option("--name", metavar="NAME", help="The cluster's name.")
@click.option(
    "--node",
    "nodes",
    metavar="NAME[=ADDRESS,…]",
    multiple=True,
    help="Another node, with its address on each link; without, its name is resolved. Repeatable.",
)
@click.option(
    "--link",
    "links",
    metavar="NETWORK",
    multiple=True,
    help="A network in which the nodes hear of each other, or this machine's interface in it. "
    "Repeatable.",
)
@click.option(
    "--fence",
    "fencing",
    metavar="'AGENT KEY=VALUE …'",
    multiple=True,
    help="A fencing device; 'NODE:AGENT KEY=VALUE …' for one that is a part of a node. Repeatable.",
)
@click.option(
    "--plug",
    "plugs",
    metavar="NODE=PLUG",
    multiple=True,
    help="What the fencing device calls a node. Repeatable.",
)
@click.option(
    "--sbd",
    metavar="DISK",
    multiple=True,
    help="A disk for SBD's messages; what is on it is lost. Repeatable.",
)
@click.option("--watchdog", metavar="DEVICE", help="The watchdog by which nodes reset themselves.")
@click.option("--witness", metavar="HOST", help="A host with corosync-qnetd, to decide.")
@click.option("--service", metavar="NAME", help="The name of the first service.")
@click.option(
    "--disk",
    metavar="DISK",
    help="Its disk: a device, or an iSCSI portal such as ADDRESS:PORT; '' for none. By default the "
    "only one that is shared.",
)
@click.option("--target", metavar="IQN", help="The portal's target.")
@click.option("--lun", metavar="NUMBER", type=int, help="The target's LUN.")
@click.option(
    "--attach", metavar="PROGRAM", help="The program that attaches the LUN instead of open-iscsi."
)
@click.option("--directory", metavar="PATH", help="Where the disk is mounted.")
@click.option("--filesystem", metavar="TYPE", help="The type of its filesystem.")
@click.option("--unit", metavar="UNIT", help="The unit of systemd that runs.")
@click.option("--command", metavar="COMMAND", help="The command that runs, with its arguments.")
@click.option("--user", metavar="USER", help="The user that runs the command.")
@click.option("--ready", metavar="CHECK", help="The check that shows when the command serves.")
@click.option("--health", metavar="CHECK", help="The check that each monitor makes.")
@click.option("--address", metavar="IP[/PREFIX]", help="The address that its clients know.")
@click.option(
    "--dry-run", is_flag=True, help="Write no file; print the description that it would have."
)
@as_json
@click.pass_context
def init(
    ctx: click.Context, /, file: Path, *, defaults: bool, dry_run: bool, as_json: bool, **said: Any
) -> None:
    """Write a description of a cluster into FILE (cluster.toml), from what this machine has.

    It looks for the networks that this machine is in, for disks that nobody uses, watchdogs, fence
    agents with what they need, and applications that run; nothing is changed on it. Then it asks,
    with what it has found as the answers: what you type Enter for stays so. What an option says is
    not asked. The description has remarks for you to go on from, and no mistakes (takeover check).
    A file that is there is not overwritten.

    A cluster may begin with one node. If this machine already belongs to a cluster, that one can be
    described instead (takeover import).

    \b
    Examples:
      takeover init
      takeover init --node node2 --node node3 shop.toml
      takeover init --defaults --dry-run
      takeover init --defaults --fence 'node1:fence_ipmilan ip=10.0.0.1 username=root
        password_script=/etc/takeover/ipmi' --service shop --unit nginx --address 10.1.0.9

    Exit codes: 0 the description was written, or printed; 1 the command failed; 2 something that
    has to be known is neither found nor said, what was said is wrong, or FILE is there already; 130
    it was interrupted, and nothing was written.
    """  # noqa: D301 - \b is click's
    from pcs_wrapper.beginning.finding.found import existing_cluster, look
    from pcs_wrapper.beginning.given import Given
    from pcs_wrapper.beginning.nodes import unreachable
    from pcs_wrapper.beginning.proposing import propose
    from pcs_wrapper.beginning.writing import already_there, draft, write
    from pcs_wrapper.errors import UsageError
    from pcs_wrapper.views.beginning import init_json, written_text

    machine: Machine = ctx.obj
    if file.exists() and not dry_run:
        raise UsageError(already_there(file))
    if cluster := existing_cluster(machine):
        _import(ctx, machine, cluster, file, asks=not (defaults or as_json), dry_run=dry_run)
        return
    machine.console.step("looking for networks, disks, watchdogs, fence agents and applications")
    found = look(machine)
    given = Given(**{key: _said(value) for key, value in said.items()})
    if not defaults:
        given = _asked(machine, found, given)
    proposal = propose(machine, found, given)
    drafted = draft(proposal, found, file, machine.now().date())
    for node in unreachable(machine, found.host, proposal.nodes):
        machine.console.warning(
            f"pcsd of {node} does not answer at {', '.join(proposal.nodes[node])}: is it installed "
            "there (apt install pcs), and are the addresses right?"
        )
    if not dry_run:
        write(file, drafted.text)
    if as_json:
        print_text(init_json(file, drafted, found, written=not dry_run))
        return
    for warning in drafted.warnings:
        print_line(f"warning: {warning}", err=True)
    if dry_run:
        print_text(drafted.text)
    else:
        print_lines(written_text(file, proposal))


def _said(value: Any) -> Any:
    """Return an option's value; None if it was not given."""
    return None if value == () else value


def _asked(machine: Machine, found: Found, given: Given) -> Given:
    from pcs_wrapper.commands.init.questions import Questions

    return Questions(machine, found).ask(given)


def _import(
    ctx: click.Context, machine: Machine, cluster: str, file: Path, *, asks: bool, dry_run: bool
) -> None:
    """Describe the cluster that this machine already belongs to, if that is wanted."""
    from pcs_wrapper.beginning.writing import write
    from pcs_wrapper.cluster.importing import import_live
    from pcs_wrapper.commands.init.questions import wants_import
    from pcs_wrapper.errors import UsageError
    from pcs_wrapper.machine.terminal import escaped_toml

    if not asks:
        raise UsageError(
            f"this machine already belongs to the cluster {cluster}: `takeover import > {file}` "
            "describes it as it is"
        )
    if not wants_import(cluster):
        print_line("nothing was written", err=True)
        ctx.exit(1)
    imported = import_live(machine)
    text = escaped_toml(imported.text)
    for each in (*imported.undescribed, *imported.mistakes):
        machine.console.warning(str(each))
    if dry_run:
        print_text(text)
    else:
        write(file, text)
        print_line(f"{file} describes the cluster {cluster} as it is")
    if imported.mistakes:
        ctx.exit(1)
