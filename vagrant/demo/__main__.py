"""The demo itself: `script/demo`."""

import fcntl
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from vagrant.common.debian import PYTHON_OF
from vagrant.common.errors import RigError, TreeError
from vagrant.common.networks import floating_address
from vagrant.demo.client import Client, ClientError
from vagrant.demo.faults import FAULTS, Outcome, active_node, inflict, wait_until_whole
from vagrant.demo.shop import Administrator, create_cluster, create_database, prepare_nodes
from vagrant.description import description
from vagrant.kinds import KINDS, named
from vagrant.rig import Rig

PURPOSE = "demo"

#: Has a file for each rig's name that demos have run on; gone after a reboot of the machine.
_LOCKS = Path("/run/takeover-demo")

#: How long the first row may take, in seconds.
_FIRST_ACK_LIMIT = 60.0


class Story:
    """Tells what happens, with the time since the demo began."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._begin = time.monotonic()

    def step(self, text: str) -> None:
        """Tell of a step that begins."""
        elapsed = time.monotonic() - self._begin
        self._console.print(f"\n[bold]{elapsed:6.1f} s  {text}[/bold]")

    def command(self, node: str, line: str) -> None:
        """Show what the administrator types."""
        self._console.print(f"[cyan]root@{node}:~#[/cyan] ", end="")
        self._console.print(line, markup=False)

    def output(self, text: str) -> None:
        """Show what came back."""
        if text.strip():
            self._console.print(text.rstrip(), markup=False, style="dim")

    def outcomes(self, outcomes: list[Outcome]) -> None:
        """Show the table of what every fault cost."""
        table = Table("fault", "from", "to", box=SIMPLE, pad_edge=False)
        for heading in ("outage", "rows", "lost", "double mounts"):
            table.add_column(heading, justify="right", no_wrap=True)
        for each in outcomes:
            counts = (str(n) for n in (each.acknowledged, each.lost, each.double_mounts))
            table.add_row(each.name, each.source, each.target, f"{each.outage_s:.2f} s", *counts)
        self._console.print()
        self._console.print(table)


def demonstrate(rig: Rig, story: Story) -> list[Outcome]:
    """Set the service up on a rig that is up, then break things.

    Raises:
        RigError, ClientError: Something did not work; the message says what.
    """
    admin = Administrator(rig, story.command, story.output)
    node = rig.layout.node_names[0]
    story.step("The nodes: agents, and a password for pcs's user")
    prepare_nodes(admin)
    story.step("A database on the shared disk")
    password = create_database(admin, node)
    story.step("The description, /root/shop.toml")
    story.output(description(rig))
    story.step("From description to cluster")
    create_cluster(admin, node)
    wait_until_whole(rig)
    admin.types(node, "takeover", "status")
    outcomes = []
    with Client(rig, floating_address(), password) as client:
        client.wait_until_served(0, _FIRST_ACK_LIMIT * rig.equipment.patience)
        story.step(f"A client writes through {floating_address()}")
        for fault in FAULTS:
            story.step(f"Fault: {fault.name} ({active_node(rig)})")
            outcome = inflict(fault, admin, client)
            story.output(
                f"served again after {outcome.outage_s:.2f} s by {outcome.target};"
                f" {outcome.acknowledged} rows acknowledged so far, {outcome.lost} lost"
            )
            outcomes.append(outcome)
    return outcomes


def _run(rig: Rig, story: Story, *, release: str, keep: bool) -> list[Outcome]:
    """Bring the rig up, demonstrate, and take it down unless it is to be kept."""
    _remove_remains(rig)
    story.step("The rig: three nodes, an iSCSI target, a client")
    rig.up(release=release, purpose=PURPOSE, say=story.output)
    try:
        return demonstrate(rig, story)
    finally:
        if not keep:
            rig.down()


@contextmanager
def _alone(rig: Rig) -> Iterator[None]:
    """Keep a second demo from taking this one's rig away; a killed demo keeps nobody away."""
    _LOCKS.mkdir(exist_ok=True)
    with (_LOCKS / rig.name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RigError(f"a demo runs on the rig {rig.name}: choose another --name") from None
        yield


def _remove_remains(rig: Rig) -> None:
    """Remove what an earlier demo left of the rig."""
    if not rig.replaceable(PURPOSE):
        raise RigError(
            f"a rig {rig.name} is up that is not the demo's:"
            f" `script/rig --name {rig.name} down` removes it, --name chooses another name"
        )
    rig.down()


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures to this file.",
)
@click.option("--keep", is_flag=True, help="Leave the rig up afterwards, to look around.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default=KINDS[0],
    show_default=True,
    help="Namespaces, or virtual machines.",
)
@click.option("--name", default="rig", show_default=True, help="The rig's name.")
@click.option(
    "--release",
    type=click.Choice(list(PYTHON_OF)),
    default="bookworm",
    show_default=True,
    help="The nodes' Debian.",
)
def main(json_file: Path | None, keep: bool, kind: str, name: str, release: str) -> None:
    """Show a real service failing over on a real three-node cluster, without losing a row.

    Exit code 0: nothing lost, nothing mounted twice. 1: it was, or something did not work.
    """
    if json_file and not json_file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {json_file.parent}", param_hint="--json")
    story = Story()
    try:
        rig = named(kind, name)
        with _alone(rig):
            outcomes = _run(rig, story, release=release, keep=keep)
        story.outcomes(outcomes)
        if json_file:
            data = {"faults": [outcome.as_json() for outcome in outcomes]}
            json_file.write_text(json.dumps(data, indent=2) + "\n")
    except (RigError, TreeError, ClientError, OSError) as error:
        sys.exit(f"demo: {error}")
    if keep:
        story.output(
            f"\nThe rig is still up: `script/rig --name {name} --help` tells what it can do."
        )
    sys.exit(0 if all(outcome.harmless for outcome in outcomes) else 1)


if __name__ == "__main__":
    main(prog_name="script/demo")
