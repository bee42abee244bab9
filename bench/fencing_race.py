"""Two nodes lose each other, again and again: does the one that serves win, and who waits how long?

    .venv/bin/python -m bench.fencing_race [--cuts N] [--release R] [--json FILE]

Needs root. It brings a rig up and takes it down again. The nodes serve in turn, and the cables are
pulled out of the one that serves and of the other in turn. Exit code 1 if the node that served did
not win each time.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import click

from bench.visitor import STEADY, Visitor
from vagrant.common.debian import PYTHON_OF
from vagrant.demo.shop import Administrator
from vagrant.demo.small import cut_between, serve_from, small_cluster

#: How long each cut lasts, in seconds: longer than the delay, token and fencing together.
_CUT = 18.0


def _cut(admin: Administrator, number: int) -> dict[str, Any]:
    """Make one cut, and return what came of it."""
    names = admin.rig.layout.node_names
    serving = names[number % 2]
    other = next(name for name in names if name != serving)
    cut = serving if number % 4 >= len(names) else other
    serve_from(admin, serving)
    with Visitor(admin.rig) as visitor:
        time.sleep(STEADY)
        begin = time.monotonic()
        lived = cut_between(admin, cut, _CUT)
        outage = visitor.outage(begin)
    won = lived[serving] and not lived[other]
    return {"serving": serving, "cut": cut, "lived": lived, "won": won, "outage_s": outage}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--cuts", default=20, show_default=True, help="How often the nodes are cut apart.")
@click.option("--name", default="bench-race", show_default=True, help="The rig's name.")
@click.option(
    "--release", type=click.Choice(list(PYTHON_OF)), default="bookworm", show_default=True
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what came of each cut to this file.",
)
def main(cuts: int, name: str, release: str, json_file: Path | None) -> None:
    """Cut two nodes apart, and count how often the one that serves wins."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    found = []
    with small_cluster(name, release, 2, say) as admin:
        for number in range(cuts):
            found.append(_cut(admin, number))
            say(f"{number + 1}/{cuts} {json.dumps(found[-1])}")
    won = sum(each["won"] for each in found)
    click.echo(f"{release}: the node that served won {won} of {cuts}")
    for whose in ("other", "serving"):
        outages = [
            each["outage_s"]
            for each in found
            if (each["cut"] == each["serving"]) == (whose == "serving")
        ]
        if outages:
            click.echo(
                f"the {whose} node's cables pulled: {len(outages)} times, clients waited "
                f"{statistics.median(outages):.2f} s (median), {max(outages):.2f} s (longest)"
            )
    if json_file:
        json_file.write_text(json.dumps({"release": release, "cuts": found}, indent=2) + "\n")
    sys.exit(0 if won == cuts else 1)


if __name__ == "__main__":
    main(prog_name="bench.fencing_race")
