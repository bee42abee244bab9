"""What `takeover plan` says that a fault costs, against what it then costs, on the rig.

    .venv/bin/python -m bench.outage_prediction [--rounds N] [--release R] [--json FILE]

Needs root. It brings a rig up and takes it down again. Before each fault the service moves once, so
that the cluster has measured how it starts and stops when all is well. Exit code 1 if a median of
prediction by measurement is further from 1 than is promised.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.visitor import STEADY, Visitor
from vagrant.common.debian import PYTHON_OF
from vagrant.common.errors import RigError
from vagrant.demo.client import Client
from vagrant.demo.faults import FAULTS, Fault, active_node, inflict
from vagrant.demo.running import running_service
from vagrant.demo.shop import Administrator
from vagrant.description import description

#: How far from 1 the median of prediction / measurement may be.
_TOLERANCE = 0.3
_PLANNED = FAULTS[0]
#: Which prediction each fault is one of.
_OUTAGES = {
    "planned move": "interrupted",
    "PostgreSQL killed": "application_failure",
    "node powered off": "node_failure",
    "node cut off": "node_failure",
}
_PLANNED_FILE = "/root/planned.toml"


def _without_active_node(admin: Administrator) -> str:
    """Return a description by which the service must leave the node that it runs on."""
    names = admin.rig.layout.node_names
    others = [name for name in names if name != active_node(admin.rig)]
    old, new = (
        f"nodes = [{', '.join(json.dumps(name) for name in some)}]" for some in (names, others)
    )
    return description(admin.rig).replace(old, new)


def predict(admin: Administrator, fault: Fault) -> dict[str, Any]:
    """Ask on a node for how long a fault will keep clients waiting.

    Returns:
        The outage as `takeover plan --json` tells it: its phases and their total, in seconds.

    Raises:
        RigError: the plan says nothing of it.
    """
    rig, kind = admin.rig, _OUTAGES[fault.name]
    node = rig.layout.node_names[0]
    moved = kind == "interrupted"
    rig.write(node, _PLANNED_FILE, _without_active_node(admin) if moved else description(rig))
    done = rig.run(node, "takeover", "plan", _PLANNED_FILE, "--json")
    try:
        [service] = json.loads(done.stdout)["services"]
        outage: dict[str, Any] = service[kind]
    except (ValueError, KeyError):
        raise RigError(f"no prediction: {done.stdout}{done.stderr}") from None
    return outage


def _measured(fault: Fault, admin: Administrator, client: Client) -> float:
    """Make a fault happen; return for how long nobody was served, in seconds.

    As the visitor sees it, who knocks all the time: how long a client then waits before it tries
    again is its own affair, and in no prediction.
    """
    with Visitor(admin.rig) as visitor:
        time.sleep(STEADY)
        begin = time.monotonic()
        inflict(fault, admin, client)
        return visitor.outage(begin)


def _measure(admin: Administrator, client: Client, rounds: int) -> dict[str, dict[str, Any]]:
    """Return for each fault the medians of all rounds, in seconds."""
    table = {}
    for fault in FAULTS:
        predicted, measured = [], []
        for number in range(1, rounds + 1):
            inflict(_PLANNED, admin, client)
            outage = predict(admin, fault)
            phases = {phase: span["likely"] for phase, span in outage["phases"].items()}
            predicted.append(float(outage["total"]["likely"]))
            measured.append(_measured(fault, admin, client))
            said = f"{fault.name}: predicted {predicted[-1]:.2f} s, measured {measured[-1]:.2f} s"
            click.echo(f"{number}/{rounds} {said}; {phases}", err=True)
        ratios = [each / other for each, other in zip(predicted, measured, strict=True)]
        table[fault.name] = {
            "predicted_s": round(statistics.median(predicted), 2),
            "measured_s": round(statistics.median(measured), 2),
            "ratio": round(statistics.median(ratios), 2),
            "rounds": rounds,
        }
    return table


def _show(release: str, table: dict[str, dict[str, Any]]) -> None:
    shown = Table("fault", title=release, box=SIMPLE, pad_edge=False, title_justify="left")
    for heading in ("predicted", "measured", "ratio", "rounds"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for name, row in table.items():
        shown.add_row(name, *(str(value) for value in row.values()))
    Console(highlight=False).print(shown)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", default=5, show_default=True, help="How often each fault happens.")
@click.option("--name", default="bench", show_default=True, help="The rig's name.")
@click.option(
    "--release", type=click.Choice(list(PYTHON_OF)), default="bookworm", show_default=True
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures to this file.",
)
def main(rounds: int, name: str, release: str, json_file: Path | None) -> None:
    """Compare predicted outages with measured ones; exit 1 where they are too far apart."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    with running_service(name, release, say) as (admin, client):
        table = _measure(admin, client, rounds)
    _show(release, table)
    if json_file:
        json_file.write_text(json.dumps({"release": release, "faults": table}, indent=2) + "\n")
    broken = [fault for fault, row in table.items() if abs(row["ratio"] - 1) > _TOLERANCE]
    for fault in broken:
        say(f"{fault}: predicted {table[fault]['ratio']} times what was measured")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main(prog_name="bench.outage_prediction")
