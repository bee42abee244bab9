"""The command line of `script/rig` and `script/vagrant-lab`."""

import json
import os
from functools import partial

import click

from vagrant.common.debian import PYTHON_OF
from vagrant.common.errors import RigError, TreeError
from vagrant.common.networks import CLUSTER_LINKS, Link
from vagrant.description import DESCRIPTION, description
from vagrant.kinds import KINDS, named
from vagrant.one_machine.rig import OneMachineRig
from vagrant.rig import Rig

# What follows NODE is the command's own, its options too.
_PASSED_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--name", default="rig", show_default=True, help="Tells several rigs apart.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=KINDS[0],
    show_default=True,
    help="Namespaces, or virtual machines.",
)
@click.pass_context
def cli(context: click.Context, name: str, kind: str) -> None:
    """A lab cluster on this machine: shared iSCSI disks, networks to cut, real fencing."""
    context.obj = named(kind, name)


@cli.command()
@click.option(
    "--nodes",
    default=3,
    show_default=True,
    help="Number of nodes, 1 to 16; 2 to 8 virtual machines.",
)
@click.option(
    "--luns",
    default=1,
    show_default=True,
    help="Number of shared disks, 1 to 16; for virtual machines up to 8.",
)
@click.option("--lun-mib", default=1024, show_default=True, help="Size of each disk in MiB.")
@click.option(
    "--release", type=click.Choice(list(PYTHON_OF)), default="bookworm", show_default=True
)
@click.option("--witness", is_flag=True, help="With a host for corosync-qnetd; namespaces only.")
@click.pass_obj
def up(rig: Rig, nodes: int, luns: int, lun_mib: int, release: str, *, witness: bool) -> None:
    """Bring the rig up, wait until its nodes have booted, and describe a cluster of them."""
    make = rig.up
    if witness:
        if not isinstance(rig, OneMachineRig):
            raise click.UsageError("only a rig of namespaces has a witness")
        make = partial(rig.up, witness=True)
    make(nodes=nodes, luns=luns, lun_mib=lun_mib, release=release, say=click.echo)
    text, first = description(rig), rig.layout.node_names[0]
    rig.write(first, DESCRIPTION, text)
    click.echo(
        f"The nodes are up. {DESCRIPTION} on {first} describes a cluster of them:\n\n{text}\n"
        "docs/first-day.md goes on from here: the agents and a password for hacluster on every "
        f"node, data on the disk, then takeover cluster create {DESCRIPTION} on {first}."
    )


@cli.command()
@click.pass_obj
def down(rig: Rig) -> None:
    """Remove the rig and whatever remains of it."""
    rig.down()


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.pass_obj
def status(rig: Rig, as_json: bool) -> None:
    """Show what is on, what is cut and what is mounted where."""
    found = rig.status()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, node in found["nodes"].items():
        cut = ", ".join(node["cut"]) or "no link"
        click.echo(
            f"{name:8} {' '.join(node['addresses'])}  power {node['power']}, {cut} cut,"
            f" fencing {node['fencing']}"
        )
    if witness := found.get("witness"):
        cut = ", ".join(witness["cut"]) or "no link"
        addresses = " ".join(witness["addresses"])
        click.echo(f"witness  {addresses}  power {witness['power']}, {cut} cut")
    for lun, nodes in found["disks"]["mounted"].items():
        click.echo(f"LUN {lun}    mounted on {', '.join(nodes)}")
    click.echo(f"double mounts since it is up: {len(found['disks']['double_mounts'])}")


@cli.command("exec", context_settings=_PASSED_ON)
@click.argument("node")
@click.argument("command", nargs=-1, required=True)
@click.pass_obj
def exec_(rig: Rig, node: str, command: tuple[str, ...]) -> None:
    """Run a command on a node, as root."""
    line = rig.command(node, *_without_dashes(command))
    os.execvp(line[0], line)


@cli.command(context_settings=_PASSED_ON)
@click.argument("command", nargs=-1, required=True)
@click.pass_obj
def client(rig: Rig, command: tuple[str, ...]) -> None:
    """Run a command of this machine in the clients' network."""
    line = rig.client_command(*_without_dashes(command))
    os.execvp(line[0], line)


def _without_dashes(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command without the `--` by which some tell its options from the rig's."""
    return command[1:] if command[0] == "--" and command[1:] else command


@cli.command()
@click.argument("node")
@click.argument("state", type=click.Choice(["on", "off", "reset"]))
@click.pass_obj
def power(rig: Rig, node: str, state: str) -> None:
    """Switch a node's power; off and reset do not ask the node."""
    rig.power(node, state)


@cli.command()
@click.argument("node")
@click.argument("link", type=click.Choice([str(link) for link in Link]), required=False)
@click.pass_obj
def cut(rig: Rig, node: str, link: str | None) -> None:
    """Pull a node's cable out of LINK; by default out of both cluster links."""
    rig.cut(node, [Link(link)] if link else CLUSTER_LINKS)


@cli.command()
@click.argument("node")
@click.pass_obj
def heal(rig: Rig, node: str) -> None:
    """Plug all of a node's cables in."""
    rig.heal(node)


@cli.command()
@click.argument("node")
@click.argument("mode", type=click.Choice(["works", "refuses"]))
@click.pass_obj
def fencing(rig: Rig, node: str, mode: str) -> None:
    """Make the power switch of a node work, or refuse whoever wants to fence it."""
    rig.set_fencing(node, works=mode == "works")


@cli.command()
@click.argument("snapshot")
@click.pass_obj
def save(rig: Rig, snapshot: str) -> None:
    """Keep the state of all virtual machines, disks and memory, as SNAPSHOT."""
    rig.save(snapshot)


@cli.command()
@click.argument("snapshot")
@click.pass_obj
def restore(rig: Rig, snapshot: str) -> None:
    """Put all virtual machines back to SNAPSHOT, in seconds."""
    rig.restore(snapshot)


def main() -> None:
    """Run the command line; a fault of the rig is a message and exit code 1."""
    try:
        cli(prog_name="script/rig")
    except (RigError, TreeError) as error:
        raise SystemExit(f"rig: {error}") from None


if __name__ == "__main__":
    main()
